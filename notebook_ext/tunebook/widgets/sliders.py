"""The sliders of a plan for this machine: made on a thread of their own when somebody looks, laid over every snapshot."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import TunebookError

if TYPE_CHECKING:
    from tunebook.pipeline.plan import Plan
    from tunebook.widgets.views import View

WORKING = "Working out what other values would need on this machine"


class Sliders:
    """Of one panel. `changed` is called on the thread when there is something new to show."""

    def __init__(self, context: contextvars.Context, changed: Callable[[], None]) -> None:
        self._context, self._changed = context, changed
        self._lock = threading.Lock()
        self._of: str | None = None
        self._made: View | None = None
        self._told = ""

    def want(self, plan: Plan | None) -> None:
        """Begin to make them, once a plan; returns at once."""
        from tunebook.pipeline.plan.exploring import explorable

        if plan is None or plan.plan_id is None or not explorable(plan):
            return
        with self._lock:
            if self._of == plan.plan_id:
                return
            self._of, self._made, self._told = plan.plan_id, None, WORKING
        run = self._context.copy().run
        threading.Thread(target=run, args=(self._make, plan), name="tunebook-sliders", daemon=True).start()
        self._changed()

    def over(self, view: View | None) -> View | None:
        """The plan's view with the sliders, as far as they are there."""
        if view is None or view.get("plan_id") != self._of or not view["explorable"]:
            return view
        with self._lock:
            return view | {"exploring": self._told, "explore": self._made or view["explore"]}

    def _make(self, plan: Plan) -> None:
        from tunebook.pipeline.plan.exploring import explore_plan

        made: Any = None
        told = ""
        try:
            found = explore_plan(plan)
            made = found.model_dump() if found else None
        except TunebookError as error:
            told = f"Other values cannot be worked out here: {error}"
        except Exception as error:  # noqa: BLE001  the table stands without them; who looks must see why they lack
            told = f"Other values cannot be worked out here: {type(error).__name__}: {error}"
        with self._lock:
            if self._of != plan.plan_id:
                return
            self._made, self._told = made, told
        self._changed()
