"""A run as it goes, alone in a cell: `RunMonitor(run)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.widgets.panel import RunPanel, run_id_of
from tunebook.widgets.snapshot import problem, progress_text
from tunebook.widgets.views import run_view

if TYPE_CHECKING:
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View


class RunMonitor(RunPanel):
    """Live loss and what belongs to it. `run` is a run's id, a unique beginning of one, or anything with a `run_id`.

    Raises CallError for a run that is not known.
    """

    bundle_name = "run-monitor"

    def __init__(self, run: Any) -> None:
        super().__init__(run_id_of(run))

    def draw(self, facts: Facts) -> View:
        started = facts.run.confirmed_at is not None
        said = str((facts.run.preparing or {}).get("text") or "")
        return {
            "view": run_view(facts) if started else None,
            "working": "" if facts.run.finished or facts.step is not None else progress_text(facts.progress) or said,
            "problem": problem(facts),
        }
