"""The intervals cover what they promise, and the tests raise no more false alarms than they admit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tunebook.pipeline.evaluation import statistics
from tunebook.pipeline.evaluation.statistics import (
    holm,
    mcnemar,
    mean_interval,
    paired_permutation,
    proportion_interval,
)

SIZES = (20, 50, 100, 200, 500)


def coverage(n: int, share: float, interval: dict[int, tuple[float, float]]) -> float:
    """How often the interval holds the true share: exact, summed over every possible count."""
    weights = stats.binom.pmf(np.arange(n + 1), n, share)
    return float(sum(w for passed, w in enumerate(weights) if interval[passed][0] <= share <= interval[passed][1]))


def wilson(passed: int, n: int) -> tuple[float, float]:
    found = stats.binomtest(passed, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


@pytest.mark.parametrize("n", SIZES)
def test_the_interval_of_a_share_covers_at_least_95_percent_whatever_the_share(n: int) -> None:
    table = {passed: proportion_interval(passed, n) for passed in range(n + 1)}
    shares = np.concatenate([np.linspace(0.001, 0.05, 50), np.linspace(0.05, 0.95, 181), np.linspace(0.95, 0.999, 50)])
    assert min(coverage(n, share, table) for share in shares) >= 0.95


def test_wilsons_interval_was_not_chosen_because_it_fails_near_zero_and_is_hardly_narrower() -> None:
    ours = {passed: proportion_interval(passed, 200) for passed in range(201)}
    theirs = {passed: wilson(passed, 200) for passed in range(201)}
    assert coverage(200, 0.005, theirs) < 0.93 < 0.95 < coverage(200, 0.005, ours)
    assert coverage(20, 0.008, {passed: wilson(passed, 20) for passed in range(21)}) < 0.86
    widths = [np.mean([high - low for low, high in table.values()]) for table in (ours, theirs)]
    assert widths[0] / widths[1] < 1.06


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_agrees_with_scipy(counts: tuple[int, int]) -> None:
    passed, n = counts
    low, high = proportion_interval(passed, n)
    assert 0 <= low <= passed / n <= high <= 1
    known = stats.binomtest(passed, n).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((known.low, known.high), abs=1e-9)
    mirrored = proportion_interval(n - passed, n)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(passed: int, n: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        proportion_interval(passed, n)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test_and_symmetric(gained: int, lost: int) -> None:
    p = mcnemar(gained, lost)
    assert p == mcnemar(lost, gained)
    known = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert p == pytest.approx(known, rel=1e-9)


def test_mcnemar_takes_thousands_of_items() -> None:
    assert mcnemar(5000, 5000) == 1.0
    assert 0 <= mcnemar(9000, 1000) < 1e-300


def rejected(gained: np.ndarray, lost: np.ndarray) -> float:
    """How often the paired test says that two targets differ, at a level of 5 %."""
    return float(np.mean([mcnemar(int(b), int(c)) < 0.05 for b, c in zip(gained, lost, strict=True)]))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("discordant", [0.05, 0.3, 0.8])
def test_the_paired_test_of_counts_raises_at_most_5_percent_false_alarms(n: int, discordant: float) -> None:
    moved = np.random.default_rng(n).binomial(n, discordant, 2000)
    gained = np.random.default_rng(n + 1).binomial(moved, 0.5)
    assert rejected(gained, moved - gained) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


def test_the_paired_test_of_counts_sees_a_real_gain() -> None:
    draws = np.random.default_rng(0).multinomial(100, [0.25, 0.08, 0.67], 1000)  # gained, lost, stayed
    assert rejected(draws[:, 0], draws[:, 1]) > 0.75
    draws = np.random.default_rng(1).multinomial(200, [0.25, 0.08, 0.67], 1000)
    assert rejected(draws[:, 0], draws[:, 1]) > 0.97


def test_the_interval_of_a_mean_covers_skewed_losses_far_better_than_students_t(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)  # for the time's sake
    rng, true, draws, ours, students = np.random.default_rng(0), math.exp(0.5), 600, 0, 0
    for _ in range(draws):
        values = rng.lognormal(size=20)
        low, high = mean_interval(values.tolist())
        ours += low <= true <= high
        low, high = stats.t.interval(0.95, 19, values.mean(), stats.sem(values))
        students += low <= true <= high
    assert ours / draws >= 0.90
    assert (ours - students) / draws >= 0.03


def test_the_interval_of_a_mean_covers_95_percent_of_symmetric_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(2, 1, 60).tolist()) for _ in range(400)]
    assert 0.92 <= np.mean([low <= 2 <= high for low, high in intervals]) <= 0.98


def test_the_interval_of_a_mean_is_the_same_each_time_and_honest_with_few_values() -> None:
    values = np.random.default_rng(3).lognormal(size=40).tolist()
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval([2.0]) == (-math.inf, math.inf)
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    low, high = mean_interval([1.0, 2.0])
    assert high - low > 12, "two values say little"


@given(st.lists(st.floats(0.01, 20), min_size=10, max_size=60))
def test_the_interval_of_a_mean_holds_the_mean(values: list[float]) -> None:
    low, high = mean_interval(values)
    assert low - 1e-9 <= math.fsum(values) / len(values) <= high + 1e-9


@pytest.mark.parametrize("n", [8, 60])
def test_the_paired_test_of_means_raises_at_most_5_percent_false_alarms(n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = 0
    for _ in range(300):
        level = rng.lognormal(size=n)
        alarms += paired_permutation(level + rng.laplace(size=n), level + rng.laplace(size=n)) < 0.05
    assert alarms / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_the_paired_test_of_means_sees_a_small_gain_under_large_differences_between_rows() -> None:
    rng = np.random.default_rng(0)
    level = rng.lognormal(sigma=2, size=100)
    assert paired_permutation(level - 0.1 + rng.normal(0, 0.1, 100), level) < 0.001
    assert stats.ttest_ind(level - 0.1, level).pvalue > 0.5, "an unpaired test would not"


def test_few_pairs_are_counted_through() -> None:
    assert paired_permutation([2, 3, 4, 5], [1, 1, 1, 1]) == 2 / 16
    assert paired_permutation([1.0, 2.0], [1.0, 2.0]) == 1.0
    assert paired_permutation([1.0, 3.0], [2.0, 2.0]) == 1.0


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=40))
def test_the_paired_test_of_means_does_not_ask_who_came_first(pairs: list[tuple[float, float]]) -> None:
    after, before = [a for a, _ in pairs], [b for _, b in pairs]
    p = paired_permutation(after, before)
    assert 0 < p <= 1
    assert p == pytest.approx(paired_permutation(before, after))


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_makes_a_p_smaller_nor_changes_their_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= q <= min(1, p * len(ps)) or math.isclose(p, q) for p, q in zip(ps, adjusted, strict=True))
    pairs = sorted(zip(ps, adjusted, strict=True))
    assert [q for _, q in pairs] == sorted(adjusted)


def test_holm_gives_the_textbook_numbers() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
