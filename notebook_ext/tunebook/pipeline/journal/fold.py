"""From events to states. Terminal states stay, whatever comes after them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    from tunebook.pipeline.journal.store import Event

RunStateName = Literal[
    "draft", "confirmed", "running", "interrupted", "needs_person", "cancelling", "succeeded", "failed", "cancelled"
]
AttemptStateName = Literal["submitting", "queued", "running", "succeeded", "failed", "cancelled", "lost"]
Stage = Literal["validate", "train", "evaluate", "export"]

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
ATTEMPT_TERMINAL = TERMINAL | {"lost"}


class AttemptState(BaseModel):
    """One job submitted for a stage; `n` counts within the stage, from 1."""

    n: int
    stage: Stage
    backend: str
    job_id: str | None
    state: AttemptStateName
    timeout_s: int | None
    usd: float
    submitted_at: float
    began_at: float | None = None  # left the queue; what is rented is paid from here
    ended_at: float | None = None
    why: str = ""


class RunState(BaseModel):
    """A run as its events tell it. What processes do right now is not in here: see `watch`."""

    run_id: str
    state: RunStateName = "draft"
    stage: Stage | None = None
    why: str = ""
    instruction: str = ""
    spec: dict[str, Any] = {}
    asked: dict[str, Any] = {}  # the spec as it was when the run was created
    spec_hash: str = ""
    asked_hash: str = ""  # the spec_hash as it was when the run was created
    auto_confirm: bool = False
    plan_id: str | None = None
    max_usd: float | None = None
    preparing: dict[str, Any] | None = None
    revisions: int = 0  # how often the spec was changed since the run was created
    attempts: list[AttemptState] = []
    done_stages: dict[str, float] = {}
    stop_requested: bool = False
    cancel_requested: bool = False
    resumed_from: str | None = None
    problem: dict[str, str] | None = None
    created_at: float = 0
    confirmed_at: float | None = None
    ended_at: float | None = None
    last_seq: int = 0

    @property
    def finished(self) -> bool:
        return self.state in TERMINAL

    @property
    def goes_by_itself(self) -> bool:
        """Consent was given beforehand, which holds for plans that cost nothing."""
        return self.auto_confirm and (self.max_usd is None or self.max_usd == 0)

    def equals(self, field: str, value: Any) -> bool:
        """Whether its `plan_id` or `spec_hash` is this; a spec that was revised is found by what it was and by what it is."""
        return value == getattr(self, field) or (field == "spec_hash" and value == self.asked_hash)

    def attempts_of(self, stage: str) -> list[AttemptState]:
        return [attempt for attempt in self.attempts if attempt.stage == stage]


def fold(events: Iterable[Event]) -> RunState:
    """The state after these events (of one run, in order)."""
    state = RunState(run_id="")
    for event in events:
        _apply(state, event)
        state.last_seq = event.seq
    return state


def _apply(run: RunState, event: Event) -> None:
    data = event.data
    match event.kind:
        case "created":
            run.run_id, run.created_at = event.run_id, event.time
            run.instruction, run.spec, run.asked = data["instruction"], data["spec"], data["spec"]
            run.spec_hash, run.auto_confirm = data["spec_hash"], data.get("auto_confirm", False)
            run.asked_hash = run.spec_hash
            run.resumed_from = data.get("resumed_from")
        case "preparing":
            run.preparing = data
        case "planned":
            if _of_this_spec(run, data):
                run.plan_id, run.max_usd, run.preparing = data["plan_id"], data["max_usd"], None
        case _ if run.finished:
            return  # terminal states stay
        case "revised":
            if run.confirmed_at is None:
                run.spec, run.revisions = data["spec"], run.revisions + 1
                run.spec_hash = data.get("spec_hash", run.spec_hash)
                run.plan_id, run.max_usd, run.preparing = None, None, None
                run.state, run.why, run.problem = "draft", "", None
        case "proved":
            run.preparing = None
        case "confirmed":
            if run.state == "draft" and data["plan_id"] == run.plan_id:
                run.state, run.confirmed_at = "confirmed", event.time
        case "stage":
            run.stage = data["stage"]
            run.state = "cancelling" if run.cancel_requested else "running"
        case "submitting":
            run.attempts.append(
                AttemptState(
                    n=data["n"], stage=data["stage"], backend=data["backend"], job_id=None, state="submitting",
                    timeout_s=data["timeout_s"], usd=0, submitted_at=event.time,
                )
            )  # fmt: skip
        case "attempt":
            _apply_attempt(run, event)
        case "stage_done":
            run.done_stages[data["stage"]] = data["seconds"]
        case "stop_requested":
            run.stop_requested = True
        case "cancel_requested":
            run.cancel_requested = True
            run.state = "cancelled" if run.confirmed_at is None else "cancelling"
            if run.state == "cancelled":
                run.ended_at = event.time
        case "interrupted" | "needs_person":
            if _of_this_spec(run, data):
                run.state, run.why = ("interrupted" if event.kind == "interrupted" else "needs_person"), data["why"]
                run.problem, run.preparing = data.get("problem"), None
        case "resume_requested":
            if run.state == "interrupted":
                run.state, run.why = "running", ""
        case "succeeded" | "failed" | "cancelled":
            run.state = (
                "succeeded" if event.kind == "succeeded" else "failed" if event.kind == "failed" else "cancelled"
            )
            run.why, run.problem, run.ended_at = data.get("why", ""), data.get("problem"), event.time
            run.preparing = None
        case _:
            pass  # a note for people, or an event of a newer version


def _of_this_spec(run: RunState, data: dict[str, Any]) -> bool:
    """Whether what was written is about the spec as it is now, and not about one that was revised in the meantime."""
    return bool(data.get("revision", run.revisions) == run.revisions)


def _apply_attempt(run: RunState, event: Event) -> None:
    data = event.data
    for attempt in run.attempts:
        if (attempt.stage, attempt.n) == (data["stage"], data["n"]) and attempt.state not in ATTEMPT_TERMINAL:
            attempt.state = data["state"]
            attempt.job_id = data.get("job_id", attempt.job_id)
            attempt.why = data.get("why", attempt.why)
            attempt.usd = data.get("usd", attempt.usd)
            if attempt.state == "running" and attempt.began_at is None:
                attempt.began_at = event.time
            if attempt.state in ATTEMPT_TERMINAL:
                attempt.ended_at = event.time
