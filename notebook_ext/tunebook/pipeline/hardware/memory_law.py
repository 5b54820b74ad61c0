"""Memory in closed form: what each phase of a training step holds, as a function of tokens and rank.

Within a phase every storage grows with the tokens T of a pass, with the adapter's rank r, with both, or not at all; where
attention keeps its scores, with T times the row's length S too. So a few steps on the meta device give the coefficients,
and any other size is a sum. Its twin in the browser is widgets/hardware-picker/memory-law.ts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pydantic import BaseModel

GIB = 2**30


class Phase(BaseModel):
    name: str
    bytes: list[tuple[float, float, float, float, float]]  # by part: c0 + c1 T + c2 r + c3 T r + c4 T S


class Regime(BaseModel):
    tokens: int | None  # it holds up to so many in a pass; None: beyond
    phases: list[Phase]


class Flops(BaseModel):
    """Floating point operations of a step's passes, forward and backward: c1 T + c2 T r + c3 T S."""

    token: float
    token_rank: float
    token_length: float

    def of(self, tokens: float, length: float, rank: float) -> float:
        return tokens * (self.token + self.token_rank * rank + self.token_length * length)


class MemoryLaw(BaseModel):
    """`reserve` are factors of what is allocated, from low to high; `context_gib` is CUDA's own."""

    parts: list[str]
    regimes: list[Regime]
    reserve: tuple[float, float]
    context_gib: float
    card: bool = True  # a GPU's memory; else RAM, where `context_gib` is what Python and the libraries hold
    flops: Flops | None = None
    parameters: int = 0
    trainable: tuple[float, float] = (0.0, 0.0)  # a + b r
    calls: float = 0.0  # of kernels in a step with one pass
    layer_bytes: float = 0.0  # weights of one layer, as they are kept
    exact: bool = True
    note: str = ""

    __hash__ = object.__hash__  # nothing changes a law that was made


class LawPeak(NamedTuple):
    bytes: float
    phase: str
    parts: tuple[tuple[str, float], ...]


@lru_cache(maxsize=8192)  # each machine asks the same of the same laws
def peak(law: MemoryLaw, *, rows: int, context: int, rank: int) -> LawPeak:
    """The largest phase of a step with `rows` rows of `context` tokens on one card."""
    tokens = rows * context
    regime = next((one for one in law.regimes if one.tokens is None or tokens <= one.tokens), law.regimes[-1])
    terms = (1.0, tokens, rank, tokens * rank, tokens * context)
    best: LawPeak | None = None
    for phase in regime.phases:
        parts = [sum(c * term for c, term in zip(row, terms, strict=True)) for row in phase.bytes]
        total = sum(parts)
        if best is None or total > best.bytes:
            best = LawPeak(total, phase.name, tuple(zip(law.parts, parts, strict=True)))
    assert best is not None, "a law has phases"
    return best


def band(law: MemoryLaw, bytes: float) -> tuple[float, float]:
    """GiB on the card, from low to high: with the allocator's reserve and CUDA's context."""
    return tuple(bytes * factor / GIB + law.context_gib for factor in law.reserve)  # type: ignore[return-value]
