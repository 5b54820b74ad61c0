"""The answer to a question about memory: two small depths of the model are run, and each phase grows in a straight line."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.memory import MemoryAsk, MemoryEstimate
from tunebook.pipeline.hardware.meta.live import PARTS, WEIGHTS, Phase
from tunebook.pipeline.hardware.meta.model import config_of, depths, known, period_of
from tunebook.pipeline.hardware.meta.step import Ready, Step, ready, run

GIB = 2**30
#: What the allocator takes from the driver, of what is allocated: seen in published runs with and without fragmentation.
RESERVE = (1.02, 1.25)
#: The same where parts come from formulas.
RESERVE_COARSE = (1.02, 1.41)
#: CUDA's context with the kernels that training loads.
CONTEXT_GIB = 0.5
#: PyTorch keeps a workspace for cuBLAS in the same allocator (CUDABlas.cpp: 2 x 4096 KiB + 8 x 16 KiB).
WORKSPACE = 2 * 4096 * 1024 + 8 * 16 * 1024
#: Tokens of a pass; TRL's fused loss goes through them in tiles, here too, so that more would take minutes.
MOST_TOKENS = 2**24
UNMEASURED = "TRL's fused loss has not been compared with a GPU yet"

Parts = list[float]
#: Models that were made for other sizes of the same question, by layers and rank.
Made = dict[tuple[int, int], Ready]


class Moments(NamedTuple):
    """What is alive at the high points of a phase, by part; those of other sizes are the same ones if `trail` is."""

    trail: int | None  # None: only the highest is known
    parts: list[Parts]

    def highest(self) -> Parts:
        return max(self.parts, key=sum)


class Sized(NamedTuple):
    """A step at the model's own depth."""

    phases: dict[str, Moments]
    flops: float
    calls: float
    parameters: float
    trainable: float
    layer: float  # bytes of one layer's weights


def estimate(ask: MemoryAsk) -> MemoryEstimate:
    """What one card needs at the peak of a step. Raises CallError for a model, an adapter or a size that cannot be."""
    warm(ask.loss)
    began = time.perf_counter()
    sized = phases_of(ask, ask.batch, ask.seq, ask.rank)
    found = [(name, parts) for name, phase in sized.phases.items() for parts in phase.parts]
    if ask.method == "grpo":
        found.append(("generation", generation(ask, found[0][1])))
    if ask.cards > 1:
        found = [(name, sharded(parts, sized.layer, ask.cards)) for name, parts in found]
    name, parts = max(found, key=lambda one: sum(one[1]))
    allocated = sum(parts) / GIB
    low, high = RESERVE if exact(ask) else RESERVE_COARSE
    return MemoryEstimate(
        allocated_gib=round(allocated, 4),
        reserved_gib=(round(allocated * low, 4), round(allocated * high, 4)),
        context_gib=CONTEXT_GIB,
        breakdown={part: round(size / GIB, 4) for part, size in zip(PARTS, parts, strict=True)},
        seconds=round(time.perf_counter() - began, 3),
        phase=name,
        parameters=round(sized.parameters),
        trainable=round(sized.trainable),
        flops=sized.flops,
        exact=exact(ask),
        note=note(ask),
    )


def warm(loss: str) -> None:
    """Import what a step needs, once: it takes seconds, and is none of an answer's time."""
    import peft  # noqa: F401
    from transformers import AutoModelForCausalLM  # noqa: F401

    if loss == "chunked":
        from trl.trainer.utils import add_fused_lm_head  # noqa: F401


