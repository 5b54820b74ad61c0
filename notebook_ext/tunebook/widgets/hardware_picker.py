"""A plan's hardware, alone in a cell: `HardwarePicker(plan)`."""

from __future__ import annotations

import contextvars
from typing import Any

from tunebook.pipeline.errors import CallError
from tunebook.widgets.panel import Panel
from tunebook.widgets.sliders import Sliders
from tunebook.widgets.views import plan_view


class HardwarePicker(Panel):
    """Every option of a plan with memory, time and price. `plan` is a plan_id or what `tunebook.plan(...)` returned.

    Raises CallError for a plan that is not known.
    """

    bundle_name = "hardware-picker"

    def __init__(self, plan: Any) -> None:
        from tunebook.pipeline.home import home
        from tunebook.pipeline.journal import Journal
        from tunebook.pipeline.plan import Plan, load_plan
        from tunebook.pipeline.plan.proving import kept_proof

        if not isinstance(plan, Plan):
            plan_id = getattr(plan, "plan_id", plan)
            if not plan_id:
                raise CallError("plan", "has questions and no id yet", "answer them and plan again")
            plan = load_plan(Journal(home()), str(plan_id))
        self._plan = plan
        self._proof = kept_proof(plan.script) if plan.script else None
        self._sliders = Sliders(contextvars.copy_context(), self._show_plan)
        super().__init__()
        self._show_plan()

    def answer(self, request: dict[str, Any]) -> None:
        if request.get("kind") == "explore":
            self._sliders.want(self._plan)
        else:
            super().answer(request)

    def _show_plan(self) -> None:
        self.show(
            {"view": self._sliders.over(plan_view(self._plan, proof=self._proof)), "working": "", "problem": None}
        )
