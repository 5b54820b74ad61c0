"""A law of memory from a few steps: the corners of what tokens and rank may be, at two depths each."""

from __future__ import annotations

import itertools

from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.memory_law import Flops, MemoryLaw, Phase, Regime
from tunebook.pipeline.hardware.meta.estimate import (
    CONTEXT_GIB,
    RESERVE,
    RESERVE_COARSE,
    exact,
    note,
    phases_of,
    warm,
)
from tunebook.pipeline.hardware.meta.live import PARTS

#: TRL's fused loss works on tiles of 4,096 tokens, so memory bends there; beyond the last corner it goes on straight.
TOKENS = ((128, 4096), (4608, 65536))
RANKS = (8, 64)

Line = tuple[float, float, float, float, float]


def law(ask: MemoryAsk, *, workspace: int | None = None) -> MemoryLaw:
    """The law of this question at any rows, length and rank. Raises CallError as `estimate` does.

    A law is checked against `estimate` at sizes between its corners by tests/unit/test_memory_law.py.
    """
    warm(ask.loss)
    ranks = (ask.rank, ask.rank) if ask.tuning == "full" else RANKS
    kept = {} if workspace is None else {"workspace": workspace}
    found = {}
    for tokens, rank in dict.fromkeys(itertools.product(itertools.chain(*TOKENS), ranks)):
        found[tokens, rank] = phases_of(ask, 1, tokens, rank, **kept)
    split = None
    if ask.attention == "math":  # the same tokens in two rows: what is left of the scores
        split = {tokens: phases_of(ask, 2, tokens // 2, ranks[0], **kept) for tokens, _ in TOKENS}
    regimes = []
    for number, (low, high) in enumerate(TOKENS):
        corners = [found[tokens, rank].phases for tokens in (low, high) for rank in ranks]
        halves = split[low].phases if split else None
        phases = [
            Phase(
                name=name,
                bytes=[
                    _line([corner[name][part] for corner in corners], (low, high), ranks,
                          halves[name][part] if halves else None)
                    for part in range(len(PARTS))
                ],
            )
            for name in corners[0]
        ]  # fmt: skip
        regimes.append(Regime(tokens=TOKENS[number][1] if number < len(TOKENS) - 1 else None, phases=phases))
    (low, high), least = TOKENS[0], ranks[0]
    here, there = found[low, least], found[low, ranks[1]]
    slope = (there.trainable - here.trainable) / (ranks[1] - ranks[0]) if ranks[1] != ranks[0] else 0.0
    return MemoryLaw(
        parts=list(PARTS),
        regimes=regimes,
        reserve=RESERVE if exact(ask) else RESERVE_COARSE,
        context_gib=CONTEXT_GIB,
        flops=_flops({corner: answer.flops for corner, answer in found.items()}, ranks),
        parameters=round(here.parameters - here.trainable) if ask.tuning != "full" else round(here.parameters),
        trainable=(here.trainable - slope * least, slope),
        calls=here.calls,
        layer_bytes=here.layer,
        exact=exact(ask),
        note=note(ask),
    )


def _line(corners: list[float], tokens: tuple[int, int], ranks: tuple[int, int], halves: float | None) -> Line:
    """The coefficients that go through (low, least rank), (low, most), (high, least), (high, most).

    With `halves`, the bytes at (low, least rank) in two rows, the part that grows with the row's length is taken out.
    """
    low, high = tokens
    square = 0.0
    if halves is not None:
        square = (corners[0] - halves) / (low * low - low * low / 2)
        corners = [
            value - square * length * length for value, length in zip(corners, (low, low, high, high), strict=True)
        ]
    least, most = ranks
    at_low, at_high = corners[0], corners[2]
    if most == least:
        slope = (at_high - at_low) / (high - low)
        return (at_low - slope * low, slope, 0.0, 0.0, square)
    up_low, up_high = ((corners[i + 1] - corners[i]) / (most - least) for i in (0, 2))
    cross = (up_high - up_low) / (high - low)
    rank = up_low - cross * low
    slope = (at_high - at_low) / (high - low) - cross * least
    return (at_low - slope * low - rank * least - cross * low * least, slope, rank, cross, square)


def _flops(found: dict[tuple[int, int], float], ranks: tuple[int, int]) -> Flops:
    """Operations a token: what each weight costs, what an adapter's rank adds, what a longer row adds."""
    (low, _), (_, high) = TOKENS
    length = (found[high, ranks[0]] / high - found[low, ranks[0]] / low) / (high - low)
    rank = (found[low, ranks[1]] - found[low, ranks[0]]) / low / (ranks[1] - ranks[0]) if ranks[1] != ranks[0] else 0.0
    token = found[low, ranks[0]] / low - length * low - rank * ranks[0]
    return Flops(token=token, token_rank=rank, token_length=length)
