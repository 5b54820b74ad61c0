"""The plan as data: what `plan` prints (PlanResult), and what the supervisor needs beside it (Plan)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Literal

from pydantic import BaseModel, Field

from tunebook.pipeline.backends.hf_jobs.access import Missing
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.catalogue import spendable
from tunebook.pipeline.hardware.explore import Explore
from tunebook.pipeline.hardware.offers import Offer
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.scripts import TrainSettings

_TIME_LIMIT = re.compile(r'^# timeout = "\d+s"\n', re.MULTILINE)

StageName = Literal["validate", "train", "evaluate", "export"]


class Decision(BaseModel):
    """One field the user left open: what was decided, and why."""

    field: str
    value: Any
    why: str


class Chosen(BaseModel):
    backend: str
    flavor: str
    tuning: str


class PlanResult(BaseModel):
    plan_id: str | None  # None while there are questions
    spec: dict[str, Any]
    method: str | None
    why: str
    stages: list[StageName]
    options: list[Option]
    chosen: Chosen | None
    max_usd: float | None
    timeout_s: int | None
    questions: list[Question]
    # For people, not part of the JSON: the interface's fields are fixed.
    sentence: str = Field(default="", exclude=True)  # which machine and why, or what is in the way
    offers: list[Offer] = Field(default=[], exclude=True)  # what would bring it within memory, time or budget
    prices: str = Field(default="", exclude=True)  # how old they are and where they come from; "" where nothing costs
    missing: list[Missing] = Field(default=[], exclude=True)  # what the account lacks for it


class Recovery(BaseModel):
    """What may happen by itself after consent. Nothing, so far: a job that ends early waits for `resume`."""

    attempts_per_stage: int = 1
    may_change: list[str] = []


class ModelFacts(BaseModel):
    """Which model, exactly: a Hub id with its revision, or a folder with a fingerprint of its content."""

    path: str
    revision: str | None
    fingerprint: str
    title: str
    max_positions: int | None
    adapter: str | None = None  # the folder of a LoRA adapter of this model, which is trained on
    adapter_rank: int | None = None


class InspectionAsk(BaseModel):
    """What an inspection is asked, as its job takes it, and the name under which the answer is kept."""

    key: str
    config: dict[str, Any]


class Price(BaseModel):
    """What the chosen machine costs, and when that was read; nothing is spent on a price that is not fresh."""

    usd_per_hour: float
    read_at: float
    source: str  # "live", "cached" or "snapshot"

    def spendable(self, now: float) -> bool:
        return spendable(self.source, self.read_at, now)


class PlanBudget(BaseModel):
    """US dollars; None where no budget is set."""

    cap: float | None
    reserved: float
    spent: float
    left: float | None


class Plan(PlanResult):
    """Everything the run needs. `consent` stands beside the button."""

    said: dict[str, Any]
    sentence: str
    offers: list[Offer] = []
    prices: str = ""
    budget: PlanBudget | None = None
    explore: Explore | None = None
    price: Price | None = None  # that `max_usd` is made of
    missing: list[Missing] = []  # what the account lacks for it, as of when the plan was made
    decisions: list[Decision]
    consent: str
    model: ModelFacts | None
    inspection: Inspection | None
    settings: TrainSettings | None
    script: str | None
    edit: str | None = None  # what a person changed in the script, as a diff
    written: str | None = None  # the script before that
    benchmark: str | None
    total_steps: int | None
    recovery: Recovery = Recovery()
    ask: InspectionAsk | None = None  # of a plan that only inspects: it trains nothing and has no script

    def on_the_hub(self) -> dict[str, str]:
        """What its jobs read and write there."""
        return {name: self.spec[name] for name in ("model", "dataset", "push_to") if self.spec.get(name)}

    def result(self) -> PlanResult:
        return PlanResult.model_validate(self.model_dump(include=set(PlanResult.model_fields)))


def plan_hash(plan: Plan) -> str:
    """sha256 over what is consented to: never over forecasts or times, so that a later look gives the same id. The
    script's time limit is made of a forecast; what it may cost is `max_usd`.
    """
    assert plan.chosen
    content = {
        **_work(plan),
        "spec": plan.spec,
        "chosen": plan.chosen.model_dump(),
        "stages": plan.stages,
        "recovery": plan.recovery.model_dump(),
        "max_usd": plan.max_usd,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _work(plan: Plan) -> dict[str, Any]:
    """What is done, to the byte: the training, or the inspection."""
    if plan.ask is not None:
        return {"ask": plan.ask.model_dump()}
    assert plan.inspection and plan.model and plan.script
    return {
        "data": plan.inspection.fingerprint,
        "model": plan.model.fingerprint,
        "script": hashlib.sha256(_TIME_LIMIT.sub("", plan.script, count=1).encode()).hexdigest(),
    }


def load_plan(journal: Journal, plan_id: str) -> Plan:
    """A kept plan by its id, or by a unique beginning of at least 6 characters. Raises CallError."""
    ids = journal.plan_ids(plan_id) if len(plan_id) >= 6 else []
    if len(ids) != 1:
        known = "is the beginning of several plans" if ids else "is not known here"
        raise CallError("plan_id", f"{plan_id!r} {known}", "use the plan_id that `plan` printed")
    return Plan.model_validate(journal.plan(ids[0]))
