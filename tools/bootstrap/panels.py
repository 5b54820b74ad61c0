"""The panels: npm's packages and the bundles that esbuild makes of widgets/."""

from __future__ import annotations

from pathlib import Path

from tools.bootstrap.console import Console
from tools.bootstrap.stamps import Stamp

SOURCES = (".ts", ".tsx", ".css", ".mjs", ".json", ".svg")


def packages(console: Console, root: Path, npm: str) -> None:
    """node_modules, with the versions of package-lock.json, which stays as it is.

    Not `npm ci`: it refuses a lock file that lacks the packages of other platforms, as one made behind a mirror does.
    """
    lock = [root / "package.json", root / "package-lock.json"]
    stamp = Stamp(root / "node_modules" / ".tunebook-stamp", files=lock)
    if stamp.valid():
        return
    with console.step("npm packages"):
        console.run([npm, "install", "--no-save", "--no-audit", "--no-fund"], cwd=root)
    stamp.set()


def bundles(console: Console, root: Path, npm: str) -> None:
    """The bundles, made again when a source changed or one is gone."""
    static = root / "notebook_ext" / "tunebook" / "widgets" / "static"
    sources = [file for file in (root / "widgets").rglob("*") if file.suffix in SOURCES and file.is_file()]
    stamp = Stamp(static / ".stamp", files=[*sources, root / "package-lock.json", root / "package.json"])
    panels = {entry.parent.name for entry in (root / "widgets").glob("*/index.ts")}
    parts = {f"{entry.parent.name}.part" for entry in (root / "widgets").glob("*/part.ts")}
    if stamp.valid() and all((static / f"{name}.js").is_file() for name in panels | parts):
        return
    with console.step("bundles of the panels"):
        console.run([npm, "run", "build"], cwd=root)
    stamp.set()
