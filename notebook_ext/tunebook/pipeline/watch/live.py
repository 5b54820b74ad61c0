"""Follow a run: new metric points, progress lines, scores as they come. One instance per follower."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.tail import EventTail, LineTail, last_lines
from tunebook.pipeline.watch.hardware import HARDWARE_FILE, Hardware
from tunebook.pipeline.watch.look import Look, look
from tunebook.pipeline.watch.point import Point

#: What is followed of all that the trainers log, by their names.
_FOLLOWED = {
    *("loss", "learning_rate", "grad_norm", "tokens_per_second", "memory_gib", "mean_token_accuracy"),
    *("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"),  # DPO and KTO
    *("accuracy", "margin"),  # reward models
    *("reward", "reward_std", "frac_reward_zero_std", "completions/mean_length", "completions/clipped_ratio"),  # GRPO
}
_RENAMED = {"mean_token_accuracy": "token_accuracy"}
_OF_ONE_REWARD = re.compile(r"rewards/.+/mean")


def series_name(logged: str) -> str | None:
    """The series of a logged value: "train/" and the trainer's name, or "eval/" for what was held out; None for the rest."""
    split, name = ("eval", logged.removeprefix("eval_")) if logged.startswith("eval_") else ("train", logged)
    if name not in _FOLLOWED and not _OF_ONE_REWARD.fullmatch(name):
        return None
    return f"{split}/{_RENAMED.get(name, name)}"


@dataclass
class Progress:
    """The job at hand, in one line. `done` and `total` are None where the work cannot be counted."""

    text: str = ""
    done: int | None = None
    total: int | None = None

    @property
    def share(self) -> float | None:
        return self.done / self.total if self.done is not None and self.total else None


@dataclass
class Live:
    """What is known of a run, renewed by `poll`."""

    run_id: str
    look: Look | None = None
    series: dict[str, list[Point]] = field(default_factory=dict)
    #: What its machines measured of themselves. Apart from `series`: a resumed training does not undo it.
    hardware: Hardware = field(default_factory=Hardware)
    #: Grows when points that were already handed out were dropped, because a resumed run overlapped them.
    generation: int = 0
    step: int | None = None
    max_steps: int | None = None
    progress: Progress = field(default_factory=Progress)
    scores: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._journal = Journal(home())
        self._tails: dict[Path, EventTail] = {}
        self._measurements: dict[Path, LineTail] = {}
        self._at: Path | None = None

    def poll(self) -> Look:
        """Look at the run and read what its jobs have said since the last time."""
        # The state first: when it says that a job has ended, everything the job wrote is there to be read.
        self.look = look(self._journal, self.run_id)
        run, folder = self.look.run, RunFolder(self.run_id)
        if run.preparing and run.preparing.get("job"):
            self._read(Path(run.preparing["job"]), "prepare")
        for attempt in run.attempts:
            job = folder.job(attempt.stage, attempt.n)
            self._read(job, attempt.stage)
            for line in self._measurements.setdefault(job, LineTail(job / HARDWARE_FILE)).new():
                self.hardware.take(line)
        return self.look

    def _read(self, job: Path, stage: str) -> None:
        if job not in self._tails:
            self._tails[job] = EventTail(job)
            self.progress, self._at = Progress(), job
            if stage == "evaluate":
                self.scores.clear()
        for event in self._tails[job].new():
            self._take(event, job)

    def _take(self, event: dict[str, Any], job: Path) -> None:
        match event["event"]:
            case "begin":
                self.max_steps = event["max_steps"]
                self._drop_after(event["step"])
            case "metrics":
                self.step = event["step"]
                for logged, value in event["values"].items():
                    if name := series_name(logged):
                        self.series.setdefault(name, []).append(Point(event["step"], value, event["time"]))
            case "checkpoint":
                self.checkpoints.append(event["step"])
            case "score":
                self.scores.append(event)
            case "progress" if job == self._at:
                self.progress = Progress(event.get("text", ""), event.get("done"), event.get("total"))

    def _drop_after(self, step: int) -> None:
        """A later attempt begins at `step`: it wins over what an earlier one said beyond."""
        for name, points in self.series.items():
            kept = [point for point in points if point.step <= step]
            if len(kept) < len(points):
                self.series[name] = kept
                self.generation += 1
        self.checkpoints = [one for one in self.checkpoints if one <= step]

    # What people read

    @property
    def loss(self) -> float | None:
        points = self.series.get("train/loss")
        return points[-1].value if points else None

    @property
    def pace_s(self) -> float | None:
        """Seconds a step, from the last steps; None before there are three, and where the clock went back meanwhile."""
        points = self.series.get("train/loss", [])[-12:]
        if len(points) < 3 or points[-1].step == points[0].step:
            return None
        pace = (points[-1].time - points[0].time) / (points[-1].step - points[0].step)
        return pace if pace >= 0 else None

    @property
    def eta_s(self) -> float | None:
        """Seconds until the training's last step, at the pace of the last steps."""
        pace, points = self.pace_s, self.series.get("train/loss", [])
        if self.max_steps is None or pace is None:
            return None
        return max(0.0, (self.max_steps - points[-1].step) * pace)

    def log_lines(self, count: int) -> list[str]:
        """The last lines of the newest job's log."""
        return last_lines(self._at / "log.txt", count) if self._at else []
