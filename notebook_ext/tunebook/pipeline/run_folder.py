"""Where a run keeps its things, under TUNEBOOK_HOME/runs/RUN_ID/."""

from __future__ import annotations

import json
from pathlib import Path

from tunebook.pipeline.home import home


class RunFolder:
    """The paths of one run. Nothing is made by asking for a path."""

    def __init__(self, run_id: str, at: Path | None = None) -> None:
        """`at` is where the folder is on a machine that is not the run's own."""
        self.path = at or home() / "runs" / run_id
        self.inspection = (
            self.path / "inspection.json"
        )  # of data that waits for a decision, or of a run that only inspects
        self.open_plan = self.path / "open_plan.json"  # a plan that nothing can be taken for yet, with its offers
        self.output = self.path / "output"  # checkpoints and the held-out rows
        self.held_out = self.output / "held_out.jsonl"
        self.export = self.path / "export"
        self.report = self.path / "report.html"
        self.curve = self.path / "curve.png"
        self.comparison = self.path / "comparison.json"
        self.starting = self.path / "supervisor.json"  # the supervisor that was started and has no lease yet

    def job(self, stage: str, attempt: int) -> Path:
        return self.path / "jobs" / f"{stage}-{attempt}"

    def checkpoints(self) -> list[tuple[int, Path]]:
        """(step, folder) of every whole checkpoint, the earliest first."""
        found = [
            (int(folder.name.rsplit("-", 1)[1]), folder)
            for folder in self.output.glob("checkpoint-*")
            if folder.name.rsplit("-", 1)[1].isdigit() and is_whole(folder)
        ]
        return sorted(found)


def is_whole(checkpoint: Path) -> bool:
    """Whether every file has the size that was noted when the checkpoint was finished."""
    try:
        sizes: dict[str, int] = json.loads((checkpoint / "whole.json").read_text())
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False
