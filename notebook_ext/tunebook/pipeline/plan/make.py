"""From a spec to a plan: find the model, inspect the data, measure the machine, forecast others, and settle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.ledger import budget_for
from tunebook.pipeline.plan.account import missing_for
from tunebook.pipeline.plan.checkpoint_model import find_model
from tunebook.pipeline.plan.decide import decide
from tunebook.pipeline.plan.forecasting import forecasts_for, wants_rented
from tunebook.pipeline.plan.lessons import lessons
from tunebook.pipeline.plan.looking import Preparing, Watched, inspect_for, method_of
from tunebook.pipeline.plan.machines import Machines
from tunebook.pipeline.plan.measuring import probe_for
from tunebook.pipeline.plan.model import Decision, ModelFacts, Plan
from tunebook.pipeline.plan.questions import data_questions
from tunebook.pipeline.plan.settle import settle
from tunebook.pipeline.plan.supported import unsupported
from tunebook.pipeline.plan.unanswered import unanswered
from tunebook.pipeline.spec import Spec


def make_plan(
    spec: Spec,
    *,
    work_in: Path | None = None,
    preparing: Preparing | None = None,
    check: Callable[[], None] | None = None,
) -> Plan:
    """The plan of a spec, or one with questions and no id.

    Inspection and measurement run as local jobs (in `work_in`, by default the home's own folder for such work) and are
    kept, so that the next plan of the same data and model is quick. `check` is called all the while and may raise.
    Raises CallError for a model or a data set that cannot be used, WorkFailed where a job dies.
    """
    questions = [
        Question(field=name, why="was not said") for name in ("model", "dataset") if getattr(spec, name) is None
    ]
    questions += unsupported(spec)
    if questions:
        return unanswered(spec, questions)
    assert spec.model and spec.dataset
    model = find_model(spec.model, spec.model_revision)
    watched = Watched(work_in, preparing, check)
    inspection = inspect_for(spec, model, watched)
    questions = data_questions(spec, inspection)
    cut = None if questions else chosen_cut(spec, inspection, model)
    if cut is not None and not (inspection.preview and inspection.preview.max_length == cut.value):
        inspection = inspect_for(spec.model_copy(update={"max_length": cut.value}), model, watched)
        questions = data_questions(spec, inspection)
    if questions:
        return unanswered(spec, questions, inspection=inspection, model=model)

    taught = lessons()
    forecasts = forecasts_for(spec, model, method_of(spec, inspection), taught, watched)
    probe = None if wants_rented(spec) else probe_for(spec, model, inspection, cut, watched)
    allowance = budget_for(spec.budget_usd)
    plan = settle(Machines(spec, model, inspection, probe, forecasts, cut, allowance, taught))
    return plan.model_copy(update={"missing": missing_for(plan)})


def chosen_cut(spec: Spec, inspection: Inspection, model: ModelFacts) -> Decision | None:
    """The length at which the plan itself cuts rows: the data is then looked at, and trained, at that. None: nowhere."""
    counts = inspection.report.tokens
    if spec.max_length is not None or counts is None:
        return None
    made = decide(spec, inspection, model, spec.tuning or "lora", "").made
    length = next(decision for decision in made if decision.field == "max_length")
    return length if length.value < counts.max else None
