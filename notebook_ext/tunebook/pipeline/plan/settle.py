"""The last step to a plan: choose the machine, decide the rest, write the script and hash the whole."""

from __future__ import annotations

import time

from tunebook.pipeline.data.checks import Settings
from tunebook.pipeline.data.checks.settings import with_plan
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.data.source import locate
from tunebook.pipeline.hardware.attention import plain_on_a_cpu
from tunebook.pipeline.hardware.cards import card_of
from tunebook.pipeline.hardware.choice import beside, choose, dollars
from tunebook.pipeline.hardware.local import BACKEND as LOCAL
from tunebook.pipeline.hardware.local import duration
from tunebook.pipeline.hardware.machine import this_machine
from tunebook.pipeline.hardware.options import NAMES, Option, Picked
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.ledger import Allowance, at_most, budget_now
from tunebook.pipeline.plan.decide import BETAS, HELD_OUT_MOST, LOSS_ROWS, Decisions, decide, total_steps, training_rows
from tunebook.pipeline.plan.machines import Machines
from tunebook.pipeline.plan.model import (
    Chosen,
    Decision,
    ModelFacts,
    Plan,
    PlanBudget,
    Price,
    StageName,
    plan_hash,
)
from tunebook.pipeline.plan.rewarding import rewarded, rewards_of
from tunebook.pipeline.plan.unanswered import unanswered
from tunebook.pipeline.scripts import TrainSettings, train_script

#: Decisions whose reasons stand in the script: none of them is a forecast, so that the same plan is the same bytes.
TOLD = ("max_length", "packing", "epochs", "learning_rate", "save_steps", "eval_steps", "seed", "num_generations")


def settle(machines: Machines) -> Plan:
    """The plan with its id; or one with a question and with offers, where no machine can be taken."""
    spec, model, inspection = machines.spec, machines.model, machines.inspection
    options = machines.options()
    chosen, reason, field = choose(options, machines.wanted())
    best = choose(options, machines.wanted()._replace(flavor=None, tuning=None)).option
    options = [beside(one, chosen, best) for one in options]
    prices = (
        machines.forecasts.catalogue.sentence(time.time())
        if machines.forecasts.catalogue
        else machines.forecasts.problem
    )
    more = {
        "offers": machines.offers(chosen),
        "budget": plan_budget(machines.allowance) if machines.forecasts.catalogue else None,
        "prices": prices,
        "explore": machines.explore(options, chosen),
    }
    if chosen is None:
        asked = [Question(field=field, why=reason.rstrip("."))]
        plan = unanswered(spec, asked, inspection=inspection, model=model, options=options)
        return plan.model_copy(update={**more, "sentence": reason})

    settled = decide(spec, inspection, model, chosen.tuning, chosen.why, machines.cut)
    rows = training_rows(spec, inspection, settled.spec.get("eval_share", 0.0))
    steps = total_steps(settled.spec, rows)
    report = with_plan(inspection.report, settled.spec["method"], _checked(settled, chosen))
    inspection = inspection.model_copy(update={"report": report})
    local = chosen.backend == LOCAL
    settled.take("backend", chosen.backend, "it costs nothing" if local else "its machines are rented by the minute")
    settled.take(
        "flavor",
        chosen.flavor,
        "the machine that this notebook runs on" if local else f"the cheapest that fits with {NAMES[chosen.tuning]}",
    )
    picked = chosen.picked or Picked(device_batch=1, accumulation=1, checkpointing=False, precision="fp32")
    if settled.spec["method"] == "grpo" and "rewards" not in settled.spec:
        settled.take("rewards", *rewards_of(inspection))
    _tell_picked(settled, picked, local)
    timeout = chosen.timeout_s or 3600
    timeout = max(timeout, 2 * (spec.time_limit_s or 0)) if local else timeout
    if spec.leave_out:
        rows_out = f"{len(inspection.left_out):,} of {inspection.split_rows:,} rows"
        settled.made.append(Decision(field="leave_out", value=rows_out, why=f"found by {', '.join(spec.leave_out)}"))
    settings = _settings(settled, inspection, model, steps, picked, local)
    plan = Plan(
        plan_id=None,
        spec=settled.spec,
        method=settled.spec["method"],
        why=inspection.report.methods[settled.spec["method"]].why,
        stages=_stages(settled),
        options=options,
        chosen=Chosen(backend=chosen.backend, flavor=chosen.flavor, tuning=chosen.tuning),
        max_usd=chosen.max_usd,
        timeout_s=timeout,
        questions=[],
        said=spec.said(),
        decisions=settled.made,
        sentence=reason,
        consent=consent_line(chosen, machines.allowance, timeout),
        model=model,
        inspection=inspection,
        settings=settings,
        script=train_script(settings, timeout_s=timeout, flavor=None if local else chosen.flavor),
        benchmark=settled.spec.get("benchmark"),
        total_steps=steps,
        price=_price(machines, chosen),
        **more,
    )
    return plan.model_copy(update={"plan_id": plan_hash(plan)})


