"""The whole journey of one run in one cell: `FinetunePanel(run)`. The only panel that a person can act in."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.choosing import changes
from tunebook.widgets.panel import Panel, RunPanel, run_id_of
from tunebook.widgets.sliders import Sliders
from tunebook.widgets.snapshot import question_snapshot, run_snapshot
from tunebook.widgets.table_panel import TablePanel

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection
    from tunebook.pipeline.data.source import Source
    from tunebook.pipeline.instruction import Reading
    from tunebook.pipeline.plan import Plan
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View


class FinetunePanel(TablePanel, RunPanel):
    """Request, data, plan, run, comparison and files of a run. `run` as for `RunMonitor`.

    It starts nothing by itself: the one button consents to exactly the plan that is on the screen. The table of the rows
    is opened when somebody looks at the data. Raises CallError for a run that is not known.
    """

    bundle_name = "finetune-panel"
    _inspection: Inspection | None = None
    _plan: Plan | None = None

    def __init__(self, run: Any) -> None:
        self.run_id = run_id_of(run)
        self._drawn: View = {}  # without what is laid over it
        self._sliders = Sliders(contextvars.copy_context(), lambda: self.show(self._drawn))
        super().__init__(self.run_id)

    def show(self, snapshot: View) -> None:
        with self._state_lock:
            self._drawn = snapshot
            super().show(snapshot | {"plan": self._sliders.over(snapshot.get("plan"))})

    def draw(self, facts: Facts) -> View:
        self._inspection, self._plan = facts.inspection, facts.plan
        return run_snapshot(facts)

    def inspection(self) -> Inspection | None:
        return self._inspection

    def source(self) -> Source:
        if self._inspection is None or self._inspection.source is None:
            raise TunebookError("the data set has not been looked at yet")
        return self._inspection.source

    def answer(self, request: dict[str, Any]) -> None:
        """A click. Asked twice, or too late, it changes nothing and the newest state is the answer."""
        kind = request.get("kind")
        if kind == "confirm":
            plan_id = request.get("plan_id")
            if not isinstance(plan_id, str) or not plan_id:
                raise CallError("plan_id", "is missing", "look at the plan before you confirm it")
            control.confirm(self.run_id, plan_id, by="notebook")
        elif kind in ("cancel", "stop") and "of" not in request:  # with "of" it ends what the table works at
            if not self._feed.look().run.finished:
                (control.cancel if kind == "cancel" else control.stop)(self.run_id)
        elif kind == "fix":
            control.revise(self.run_id, self.fix_of(request).fields, by="notebook")
        elif kind in ("choose", "offer", "shape"):
            control.revise(self.run_id, changes(self._plan, request), by="notebook")
        elif kind == "explore":
            self._sliders.want(self._plan)
            return
        elif kind == "take_back":
            control.take_back(self.run_id, str(request.get("field")), by="notebook")
        else:
            super().answer(request)
            return
        self._feed.nudge()


class QuestionPanel(Panel):
    """What was understood of an instruction that leaves questions. Nothing is started and nothing can be confirmed."""

    bundle_name = "finetune-panel"

    def __init__(self, instruction: str, spec: dict[str, Any], reading: Reading) -> None:
        super().__init__()
        self.show(question_snapshot(instruction, spec, reading))
