"""Hatch's build hook: a wheel without the panels' bundles is refused, since it would install and show nothing.

An editable install needs no bundles: `npm run build` makes them in place later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = "notebook_ext/tunebook/widgets/static"


def missing_bundles(root: Path) -> list[str]:
    """The bundles that the Python halves of the panels load and that are not there, or empty.

    Each `tunebook/widgets/NAME.py` with a front has a folder `widgets/NAME-with-hyphens/` and the bundle
    `static/NAME-with-hyphens.js`; a `part.ts` there is sent when it is first looked at, as `NAME-with-hyphens.part.js`.
    """
    panels = sorted(entry.parent.name for entry in (root / "widgets").glob("*/index.ts"))
    if not panels:
        return [f"{STATIC}/*.js"]
    parts = sorted(entry.parent.name for entry in (root / "widgets").glob("*/part.ts"))
    bundles = [
        root / STATIC / name for name in (*(f"{one}.js" for one in panels), *(f"{one}.part.js" for one in parts))
    ]
    return [str(bundle.relative_to(root)) for bundle in bundles if not bundle.is_file() or bundle.stat().st_size == 0]


class BundlesHook(BuildHookInterface[Any]):
    """Runs before a wheel is made. Raises RuntimeError, which fails the build."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is hatch's word for the kind of wheel: "standard" or "editable"."""
        if version == "editable":
            return
        missing = missing_bundles(Path(self.root))
        if missing:
            raise RuntimeError(f"The wheel would lack {', '.join(missing)}. Make them first: npm ci && npm run build")