def _stages(settled: Decisions) -> list[StageName]:
    """A reward model gives a score and no text, so there is nothing to make a GGUF file of."""
    evaluated: list[StageName] = ["evaluate"] if settled.spec.get("benchmark") else []
    exported: list[StageName] = [] if settled.spec["method"] == "reward" else ["export"]
    return ["train", *evaluated, *exported]


def _tell_picked(settled: Decisions, picked: Picked, local: bool) -> None:
    if local:
        return
    why = "the fastest that fits the card" + (
        f", in {picked.accumulation} passes a step" if picked.accumulation > 1 else ""
    )
    settled.take("device_batch_size", picked.device_batch, why)
    why = (
        "memory needs it, or it allows a larger batch"
        if picked.checkpointing
        else "memory allows to keep all activations"
    )
    settled.made.append(Decision(field="checkpointing", value=picked.checkpointing, why=why))
    why = "the card computes it" if picked.precision == "bf16" else "the card has no bf16 of its own"
    settled.made.append(Decision(field="precision", value=picked.precision, why=why))


def consent_line(chosen: Option, allowance: Allowance, timeout: int) -> str:
    """The line beside the button: what is reserved, and what ends it."""
    if not chosen.usd_per_hour:
        return "It runs on this machine and costs nothing."
    most = at_most(chosen.max_usd or 0.0)
    told = (
        f"{most} is reserved: {duration(timeout)} at {dollars(chosen.usd_per_hour)} an hour, then the job is stopped."
    )
    if allowance.cap_usd is not None:
        told = f"Budget {dollars(allowance.cap_usd)}. {told}"
    return f"{told} It cannot be started now: {chosen.blocked}." if chosen.blocked else told


def _price(machines: Machines, chosen: Option) -> Price | None:
    prices = machines.forecasts.catalogue
    if chosen.backend == LOCAL or prices is None or chosen.usd_per_hour is None:
        return None
    return Price(usd_per_hour=chosen.usd_per_hour, read_at=prices.read_at, source=prices.source)


def plan_budget(allowance: Allowance) -> PlanBudget:
    now = budget_now()
    return PlanBudget(
        cap=allowance.cap_usd,
        reserved=now.reserved_usd,
        spent=now.spent_usd,
        left=allowance.cap_usd if allowance.left_usd is None else allowance.left_usd,
    )


def _checked(settled: Decisions, chosen: Option) -> Settings:
    """What the checks of the data can now be told: the tuning, its rate and the card, of several the oldest."""
    here = min(this_machine().gpus, key=lambda gpu: gpu.capability or (0, 0), default=None)
    rented = card_of(chosen.card)
    name, capability = (here.name, here.capability) if here else ("", None)
    if chosen.backend != LOCAL:
        name, capability = chosen.card, rented.capability if rented else None
    return Settings(
        tuning=settled.spec["tuning"],
        learning_rate=settled.spec["learning_rate"],
        card=name,
        capability=capability,
    )


def _settings(
    settled: Decisions, inspection: Inspection, model: ModelFacts, steps: int, picked: Picked, local: bool
) -> TrainSettings:
    spec = settled.spec
    method = spec["method"]
    cpu = local and not this_machine().gpus
    return TrainSettings(
        method=method,
        adapter=model.adapter,
        model=model.path,
        model_revision=model.revision,
        source=inspection.source
        or locate(
            spec["dataset"],
            config=spec.get("dataset_config"),
            split=spec.get("split"),
            revision=spec.get("dataset_revision"),
        ),
        leave_out=inspection.left_out,
        split_rows=inspection.split_rows,
        to_trl=inspection.report.methods[spec["method"]].code,
        rows=spec.get("rows"),
        eval_share=spec.get("eval_share", 0.0),
        held_out_rows=HELD_OUT_MOST,
        loss_rows=LOSS_ROWS,
        seed=spec["seed"],
        max_length=spec["max_length"],
        packing=spec.get("packing", False),
        epochs=spec.get("epochs", 1.0),
        max_steps=spec.get("max_steps"),
        device_batch_size=picked.device_batch,
        accumulation=picked.accumulation,
        learning_rate=spec["learning_rate"],
        warmup_steps=min(10, steps // 20),
        checkpointing=picked.checkpointing,
        eval_steps=spec["eval_steps"],
        save_steps=spec["save_steps"],
        lora_rank=None if spec["tuning"] == "full" else spec["lora_rank"],
        half_weights=not local and spec["tuning"] != "full",
        four_bit=spec["tuning"] == "qlora",
        cpu=cpu,
        plain_attention=cpu and plain_on_a_cpu(method, spec["max_length"]),
        cpu_bf16=local and picked.precision == "bf16",
        cards=picked.cards,
        sharded=picked.spread == "FSDP",
        report_to=["trackio"],
        data_settings=inspection.settings,
        beta=BETAS.get(method),
        why={one.field: one.why for one in settled.made if one.field in TOLD},
        **(rewarded(spec) if method == "grpo" else {}),
    )
