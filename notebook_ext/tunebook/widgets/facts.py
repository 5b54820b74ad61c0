"""Everything the panels say about one run, gathered from the core and from the run's folder in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.watch import Live, Point, Progress, Usage

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection
    from tunebook.pipeline.evaluation.scores import Comparison
    from tunebook.pipeline.instruction import Reading
    from tunebook.pipeline.journal import Event, RunState
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.prove.result import Proof


@dataclass
class Facts:
    """A run as it is at `now`. What is not known yet is None or empty."""

    run: RunState
    supervised: bool = True
    reading: Reading | None = None
    inspection: Inspection | None = None
    plan: Plan | None = None
    proof: Proof | None = None  # of the plan's script, in miniature
    #: Seconds that each part of the preparation took or has taken: "data", "plan".
    prepared: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[Point]] = field(default_factory=dict)
    step: int | None = None
    max_steps: int | None = None
    eta_s: float | None = None
    pace_s: float | None = None  # seconds a step
    progress: Progress = field(default_factory=Progress)
    checkpoints: list[int] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    usage: Usage | None = None  # of a rented machine
    comparison: Comparison | None = None
    export: dict[str, Any] | None = None
    export_folder: Path = Path()
    script_path: str = ""
    report: Path | None = None
    now: float = field(default_factory=time.time)

    @property
    def inspects(self) -> bool:
        """Whether the run only looks at data, on a rented machine: nothing is trained."""
        return self.plan is not None and self.plan.ask is not None

    @property
    def proving(self) -> bool:
        """Whether the script of the plan is run in miniature right now."""
        run = self.run
        return self.supervised and run.plan_id is not None and run.preparing is not None and not run.finished

    @property
    def unproved_edit(self) -> bool:
        """Whether a person has edited the script, and no proof says that it works: nothing can be started then."""
        return self.plan is not None and self.plan.edit is not None and not (self.proof and self.proof.passed)


LOG_LINES = 20


class Gatherer:
    """Makes the facts of one run from its `Live`; remembers what does not change, so that a look stays cheap."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._reading: Reading | None = None
        self._plan: Plan | None = None
        self._proof: tuple[object, Proof | None] = (None, None)
        self._inspection: tuple[object, Inspection | None] = (None, None)
        self._prepared: tuple[str | None, dict[str, float]] = (None, {})

    def gather(self) -> Facts:
        """The facts as of the last `live.poll()`."""
        from tunebook.pipeline.home import read_json
        from tunebook.pipeline.run_folder import RunFolder
        from tunebook.pipeline.stages import comparison_of

        live = self.live
        assert live.look is not None, "poll first"
        run, folder = live.look.run, RunFolder(live.run_id)
        plan = self._plan_of(run)
        evaluated, exported = "evaluate" in run.done_stages, "export" in run.done_stages
        return Facts(
            run=run,
            supervised=live.look.supervised,
            reading=self._reading_of(run),
            inspection=self._inspection_of(run, plan),
            plan=plan,
            proof=self._proof_of(run, plan),
            prepared=self._seconds_of_preparation(run),
            series={name: list(points) for name, points in live.series.items()},
            step=live.step,
            max_steps=live.max_steps,
            eta_s=live.eta_s,
            pace_s=live.pace_s,
            progress=live.progress,
            checkpoints=list(live.checkpoints),
            scores=list(live.scores),
            log=live.log_lines(LOG_LINES),
            usage=live.hardware.usage(),
            comparison=comparison_of(folder) if evaluated else None,
            export=read_json(folder.path / "export.json") if exported else None,
            export_folder=folder.export,
            script_path=str(folder.job("train", 1) / "train.py"),
            report=folder.report if folder.report.exists() else None,
        )

    def _reading_of(self, run: RunState) -> Reading | None:
        if self._reading is None and run.instruction:
            from tunebook.pipeline.errors import CallError
            from tunebook.pipeline.instruction import read

            try:
                self._reading = read(run.instruction)
            except CallError:
                return None  # made by hand or by a newer version: the fields alone are shown
        return self._reading

    def _plan_of(self, run: RunState) -> Plan | None:
        if run.plan_id is None:
            return _open_plan(run)
        if self._plan is None or self._plan.plan_id != run.plan_id:
            from tunebook.pipeline.home import home
            from tunebook.pipeline.journal import Journal
            from tunebook.pipeline.plan import load_plan

            self._plan = load_plan(Journal(home()), run.plan_id)
        return self._plan

    def _proof_of(self, run: RunState, plan: Plan | None) -> Proof | None:
        """What the proof of the plan's script found. One that passed stays; another may come at any time before consent."""
        if plan is None or not plan.script:
            return None
        from tunebook.pipeline.plan.proving import kept_proof

        of, found = self._proof
        waits = run.confirmed_at is None and not run.finished
        state = plan.plan_id, "waits" if waits else run.last_seq
        if of != state or (waits and found is None):
            self._proof = (state, kept_proof(plan.script) or self._failed_proof(run))
        return self._proof[1]

    def _failed_proof(self, run: RunState) -> Proof | None:
        """Only a proof that passed is kept with the script; one that failed lies where this run's supervisor made it.

        None while it is made: consent goes by what is kept, and what a job has written is not its last word.
        """
        if run.preparing is not None:
            return None
        from pydantic import ValidationError

        from tunebook.pipeline.home import home, read_json
        from tunebook.pipeline.journal import Journal
        from tunebook.pipeline.prove.result import Proof

        events = Journal(home()).events(run.run_id)
        planned = max((event.seq for event in events if event.kind == "planned"), default=-1)
        proofs = [Path(event.data["job"]) for event in events if event.kind == "preparing" and event.seq > planned]
        body = read_json(proofs[-1] / "result.json") if proofs else None
        try:
            found = Proof.model_validate(body) if body else None
            return found if found and not found.passed else None
        except ValidationError:
            return None  # the job found no training script of ours: the run's problem says so

    def _seconds_of_preparation(self, run: RunState) -> dict[str, float]:
        """Of a plan that is made and whose script is not being proved they stay."""
        stays = run.plan_id if run.preparing is None else None
        if stays is not None and self._prepared[0] == stays:
            return self._prepared[1]
        from tunebook.pipeline.home import home
        from tunebook.pipeline.journal import Journal

        events = Journal(home()).events(self.live.run_id)
        self._prepared = stays, seconds_of_preparation(events, run, time.time())
        return self._prepared[1]

    def _inspection_of(self, run: RunState, plan: Plan | None) -> Inspection | None:
        """The plan's inspection; before there is a plan, what the inspection job of this run has left.

        When the spec was changed, the one before is shown until there is another.
        """
        if plan is not None and plan.inspection is not None:
            self._inspection = (None, plan.inspection)
        elif run.preparing is None or run.preparing.get("stage") != "data":
            state = (run.revisions, run.state, (run.preparing or {}).get("job"))
            if state != self._inspection[0]:
                self._inspection = (state, self._fresh_inspection(run) or self._inspection[1])
        return self._inspection[1]

    def _fresh_inspection(self, run: RunState) -> Inspection | None:
        from pydantic import ValidationError

        from tunebook.pipeline.data.report import Inspection
        from tunebook.pipeline.home import home, read_json
        from tunebook.pipeline.journal import Journal
        from tunebook.pipeline.run_folder import RunFolder

        if run.state == "needs_person" or "validate" in run.done_stages:
            kept: Path | None = RunFolder(run.run_id).inspection
        else:
            events = Journal(home()).events(run.run_id)
            revised = max((event.seq for event in events if event.kind == "revised"), default=-1)
            jobs = [
                event.data["job"]
                for event in events
                if event.kind == "preparing" and event.data.get("stage") == "data" and event.seq > revised
            ]
            kept = Path(jobs[-1]) / "result.json" if jobs else None
        body = read_json(kept) if kept else None
        try:
            return Inspection.model_validate(body) if body else None
        except ValidationError:
            return None  # the job found the call wrong: the run's problem says so


def _open_plan(run: RunState) -> Plan | None:
    """The plan that waits for an offer to be taken, where the run does."""
    from tunebook.pipeline.home import read_json
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.run_folder import RunFolder

    body = read_json(RunFolder(run.run_id).open_plan) if run.state == "needs_person" else None
    return Plan.model_validate(body) if body else None


def seconds_of_preparation(events: list[Event], run: RunState, now: float) -> dict[str, float]:
    """What "data" and "plan" took or have taken: from the beginning of each to the event after it."""
    last = run.ended_at if run.ended_at is not None else now
    ends = [event.time for event in events[1:]] + [last]
    seconds: dict[str, float] = {}
    for event, end in zip(events, ends, strict=True):
        if event.kind == "preparing":
            stage = str(event.data["stage"])
            seconds[stage] = seconds.get(stage, 0.0) + max(0.0, end - event.time)
    return seconds
