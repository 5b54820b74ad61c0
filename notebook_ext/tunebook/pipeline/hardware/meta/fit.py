"""A law of memory from a few steps: the corners of what tokens and rank may be, at two depths each.

At a given moment of the step each storage grows in a straight line with tokens, rank, and their product, so the corners
give its bytes at any size exactly. Which moment is the highest changes with the sizes: those that can be it are kept.
"""

from __future__ import annotations

import itertools

import torch

from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.memory_law import Flops, MemoryLaw, Phase, Regime
from tunebook.pipeline.hardware.meta.estimate import (
    CONTEXT_GIB,
    RESERVE,
    RESERVE_COARSE,
    Made,
    Moments,
    Sized,
    exact,
    note,
    phases_of,
    warm,
)
from tunebook.pipeline.hardware.meta.live import PARTS

#: TRL's fused loss works on tiles of 4,096 tokens, so memory bends there; beyond the last corner it goes on straight.
TOKENS = ((128, 4096), (4608, 65536))
#: Between them, where attention keeps scores, whose bytes grow with the square of a row.
MIDDLE = (1024, 16384)
RANKS = (8, 64)
#: Sizes at which it is asked which moment is the highest: tokens from the least to the most of a regime, ranks, rows.
STEPS, MOST = 24, 2**20
ASKED_RANKS, ASKED_ROWS = (1, 4, 8, 16, 32, 64, 128, 256), (1, 2, 4, 8, 32)

Corner = tuple[int, int]  # tokens in one row, rank


def law(ask: MemoryAsk, *, workspace: int | None = None) -> MemoryLaw:
    """The law of this question at any rows, length and rank. Raises CallError as `estimate` does.

    A law is checked against `estimate` at sizes between its corners by tests/unit/test_memory_properties.py.
    """
    warm(ask.loss)
    ranks = (ask.rank, ask.rank) if ask.tuning == "full" else RANKS
    kept = {} if workspace is None else {"workspace": workspace}
    made: Made = {}
    found: dict[Corner, Sized] = {}
    regimes = []
    for number, (low, high) in enumerate(TOKENS):
        corners = list(dict.fromkeys(itertools.product((low, high), ranks)))
        if ask.attention == "math":
            corners.append((MIDDLE[number], ranks[0]))
        for tokens, rank in corners:
            found[tokens, rank] = phases_of(ask, 1, tokens, rank, made=made, **kept)
        last = number == len(TOKENS) - 1
        least = TOKENS[number - 1][1] + 1 if number else 1
        phases = _phases({corner: found[corner].phases for corner in corners}, least, MOST if last else high)
        regimes.append(Regime(tokens=None if last else high, phases=phases))
    low, least = TOKENS[0][0], ranks[0]
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


def _phases(found: dict[Corner, dict[str, Moments]], least: int, most: int) -> list[Phase]:
    """The moments that are the highest at some size, from what is alive at each corner."""
    names, values = [], []
    for name in next(iter(found.values())):
        here = [phases[name] for phases in found.values()]
        same = len({(moments.trail, len(moments.parts)) for moments in here}) == 1
        lists = [moments.parts if same else [moments.highest()] for moments in here]
        values.append(torch.tensor(lists, dtype=torch.float64))
        names += [name] * len(lists[0])
    coefficients = _solved(list(found), torch.cat(values, dim=1))  # term, moment, part
    ranks = ASKED_RANKS if len({rank for _, rank in found}) > 1 else (0,)
    tokens = [least * (most / least) ** (step / STEPS) for step in range(STEPS + 1)]
    sizes = [_terms(one, one / rows, rank) for one in tokens for rows in ASKED_ROWS for rank in ranks]
    totals = torch.tensor(sizes, dtype=torch.float64) @ coefficients.sum(dim=2)
    highest = sorted(set(totals.argmax(dim=1).tolist()))
    return [Phase(name=names[one], bytes=coefficients[:, one].T.tolist()) for one in highest]


def _terms(tokens: float, length: float, rank: float) -> list[float]:
    return [1.0, tokens, rank, tokens * rank, tokens * length]


def _solved(corners: list[Corner], values: torch.Tensor) -> torch.Tensor:
    """The coefficients of the terms with which the values at the corners come out; 0 for a term that they cannot tell."""
    several = len({rank for _, rank in corners}) > 1, len({tokens for tokens, _ in corners}) > 2
    told = [term for term, known in enumerate((True, True, several[0], several[0], several[1])) if known]
    terms = torch.tensor([_terms(tokens, tokens, rank) for tokens, rank in corners], dtype=torch.float64)[:, told]
    scale = terms.amax(dim=0)
    result = values.new_zeros(5, *values.shape[1:])
    result[told] = torch.linalg.solve(terms / scale, values.flatten(1)).unflatten(1, values.shape[1:])
    result[told] /= scale[:, None, None]
    return result


def _flops(found: dict[Corner, float], ranks: tuple[int, int]) -> Flops:
    """Operations a token: what each weight costs, what an adapter's rank adds, what a longer row adds."""
    (low, _), (_, high) = TOKENS
    length = (found[high, ranks[0]] / high - found[low, ranks[0]] / low) / (high - low)
    rank = (found[low, ranks[1]] - found[low, ranks[0]]) / low / (ranks[1] - ranks[0]) if ranks[1] != ranks[0] else 0.0
    token = found[low, ranks[0]] / low - length * low - rank * ranks[0]
    return Flops(token=token, token_rank=rank, token_length=length)
