"""The sliders for this machine: the law of its own training step, set beside what was measured here.

The law counts what a step allocates. The process holds more, Python and the libraries above all: the difference at the
sizes that were measured is taken to be the same at others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunebook.pipeline.hardware.explore import Explore, ExploredWay, ExploreMachine, sliders
from tunebook.pipeline.hardware.forecast import Shape, passes
from tunebook.pipeline.hardware.local import BACKEND, MEMORY_MARGIN
from tunebook.pipeline.hardware.memory_law import GIB, MemoryLaw, peak
from tunebook.pipeline.hardware.options import Band, Option


def explore_here(
    options: Sequence[Option],
    laws: Mapping[str, MemoryLaw],
    shape: Shape,
    *,
    lengths: Sequence[int],
    context: int,
    limit: int | None,
    others: Explore | None = None,
) -> Explore | None:
    """The sliders with this machine first; None where nothing was measured on it. `laws` are by tuning.

    `lengths` are the rows before they are cut at `context`, `limit` is the model's own, `others` what there is of rented
    machines.
    """
    mine = [one for one in options if one.backend == BACKEND and one.step_seconds and one.memory and one.tuning in laws]
    if not mine:
        return None
    picked = mine[0].picked
    rows = others.batch.value if others else picked.device_batch if picked else 1
    in_all = shape.steps * shape.batch / rows
    tokens = in_all * passes(shape.lengths, rows).tokens
    ways, own = [], {}
    for option in mine:
        name = f"{option.tuning} on this machine"
        own[name] = _beside(laws[option.tuning], option, shape)
        ways.append(_way(option, name, own[name], shape, tokens))
    memory = mine[0].memory
    assert memory is not None
    machine = ExploreMachine(backend=BACKEND, flavor=mine[0].flavor, gib=memory.available, usd_per_hour=0.0, ways=ways)
    if others is not None:
        return others.model_copy(update={"laws": {**own, **others.laws}, "machines": [machine, *others.machines]})
    return sliders(shape, lengths, context, rows, limit, own, [machine])


def _beside(law: MemoryLaw, option: Option, shape: Shape) -> MemoryLaw:
    """The law, with what the process holds beside it as a constant."""
    assert option.memory is not None
    rows = option.picked.device_batch if option.picked else 1
    counted = peak(law, rows=rows, context=shape.longest, rank=shape.rank).bytes / GIB
    return law.model_copy(
        update={
            "card": option.memory.kind == "GPU",
            "reserve": (1.0, MEMORY_MARGIN),
            "context_gib": round(max(0.0, option.memory.low - counted), 4),
        }
    )


def _way(option: Option, name: str, law: MemoryLaw, shape: Shape, tokens: float) -> ExploredWay:
    assert option.step_seconds and law.flops
    step = option.step_seconds
    per_rank = law.flops.token_rank / law.flops.token
    token = shape.steps * step.p50 / max(1.0, tokens) / (1 + per_rank * shape.rank)
    spread = step.p90 / step.p50 if step.p50 else 1.0
    whole = option.hours or Band(p50=0.0, p90=0.0)
    fixed = max(0.0, whole.p50 * 3600 - shape.steps * step.p50)
    late = max(fixed, whole.p90 * 3600 - shape.steps * step.p90)
    return ExploredWay(
        tuning=option.tuning,
        law=name,
        checkpointing=False,
        fixed_s=Band(p50=round(fixed, 1), p90=round(late, 1)),
        token_s=Band(p50=token, p90=token * spread),
        per_rank=per_rank,
    )
