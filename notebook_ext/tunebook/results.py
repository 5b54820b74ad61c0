"""The JSON of the commands that are about runs and the machine, as models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.prove.result import Proof


class ScriptResult(BaseModel):
    path: str
    stage: str
    dependencies: list[str]


class EditResult(BaseModel):
    """A plan whose script was edited. `plan_id` is the plan's own where nothing was changed."""

    plan_id: str
    added: int  # lines
    removed: int
    diff: str
    proof: Proof


class ConfirmResult(BaseModel):
    plan_id: str
    max_usd: float
    confirmed: bool


class RunRef(BaseModel):
    run_id: str
    plan_id: str | None
    state: str


class RunsResult(BaseModel):
    runs: list[RunRef]


class ShowAttempt(BaseModel):
    n: int
    stage: str
    backend: str
    job_id: str | None
    state: str
    timeout_s: int | None
    usd: float


class ShowResult(BaseModel):
    run_id: str
    plan_id: str | None
    state: str
    stage: str | None
    why: str  # of a state that needs one: failed, interrupted
    attempts: list[ShowAttempt]
    step: int | None
    loss: float | None
    eta_s: float | None  # seconds to the end of the training
    usd: float
    events: list[dict[str, Any]]


class LogsResult(BaseModel):
    lines: list[str]


class MetricsResult(BaseModel):
    series: dict[str, list[tuple[int, float | None]]]


class ReportResult(BaseModel):
    path: str


class CleanResult(BaseModel):
    removed: list[str]
    bytes: int


class DoctorResult(BaseModel):
    backends: dict[str, str]
    sandbox: str | None
    versions: dict[str, str | None]
