"""The base and every checkpoint of a run compared, alone in a cell: `CheckpointTable(run)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.widgets.panel import RunPanel, run_id_of
from tunebook.widgets.snapshot import problem, progress_text
from tunebook.widgets.views import compare_view

if TYPE_CHECKING:
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View


class CheckpointTable(RunPanel):
    """Scores with their intervals, row by row as they come. `run` as for `RunMonitor`.

    Raises CallError for a run that is not known.
    """

    bundle_name = "checkpoint-table"

    def __init__(self, run: Any) -> None:
        super().__init__(run_id_of(run))

    def draw(self, facts: Facts) -> View:
        evaluating = facts.run.state == "running" and facts.run.stage == "evaluate"
        return {
            "view": compare_view(facts),
            "working": progress_text(facts.progress) if evaluating else "",
            "problem": problem(facts),
        }
