"""The sliders of a plan for this machine, made when somebody looks: the laws take some seconds, which no plan waits for."""

from __future__ import annotations

import contextlib
import hashlib
import json
from importlib.metadata import version

from pydantic import ValidationError

from tunebook.pipeline.hardware.explore import Explore
from tunebook.pipeline.hardware.explore_here import explore_here
from tunebook.pipeline.hardware.forecast import Shape
from tunebook.pipeline.hardware.local import BACKEND
from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.oracle import oracle
from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.plan.forecasting import LAW_VERSION, LIBRARIES
from tunebook.pipeline.plan.measuring import sampled_lengths
from tunebook.pipeline.plan.model import ModelFacts, Plan


def explorable(plan: Plan) -> bool:
    """Whether this machine was measured for the plan, so that its sliders can be made."""
    return any(one.backend == BACKEND and one.step_seconds and one.memory for one in plan.options)


def explore_plan(plan: Plan) -> Explore | None:
    """The plan's sliders with this machine among them. Takes seconds the first time for a model.

    Raises WorkFailed for a model whose step cannot be run without weights.
    """
    settings, inspection, model = plan.settings, plan.inspection, plan.model
    if settings is None or inspection is None or model is None or not explorable(plan):
        return plan.explore
    counts = inspection.report.tokens
    context = settings.max_length or (counts.max if counts else 0)
    lengths = sampled_lengths(inspection, inspection.train_rows)
    measured = [one.tuning for one in plan.options if one.backend == BACKEND and one.step_seconds and one.memory]
    rank = settings.lora_rank or 16
    shape = Shape(
        lengths=[min(length, context) for length in lengths],
        steps=plan.total_steps or 1,
        batch=plan.spec["batch_size"],
        rank=rank,
        longest=min(context, counts.max) if counts else context,
    )
    laws = {tuning: law_here(model, tuning, settings.accumulation) for tuning in measured}
    return explore_here(
        plan.options,
        laws,
        shape,
        lengths=lengths,
        context=context,
        limit=model.max_positions,
        others=plan.explore,
    )


def law_here(model: ModelFacts, tuning: str, accumulation: int) -> MemoryLaw:
    """The law of a step as this machine's CPU or card takes it: float32 weights, nothing cast. Kept by model."""
    several = min(2, accumulation)  # from the second pass on gradients are there all the time
    said = [LAW_VERSION, "here", model.fingerprint, tuning, several, [version(name) for name in LIBRARIES]]
    file = home() / "laws" / f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(ValidationError, ValueError):  # one that was damaged is made again
        if (body := read_json(file)) is not None:
            return MemoryLaw.model_validate(body)
    ask = MemoryAsk(
        model=model.path,
        model_revision=model.revision,
        tuning=tuning,
        checkpointing=False,
        dtype="fp32",
        autocast=None,
        accumulation=several,
    )
    law = oracle.law(ask)
    write_json(file, law.model_dump(mode="json"))
    return law
