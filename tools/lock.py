"""Write tools/constraints.txt: the exact versions, of everything the project draws in, that the tests ran with.

PyTorch and what belongs to its build are left out, since each machine has its own build.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: Chosen by the variable TORCH, or part of the build that it names.
BUILD = re.compile(r"torch|triton|nvidia-.*|cuda-.*|setuptools")
HEAD = "# The exact versions that the tests ran with. `make lock` writes this file from the environment.\n"


def closure(root: str, extras: set[str]) -> dict[str, str]:
    """Name and version of all that `root` with its extras depends on and that is installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(root, frozenset(extras))]
    while waiting:
        name, wanted = waiting.pop()
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = package.version
        for line in package.requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *wanted}):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    del found[root]
    return {name: version for name, version in found.items() if not BUILD.fullmatch(name)}


def main() -> None:
    """Write the file, in the order of the names."""
    pinned = closure("tunebook", {"export", "dev"})
    target = Path(__file__).with_name("constraints.txt")
    target.write_text(HEAD + "".join(f"{name}=={pinned[name]}\n" for name in sorted(pinned)), encoding="utf-8")
    print(f"{len(pinned)} versions in {target.name}")


if __name__ == "__main__":
    main()
