"""The wheel holds the panels' bundles, and one without them is never made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path("notebook_ext/tunebook/widgets/static")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what a wheel is made of, as git has it: without bundles."""
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        ROOT / "notebook_ext", copy / "notebook_ext", ignore=shutil.ignore_patterns("static", "__pycache__")
    )
    shutil.copytree(ROOT / "widgets", copy / "widgets")
    return copy


def build(source: Path) -> subprocess.CompletedProcess[str]:
    """`hatchling build` of a wheel, in this environment: nothing is downloaded."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)


def make_bundles(source: Path) -> list[str]:
    panels = sorted(entry.parent.name for entry in (source / "widgets").glob("*/index.ts"))
    (source / STATIC).mkdir()
    panels += sorted(f"{entry.parent.name}.part" for entry in (source / "widgets").glob("*/part.ts"))
    for panel in panels:
        (source / STATIC / f"{panel}.js").write_text("export default {};\n")
    return panels


def test_a_wheel_without_bundles_is_refused_with_the_remedy(source: Path) -> None:
    result = build(source)
    assert result.returncode != 0
    assert "npm run build" in result.stderr
    assert not list(source.glob("dist/*.whl"))


def test_one_missing_bundle_is_named(source: Path) -> None:
    panels = make_bundles(source)
    (source / STATIC / f"{panels[0]}.js").unlink()
    result = build(source)
    assert result.returncode != 0
    assert f"{panels[0]}.js" in result.stderr
    assert f"{panels[1]}.js" not in result.stderr


def test_the_wheel_holds_every_bundle_the_command_and_the_licence(source: Path) -> None:
    panels = make_bundles(source)
    result = build(source)
    assert result.returncode == 0, result.stderr
    (wheel,) = source.glob("dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert {f"tunebook/widgets/static/{panel}.js" for panel in panels} <= names
    assert "tunebook = tunebook.cli:main" in entry_points
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "tunebook/py.typed" in names
