"""Intervals and paired tests for scores, chosen by their coverage and false alarms (tests/unit/test_statistics.py).

Shares: Clopper-Pearson. Over n = 20 to 500 its coverage never fell below the 95 % that it promises, and at n = 200 it
is 4 % wider than Wilson's, whose coverage falls to 85 % for shares near 0, where an untrained model often is.
Pairs of pass and fail: McNemar's exact test. Its mid-p form has more power, and false alarms up to 6.5 % at a 5 % level.
Means: the studentized bootstrap. Losses are skewed: with 20 log-normal values it covered 92 %, Student's t 86 %.
Paired means: permutation of signs, which assumes no distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEVEL = 0.95
RESAMPLES = 10_000
_FEW = 10  # values below which resamples are too alike to show a spread
_ENUMERATED = 13  # pairs up to which all sign patterns are counted, 8,192 at most
_CHUNK = 2_000_000  # numbers drawn at once: 16 MB


def proportion_interval(passed: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Clopper-Pearson interval of a share, both ends from 0 to 1. Raises ValueError if it is no share of something."""
    if not 0 <= passed <= total or total < 1:
        raise ValueError(f"{passed} of {total} is no share")
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(passed, total - passed + 1, tail)) if passed else 0.0
    high = float(betaincinv(passed + 1, total - passed, 1 - tail)) if passed < total else 1.0
    return low, high


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p that as many items are gained as lost, in the exact whole numbers of the binomial.

    `gained` items passed after and failed before, `lost` the other way round; the items that stayed say nothing.
    """
    discordant = gained + lost
    tail = ways = 1
    for k in range(min(gained, lost)):
        ways = ways * (discordant - k) // (k + 1)  # of choosing k + 1 among them
        tail += ways
    return min(1.0, float(2 * tail / 2**discordant))


def mean_interval(values: Sequence[float], level: float = LEVEL, seed: int = 0) -> tuple[float, float]:
    """Studentized bootstrap interval of a mean, the same for the same values and seed.

    Student's t where resamples show too little: below 10 values, or where nearly all are equal. One value has no spread
    to judge by: its interval is the whole line. Equal values have none: both ends are the mean.
    """
    import numpy as np

    x = np.asarray(values, dtype=float)
    n, mean = len(x), float(x.mean())
    if n < 2:
        return -math.inf, math.inf
    spread = float(x.std(ddof=1))
    if spread <= 1e-12 * abs(mean):
        return mean, mean
    if n < _FEW:
        return _student(mean, spread, n, level)
    rng = np.random.default_rng(seed)
    studentized: list[float] = []
    rows = max(1, _CHUNK // n)
    for start in range(0, RESAMPLES, rows):
        drawn = x[rng.integers(0, n, (min(rows, RESAMPLES - start), n))]
        deviations = drawn.std(axis=1, ddof=1)
        usable = deviations > 1e-9 * spread  # a resample of one value repeated says nothing about spread
        studentized.extend(((drawn.mean(axis=1) - mean)[usable] / deviations[usable]).tolist())
    if len(studentized) < 0.99 * RESAMPLES:
        return _student(mean, spread, n, level)
    low, high = np.quantile(studentized, [(1 - level) / 2, (1 + level) / 2])
    return mean - float(high) * spread, mean - float(low) * spread


def _student(mean: float, spread: float, n: int, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + level) / 2)) * spread / math.sqrt(n)
    return mean - half, mean + half


def paired_permutation(after: Sequence[float], before: Sequence[float], seed: int = 0) -> float:
    """Two-sided p that the mean difference is 0: the share of sign patterns with a mean at least as far from 0.

    Few pairs are counted through; of many, 10,000 patterns are drawn, and the observed one counts as one of them.
    """
    import numpy as np

    difference = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    difference = difference[difference != 0]
    n = len(difference)
    if n == 0:
        return 1.0
    bar = abs(float(difference.sum())) * (1 - 1e-9)  # rounding must not split ties
    if n <= _ENUMERATED:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float((np.abs((1 - 2 * bits) @ difference) >= bar).mean())
    rng = np.random.default_rng(seed)
    hits, rows = 0, max(1, _CHUNK // n)
    for start in range(0, RESAMPLES, rows):
        signs = 1 - 2 * rng.integers(0, 2, (min(rows, RESAMPLES - start), n), dtype=np.int8)
        hits += int((np.abs(signs @ difference) >= bar).sum())
    return (hits + 1) / (RESAMPLES + 1)


def holm(ps: Sequence[float]) -> list[float]:
    """The p values, adjusted by Holm so that any false alarm among all of them is as rare as the level says."""
    adjusted = [1.0] * len(ps)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda number: ps[number])):
        running = max(running, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = running
    return adjusted
