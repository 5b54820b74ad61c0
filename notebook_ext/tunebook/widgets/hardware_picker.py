"""A plan's hardware, alone in a cell: `HardwarePicker(plan)`."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.errors import CallError
from tunebook.widgets.panel import Panel
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

        if not isinstance(plan, Plan):
            plan_id = getattr(plan, "plan_id", plan)
            if not plan_id:
                raise CallError("plan", "has questions and no id yet", "answer them and plan again")
            plan = load_plan(Journal(home()), str(plan_id))
        super().__init__()
        self.show({"view": plan_view(plan), "working": "", "problem": None})
