"""Which batches the probe times: from the row lengths of the real data, the batches that training will draw.

A batch costs what its longest row costs times its rows, because shorter rows are padded. So neither the median row
nor the mean row tells a step's time; the widths of drawn batches do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import pairwise

from pydantic import BaseModel

#: Steps drawn to know how widths spread. 400 keep the mean within about 1 % for the lengths of chat data.
DRAWS = 400


class Step(BaseModel):
    """One optimizer step: its forward passes, each a list of row lengths in tokens."""

    passes: list[list[int]]
    purpose: str  # "warm-up", "time" or "memory"

    @property
    def tokens(self) -> int:
        """Padded tokens the step computes."""
        return padded(self.passes)

    @property
    def widest(self) -> int:
        """Padded tokens of its widest forward pass: what memory follows."""
        return max(len(rows) * max(rows) for rows in self.passes)


def padded(passes: Sequence[Sequence[int]]) -> int:
    """Tokens after padding each forward pass to its longest row."""
    return sum(len(rows) * max(rows) for rows in passes)


def cut(lengths: Sequence[int], max_length: int | None) -> list[int]:
    """Row lengths as trained: at least one token, at most `max_length`."""
    return [max(1, min(length, max_length or length)) for length in lengths]


def lengths_from_quantiles(p50: int, p99: int, longest: int, count: int = 200) -> list[int]:
    """Row lengths that have these quantiles, straight between them; the shortest row is taken as half the median."""
    points = [(0.0, p50 / 2), (0.5, float(p50)), (0.99, float(max(p50, p99))), (1.0, float(max(p50, p99, longest)))]
    return [max(1, round(interpolate(points, index / (count - 1)))) for index in range(count)]


def lengths_from_histogram(edges: Sequence[int], counts: Sequence[int], longest: int, count: int = 400) -> list[int]:
    """Row lengths spread over a histogram's bins (n+1 edges, n counts) in proportion, none above `longest`."""
    total = sum(counts)
    if total == 0 or len(edges) != len(counts) + 1:
        raise ValueError("a histogram needs n+1 edges, n counts and at least one row")
    lengths = []
    for low, high, rows in zip(edges, edges[1:], counts, strict=False):
        share = math.ceil(rows * count / total)
        lengths += [max(1, min(longest, int(low + (high - low) * (i + 0.5) / share))) for i in range(share)]
    return [*lengths, max(1, longest)]


def draw_steps(lengths: Sequence[int], rows: int, passes: int, draws: int = DRAWS, seed: int = 0) -> list[Step]:
    """Steps as the trainer draws them: `passes` forward passes of `rows` random rows each, sorted by padded tokens."""
    chance = random.Random(seed)
    steps = [
        Step(passes=[chance.choices(lengths, k=rows) for _ in range(passes)], purpose="time") for _ in range(draws)
    ]
    return sorted(steps, key=lambda step: step.tokens)


def probe_steps(drawn: Sequence[Step], longest: int, count: int) -> list[Step]:
    """The few steps to run, rising in size: a small warm-up, then `count` with the widest there can be as the last.

    The others go from the median upwards, the more the wider; `drawn` is sorted by padded tokens. The last
    one holds the longest row of all, so that its first forward pass needs the most memory any pass can need.
    """
    middle = drawn[len(drawn) // 2]
    warm_up = Step(passes=[[max(1, length // 4) for length in rows] for rows in middle.passes], purpose="warm-up")
    timed = count - 1
    ranks = [0.5 + 0.45 * index / max(1, timed - 1) for index in range(timed)]
    chosen = [drawn[min(len(drawn) - 1, int(rank * len(drawn)))] for rank in ranks]
    passes = [list(rows) for rows in chosen[-1].passes]
    passes[0][0] = max(longest, *passes[0])
    return [warm_up, *chosen, Step(passes=passes, purpose="memory")]


def interpolate(points: Sequence[tuple[float, float]], at: float) -> float:
    """The value at `at` on straight lines between points sorted by x; flat beyond the ends."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if at <= x1:
            return y1 if x1 == x0 else y0 + (y1 - y0) * max(0.0, at - x0) / (x1 - x0)
    return points[-1][1]


def fit_line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """(a, b) of `seconds = a + b * tokens`, least squares of relative error, neither below zero.

    Relative, because what is wanted is a share of the run's time; not below zero, because noise on two or three steps
    must not make long batches free or short ones cost less than nothing.
    """
    weights = [1 / (y * y) for _, y in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    shared = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    slope = max(0.0, shared / spread) if spread > 0 else mean_y / mean_x
    if mean_y - slope * mean_x < 0 or spread == 0:
        return 0.0, mean_y / mean_x
    return mean_y - slope * mean_x, slope
