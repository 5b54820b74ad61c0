"""The plan of an inspection on a rented machine: one stage, no training, and the price of a machine without a GPU."""

from __future__ import annotations

import time

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.hardware.catalogue import Catalogue, catalogue
from tunebook.pipeline.hardware.choice import dollars
from tunebook.pipeline.hardware.flavors import BACKEND as RENTED
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.home import home, read_json
from tunebook.pipeline.ledger import budget_for
from tunebook.pipeline.plan.account import missing_for
from tunebook.pipeline.plan.checkpoint_model import find_model
from tunebook.pipeline.plan.looking import (
    ask_for,
    keep_inspection,
    kept_inspection,
    on_this_machine,
    pinned,
    rows_left_out,
)
from tunebook.pipeline.plan.model import Chosen, InspectionAsk, ModelFacts, Plan, Price, plan_hash
from tunebook.pipeline.plan.settle import consent_line, plan_budget
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import Spec

#: The machine where only the backend is named: the smallest that the Hub rents.
FLAVOR = "cpu-basic"
TIMEOUT_S = 1800


def rented_look(spec: Spec, *, against: str | None = None) -> Inspection | Plan:
    """What is kept of the inspection that `spec` asks for, or else the plan that has it made on the machine `spec.flavor`.

    Raises CallError for data or a model that no other machine can read, and for a machine that is not rented or has a GPU.
    """
    spec = spec.model_copy(update={"backend": RENTED, "flavor": spec.flavor or FLAVOR})
    model = find_model(spec.model, spec.model_revision) if spec.model else None
    _require_on_the_hub(spec, model)
    ask = _ask(pinned(spec), model, against)
    kept = kept_inspection(ask)
    return kept if kept is not None else _plan(spec, model, ask)


def take_up(plan: Plan, folder: RunFolder) -> Inspection:
    """Keep what a run's job has found under the name that every later look asks for. Raises WorkFailed where it found
    nothing that could be kept.
    """
    assert plan.ask
    try:
        return keep_inspection(plan.ask, read_json(folder.inspection) or {})
    except ValueError:  # which a ValidationError is
        raise WorkFailed(f"what the inspection has found is not in {folder.path}") from None


def _require_on_the_hub(spec: Spec, model: ModelFacts | None) -> None:
    instead = "leave out `on` to inspect here, or push it to the Hub first"
    if on_this_machine(spec.dataset or ""):
        raise CallError("dataset", f"{spec.dataset} is on this machine, whose disk no rented one can read", instead)
    if model is not None and on_this_machine(model.path):
        raise CallError("model", f"{model.title} is on this machine, whose disk no rented one can read", instead)


def _ask(spec: Spec, model: ModelFacts | None, against: str | None) -> InspectionAsk:
    """Which rows are left out is what an inspection of all rows has found: it is looked up, never made here."""
    if spec.leave_out and kept_inspection(ask_for(_whole(spec), model, [], against, [])) is None:
        problem = f"is {', '.join(spec.leave_out)}, and which rows these find is not known before all were inspected"
        raise CallError("leave_out", problem, "inspect without it first")
    return ask_for(spec, model, rows_left_out(spec, model, against=against), against, [])


def _whole(spec: Spec) -> Spec:
    return spec.model_copy(update={"leave_out": None, "rows": None, "eval_share": None})


def _plan(spec: Spec, model: ModelFacts | None, ask: InspectionAsk) -> Plan:
    prices = catalogue(home())
    machine = _machine(spec.flavor or FLAVOR, prices)
    most = machine.usd_for(TIMEOUT_S)
    if machine.usd_per_hour is None or most is None:
        raise CallError("flavor", f"is {machine.name}, and {machine.unsupported}", "choose another machine")
    most, allowance = round(most, 6), budget_for(spec.budget_usd)
    said = spec.said()
    chosen = Option(
        backend=RENTED, flavor=machine.name, tuning="", fits=True, memory=None, hours=None, usd=None, max_usd=most, why="",
        usd_per_hour=machine.usd_per_hour, timeout_s=TIMEOUT_S,
    )  # fmt: skip
    plan = Plan(
        plan_id=None,
        spec=said | ({"model": model.path} if model else {}),
        method=spec.method,
        why="",
        stages=["validate"],
        options=[],
        chosen=Chosen(backend=chosen.backend, flavor=chosen.flavor, tuning=chosen.tuning),
        max_usd=most,
        timeout_s=TIMEOUT_S,
        questions=[],
        said=said,
        decisions=[],
        sentence=_sentence(spec, model, machine),
        prices=prices.sentence(time.time()),
        budget=plan_budget(allowance),
        price=Price(usd_per_hour=machine.usd_per_hour, read_at=prices.read_at, source=prices.source),
        consent=consent_line(chosen, allowance, TIMEOUT_S),
        model=model,
        inspection=None,
        settings=None,
        script=None,
        benchmark=None,
        total_steps=None,
        ask=ask,
    )
    return plan.model_copy(update={"plan_id": plan_hash(plan), "missing": missing_for(plan)})


def _machine(name: str, prices: Catalogue) -> Flavor:
    found = prices.flavor(name)
    if found.kind != "CPU":
        raise CallError("flavor", f"is {name}, and an inspection uses no {found.kind}", f"choose {FLAVOR}")
    return found


def _sentence(spec: Spec, model: ModelFacts | None, machine: Flavor) -> str:
    has = [f"{machine.vcpus} vCPU"] if machine.vcpus else []
    has += [f"{machine.ram_gib:.0f} GiB"] if machine.ram_gib else []
    size = f" ({', '.join(has)})" if has else ""
    seen = f" with the tokenizer of {model.title}" if model else ""
    price = dollars(machine.usd_per_hour or 0.0)
    return f"Every row of {spec.dataset} is looked at{seen} on {machine.name}{size}, at {price} an hour."
