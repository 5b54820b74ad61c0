"""The batches that the probe times are those that training draws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.hardware.batches import (
    cut,
    draw_steps,
    fit_line,
    interpolate,
    lengths_from_histogram,
    lengths_from_quantiles,
    probe_steps,
)
from tunebook.pipeline.hardware.measure import expected_peak, time_line, too_slow
from tunebook.pipeline.hardware.probe import StepMeasured

LENGTHS = st.lists(st.integers(1, 5000), min_size=1, max_size=60)


@given(
    lengths=LENGTHS, rows=st.integers(1, 16), passes=st.integers(1, 3), count=st.integers(2, 6), extra=st.integers(0, 9)
)
def test_probe_steps_rise_and_end_with_the_widest_there_can_be(
    lengths: list[int], rows: int, passes: int, count: int, extra: int
) -> None:
    longest = max(lengths) + extra
    drawn = draw_steps(lengths, rows, passes, draws=50)
    steps = probe_steps(drawn, longest, count)
    assert [step.purpose for step in steps] == ["warm-up", *["time"] * (count - 1), "memory"]
    assert all(len(step.passes) == passes and {len(one) for one in step.passes} == {rows} for step in steps)
    assert [step.tokens for step in steps] == sorted(step.tokens for step in steps)
    assert steps[-1].widest == rows * longest == max(step.widest for step in [*steps, *drawn])


@given(lengths=LENGTHS, rows=st.integers(1, 16))
def test_a_step_costs_its_padding_too(lengths: list[int], rows: int) -> None:
    for step in draw_steps(lengths, rows, 1, draws=20):
        assert sum(step.passes[0]) <= step.tokens == rows * max(step.passes[0])


def test_drawing_is_the_same_each_time_and_near_the_true_mean() -> None:
    lengths = [10] * 90 + [100] * 10
    drawn = draw_steps(lengths, 4, 1)
    assert drawn == draw_steps(lengths, 4, 1)
    long_share = 1 - 0.9**4  # of batches with at least one long row
    truth = 4 * (100 * long_share + 10 * (1 - long_share))
    assert sum(step.tokens for step in drawn) / len(drawn) == pytest.approx(truth, rel=0.1)


@given(p50=st.integers(1, 1000), over=st.integers(0, 1000), more=st.integers(0, 1000))
def test_lengths_have_the_quantiles_they_are_made_from(p50: int, over: int, more: int) -> None:
    lengths = sorted(lengths_from_quantiles(p50, p50 + over, p50 + over + more))
    assert min(lengths) >= 1
    assert max(lengths) == p50 + over + more
    assert lengths[len(lengths) // 2] == pytest.approx(p50, abs=2 + over / 100 + p50 / 100)


def test_lengths_spread_like_a_histogram() -> None:
    lengths = lengths_from_histogram([0, 100, 200, 300], [300, 0, 100], 290)
    assert sum(length < 100 for length in lengths) == pytest.approx(0.75 * len(lengths), rel=0.02)
    assert not [length for length in lengths if 100 <= length < 200]
    assert max(lengths) == 290
    with pytest.raises(ValueError, match="histogram"):
        lengths_from_histogram([0, 1], [0], 1)


@given(lengths=LENGTHS, limit=st.one_of(st.none(), st.integers(1, 100)))
def test_rows_are_cut_as_the_trainer_cuts_them(lengths: list[int], limit: int | None) -> None:
    assert cut(lengths, limit) == [min(length, limit) if limit else length for length in lengths]


@given(
    a=st.floats(0, 10),
    b=st.floats(0.0001, 1),
    tokens=st.lists(st.integers(1, 5000), min_size=2, max_size=5, unique=True),
)
def test_a_line_through_exact_times_is_found(a: float, b: float, tokens: list[int]) -> None:
    intercept, slope = fit_line([(x, a + b * x) for x in tokens])
    for x in tokens:
        assert intercept + slope * x == pytest.approx(a + b * x, rel=1e-3)


@given(points=st.lists(st.tuples(st.integers(1, 5000), st.floats(0.001, 100)), min_size=1, max_size=5))
def test_noise_never_makes_a_step_free(points: list[tuple[int, float]]) -> None:
    intercept, slope = fit_line(points)
    assert intercept >= 0
    assert slope >= 0
    assert intercept + slope * 1000 > 0


def test_between_two_points_it_is_straight_and_outside_flat() -> None:
    points = [(1.0, 10.0), (3.0, 30.0)]
    assert [interpolate(points, at) for at in (0.0, 1.0, 2.0, 3.0, 9.0)] == [10, 10, 20, 30, 30]


def test_another_programs_load_on_the_widest_step_does_not_tilt_the_forecast() -> None:
    steps = [(112, 11.4, "warm-up"), (456, 36.9, "time"), (608, 271.9, "memory")]
    taken = [StepMeasured(purpose=p, tokens=n, widest=n, seconds=s, peak_gib=1.0) for n, s, p in steps]
    intercept, slope = time_line(taken)
    assert intercept + slope * 456 == pytest.approx(36.9, rel=0.12)
    assert intercept + slope * 608 <= 36.9 * (608 / 456) ** 2 * 1.01


@given(widths=st.lists(st.integers(1, 4000), min_size=2, max_size=4, unique=True), slope=st.floats(0, 0.01))
def test_memory_is_extended_along_a_line_and_never_downwards(widths: list[int], slope: float) -> None:
    taken = [
        StepMeasured(purpose="time", tokens=n, widest=n, seconds=1, peak_gib=1 + slope * n) for n in sorted(widths)
    ]
    last = max(widths)
    assert expected_peak(taken, 2 * last) == pytest.approx(1 + slope * 2 * last)
    assert expected_peak(taken, 1) >= taken[-1].peak_gib - 1e-9


@pytest.mark.parametrize(
    ("taken", "tokens", "stops"),
    [
        ([(100, 10.0)], 400, False),  # would take 40 s at that rate, but a warm-up tells little
        ([(100, 31.0)], 400, True),
        ([(100, 10.0), (400, 15.0)], 600, False),
        ([(100, 10.0), (400, 25.0)], 600, True),
    ],
)
def test_the_probe_ends_in_time_but_not_before_it_knows_a_typical_step(
    taken: list[tuple[int, float]], tokens: int, stops: bool
) -> None:
    steps = [StepMeasured(purpose="time", tokens=n, widest=n, seconds=s, peak_gib=1.0) for n, s in taken]
    assert too_slow(steps, tokens, 60) is stops
