"""How long a training takes on a card: its floating point operations over what the card computes at best, times the share
of that which is reached.

The share is the uncertain factor, so it is a distribution: the logarithm of (time taken / time forecast) is taken as
normal. What is known beforehand is wide; every run that the user has finished narrows it (`learn`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel

from tunebook.pipeline.hardware.batches import cut
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.options import Band

#: P90 lies so many standard deviations above P50.
Z90 = 1.2816
#: The share of a card's peak that training reaches, half of the time: published runs of transformers and TRL on one card
#: lie between 0.15 and 0.5 where the model is large enough to fill the card. 4-bit weights are unpacked for each product.
SHARE = {"lora": 0.36, "full": 0.38, "qlora": 0.27}
#: Without tensor cores' narrow types the peak is lower and nearer.
SHARE_FP32 = 0.6
#: P90 over P50 of the time before anything was learned.
SPREAD = 1.8
#: Two cards' logarithms differ by so much (standard deviation) where the model and its code are the same.
BETWEEN_CARDS = 0.25
#: One run's own noise.
WITHIN_RUN = 0.12
#: A logarithm farther from 0 than this (12 times) is taken as this: something else was in the way.
FARTHEST = 2.5
#: What one call of a kernel costs Python and the driver, in seconds: a small model on a fast card waits for those.
CALL_S = 1.1e-5
#: Unpacking 4-bit weights calls more kernels than the step without them shows.
QLORA_CALLS = 1.3
#: Times the weights of a layer pass between cards that share them: forward, backward, and their gradients.
PASSES_BETWEEN_CARDS = 3
#: Bytes a second between the cards of one machine, without NVLink; with it they are ten times as many.
BETWEEN_BYTES_S = 12e9


class Lesson(BaseModel):
    """A finished run: the seconds a step that were forecast before anything was learned, and those that it took."""

    card: str
    forecast_s: float
    taken_s: float


class Learned(NamedTuple):
    """What past runs say of a card: the time is forecast times `factor`, P90 over P50 is `spread`; from `runs` on this
    card, and from `others` on other cards.
    """

    factor: float
    spread: float
    runs: int
    others: int = 0

    def source(self) -> str:
        """How the share is known, as the end of a sentence."""
        if self.runs == 0:
            also = " and from your own on other cards" if self.others else ""
            return f"from published runs{also}; none of yours has ended on it yet"
        return f"learned from {self.runs} of your own runs" if self.runs > 1 else "learned from one of your own runs"


def learn(lessons: Sequence[Lesson], card: str, spread: float = SPREAD) -> Learned:
    """What the next run on this card is expected to take. `spread` is P90 over P50 beforehand.

    A run's logarithm is its card's and noise of its own; a card's is one that all cards share and a difference of its
    own. All are normal, so that the answer is exact: each other card tells of what is shared, however many runs there
    were on it, and never of how this one differs.
    """
    by_card: defaultdict[str, list[float]] = defaultdict(list)
    for lesson in lessons:
        ratio = lesson.taken_s / lesson.forecast_s if lesson.forecast_s > 0 else math.nan
        if 0 < ratio < math.inf:
            by_card[lesson.card].append(max(-FARTHEST, min(FARTHEST, math.log(ratio))))
    own = by_card.pop(card, [])
    if not own and not by_card:
        return Learned(1.0, spread, 0)
    noise = WITHIN_RUN**2
    before = max(1e-6, _variance(spread) - noise)  # of a card's logarithm
    apart = min(BETWEEN_CARDS**2 / 2, before)  # of what is its own; two such differ by BETWEEN_CARDS
    weight, total = 1 / max(1e-9, before - apart), 0.0
    for ratios in by_card.values():
        one = 1 / (apart + noise / len(ratios))
        weight, total = weight + one, total + one * math.fsum(ratios) / len(ratios)
    mean, variance = total / weight, 1 / weight + apart
    weight = 1 / variance + len(own) / noise
    factor = math.exp((mean / variance + math.fsum(own) / noise) / weight)
    others = sum(len(ratios) for ratios in by_card.values())
    return Learned(factor, _spread(1 / weight + noise), len(own), others)


def _variance(spread: float) -> float:
    """Of the logarithm, where P90 is so many times P50."""
    return (math.log(max(1.0, spread)) / Z90) ** 2


def _spread(variance: float) -> float:
    return math.exp(Z90 * math.sqrt(variance))


class Shape(NamedTuple):
    """What is trained: the rows' lengths in tokens as they are cut, and how often they are read."""

    lengths: Sequence[int]
    steps: int  # of the optimizer
    batch: int  # rows in each
    rank: int
    longest: int  # tokens of the longest row as it is cut


class Passes(NamedTuple):
    """The mean forward pass of so many rows: its tokens with padding, and those times its width."""

    tokens: float
    tokens_width: float


def passes(lengths: Sequence[int], rows: int, max_length: int | None = None) -> Passes:
    """Of rows drawn at random, each padded to the longest of its pass: the mean over all draws there are."""
    ordered = sorted(cut(lengths, max_length))
    longest = [(number / len(ordered)) ** rows for number in range(len(ordered) + 1)]  # chance to be among the shortest
    chances = [after - before for before, after in pairwise(longest)]
    width = math.fsum(chance * length for chance, length in zip(chances, ordered, strict=True))
    square = math.fsum(chance * length**2 for chance, length in zip(chances, ordered, strict=True))
    return Passes(rows * width, rows * square)


def pass_seconds(law: MemoryLaw, mean: Passes, rank: int, flops_s: float, *, four_bit: bool = False) -> float:
    """Seconds of one forward and backward pass on a card that reaches `flops_s` operations a second."""
    assert law.flops is not None
    work = mean.tokens * (law.flops.token + law.flops.token_rank * rank) + mean.tokens_width * law.flops.token_length
    return max(work / flops_s, law.calls * CALL_S * (QLORA_CALLS if four_bit else 1.0))


def optimizer_seconds(law: MemoryLaw, rank: int, bandwidth_bytes_s: float) -> float:
    """Seconds in which AdamW reads and writes the weights, gradients and moments that are trained."""
    trainable = law.trainable[0] + law.trainable[1] * rank
    return 28 * trainable / bandwidth_bytes_s


def reached(tuning: str, precision: str, tflops: dict[str, float]) -> float:
    """Operations a second that such a training reaches on a card, half of the time."""
    if precision == "fp32":
        return tflops["fp32"] * 1e12 * SHARE_FP32
    return tflops[precision] * 1e12 * SHARE[tuning]


def reforecast(step: Band, pace_s: float, done: int, steps: int) -> Band:
    """Seconds of a whole training, forecast anew after `done` of its steps: those are known, the others go on at the pace
    that was seen, which what was forecast of a step holds back a little. `pace_s` are the seconds that a step takes now.
    """
    if step.p50 <= 0 or pace_s <= 0:
        return Band(p50=steps * pace_s, p90=steps * pace_s)
    before, noise = max(1e-4, _variance(step.p90 / step.p50)), WITHIN_RUN**2
    rest = max(0, steps - done) * step.p50 * (pace_s / step.p50) ** (before / (before + noise))
    spread = _spread(before * noise / (before + noise) + noise)
    return Band(p50=done * pace_s + rest, p90=done * pace_s + rest * spread)


def band(seconds: float, spread: float) -> Band:
    return Band(p50=round(seconds, 3), p90=round(seconds * spread, 3))


def together(bands: Sequence[Band]) -> Band:
    """P90s add up, as if all were slow at once: nothing here promises that they are not."""
    return Band(p50=sum(one.p50 for one in bands), p90=sum(one.p90 for one in bands))
