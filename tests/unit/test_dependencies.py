"""pyproject.toml names every package that the code imports: what works here by luck fails on another machine."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    """A distribution's name in one spelling, without its version range."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0]).lower()


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each outside package that the Python files of the folder import anywhere, with the file."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "tunebook":
                    yield top, file.relative_to(ROOT)


def test_every_import_is_a_declared_dependency() -> None:
    declared = {normal(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["export"]]}
    owners = packages_distributions()
    undeclared = {
        f"{top} in {file}"
        for top, file in imported(ROOT / "notebook_ext" / "tunebook")
        if not declared & {normal(owner) for owner in owners.get(top, [top])}
    }
    assert not undeclared


def test_the_constraints_fit_what_is_declared() -> None:
    from packaging.requirements import Requirement

    pinned = dict(
        line.split("==")
        for line in (ROOT / "tools" / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras["export"], *extras["dev"]]:
        requirement = Requirement(line)
        if normal(requirement.name) != "torch":
            version = pinned[normal(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} but {version} is pinned"