def phases_of(
    ask: MemoryAsk, rows: int, length: int, rank: int, *, workspace: int = WORKSPACE, made: Made | None = None
) -> Sized:
    """The step at the model's own depth, from two small ones. Models are taken from `made`, and kept there."""
    config = config_of(ask.model, ask.model_revision, ask.trust_remote_code)
    if rows * length > MOST_TOKENS:
        said = f"{length:,}" if rows == 1 else f"{length:,}, and {rows:,} rows of it are {rows * length:,} tokens"
        raise CallError("seq", f"is {said}, more than a card takes at once", f"take at most {MOST_TOKENS:,} tokens")
    whole, small, larger = depths(config)
    period = period_of(config)
    sequences = rows * 2 if ask.method == "dpo" else rows
    made = {} if made is None else made

    def step(layers: int) -> Step:
        if (layers, rank) not in made:
            made[layers, rank] = ready(ask, layers, rank)
        return run(ask, made[layers, rank], layers, period, rows=sequences, length=length)

    one = step(small)
    two = one if larger == small else step(larger)
    steps = (whole - small) / (larger - small) if larger != small else 0.0
    phases = {name: _grown(phase, two.phases[name], steps) for name, phase in one.phases.items()}
    for phase in phases.values():
        for parts in phase.parts:
            parts[PARTS.index("working")] += workspace
    layers = max(1, larger - small)
    layer = (_weights(two) - _weights(one)) / layers if larger != small else _weights(one) / whole
    numbers = ("flops", "calls", "parameters", "trainable")
    grown = {name: _line(getattr(one, name), getattr(two, name), steps) for name in numbers}
    return Sized(phases=phases, layer=layer, **grown)


def _weights(step: Step) -> float:
    return float(step.phases["forward"].tops[0][WEIGHTS])


def _grown(small: Phase, larger: Phase, steps: float) -> Moments:
    """The high points at the whole depth; where deeper models have more of them, the highest is taken for the same."""
    same = small.trail == larger.trail and len(small.tops) == len(larger.tops)
    pairs = zip(small.tops, larger.tops, strict=True) if same else [(small.peak(), larger.peak())]
    grown = [[_line(a, b, steps) for a, b in zip(one, two, strict=True)] for one, two in pairs]
    return Moments(small.trail if same else None, grown)


def _line(small: float, larger: float, steps: float) -> float:
    return small + (larger - small) * steps


def sharded(parts: Parts, layer: float, cards: int) -> Parts:
    """FSDP: weights, gradients and optimizer are spread over the cards; two layers at a time are gathered whole."""
    spread = {"weights", "adapter", "gradients", "optimizer"}
    result = [size / cards if name in spread else size for name, size in zip(PARTS, parts, strict=True)]
    result[PARTS.index("working")] += 2 * layer * (cards - 1) / cards
    return result


def generation(ask: MemoryAsk, start: Parts) -> Parts:
    """While GRPO samples answers: the weights, the optimizer's state, and keys and values of every token of every row."""
    config: Any = config_of(ask.model, ask.model_revision, ask.trust_remote_code)
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * config.num_hidden_layers * heads * width * 2 * ask.batch * ask.seq
    kept = {"weights", "adapter", "optimizer"}
    parts = [size if name in kept else 0.0 for name, size in zip(PARTS, start, strict=True)]
    parts[PARTS.index("activations")] += cache
    parts[PARTS.index("logits")] += ask.batch * config.vocab_size * 4
    return parts


def experts(ask: MemoryAsk) -> bool:
    config = config_of(ask.model, ask.model_revision, ask.trust_remote_code)
    return any(getattr(config, name, None) for name in ("num_experts", "num_local_experts", "n_routed_experts"))


def exact(ask: MemoryAsk) -> bool:
    """Whether every part was run and nothing comes from a formula or is left out."""
    return not _coarse(ask)


def note(ask: MemoryAsk) -> str:
    return "; ".join([*_coarse(ask), *([UNMEASURED] if ask.loss == "chunked" else [])])


def _coarse(ask: MemoryAsk) -> list[str]:
    reasons = {
        "grpo": ask.method == "grpo",
        f"{ask.method} as SFT with as many rows": ask.method in ("kto", "reward"),
        "a mixture of experts": experts(ask),
        "several cards": ask.cards > 1,
    }
    named = [name for name, applies in reasons.items() if applies]
    said = [f"coarser for {', '.join(named)}: partly by formula, so the band is wider"] if named else []
    uncounted = known(ask.model, ask.model_revision, ask.trust_remote_code).uncounted
    return said + ([f"not counted: {', '.join(uncounted)}"] if uncounted else [])
