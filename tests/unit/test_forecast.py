"""Time and price of rented machines: bands that hold what they say, narrowed by runs, and never below what is billed."""

from __future__ import annotations

import math
import random
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rented import flavor, laws_of, on, options, prices, work

from tunebook.pipeline.data.counts import histogram, token_counts
from tunebook.pipeline.data.lengths import limits
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.hardware.batches import cut, draw_steps
from tunebook.pipeline.hardware.cards import CARDS, card_of
from tunebook.pipeline.hardware.explore import explore
from tunebook.pipeline.hardware.forecast import (
    BETWEEN_CARDS,
    SPREAD,
    WITHIN_RUN,
    Z90,
    Lesson,
    learn,
    passes,
    reforecast,
)
from tunebook.pipeline.hardware.options import Band, Option, needed, there_is
from tunebook.pipeline.hardware.rented import timeout_s
from tunebook.pipeline.plan.measuring import sampled_lengths

CARDS_OF = ("L4", "A10G", "A100 80 GB", "H200")
WRONG = (float("nan"), float("inf"), 0.0, -1.0)


def ran(card: str, ratio: float, forecast_s: float = 2.0) -> Lesson:
    return Lesson(card=card, forecast_s=forecast_s, taken_s=forecast_s * ratio)


# What runs teach


def test_without_runs_nothing_changes() -> None:
    assert learn([], "L4") == (1.0, SPREAD, 0, 0)
    assert learn([], "L4", 1.3) == (1.0, 1.3, 0, 0)


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.25, 2.0])
def test_one_run_on_the_card_moves_the_half_towards_it_and_narrows_the_band(ratio: float) -> None:
    found = learn([ran("L4", ratio)], "L4")
    assert abs(math.log(found.factor)) < abs(math.log(ratio))
    assert 0.8 < math.log(found.factor) / math.log(ratio) < 1
    assert found.spread < SPREAD
    assert found.runs == 1
    assert learn([ran("L4", ratio)] * 2, "L4").spread < found.spread


@pytest.mark.parametrize("ratio", [0.4, 1.0, 1.7])
def test_many_runs_end_at_their_own_pace_with_a_runs_own_noise(ratio: float) -> None:
    found = learn([ran("L4", ratio)] * 400, "L4")
    assert found.factor == pytest.approx(ratio, rel=0.01)
    assert found.spread == pytest.approx(math.exp(Z90 * WITHIN_RUN), rel=0.01)


@pytest.mark.parametrize("count", [1, 5, 40, 1000])
def test_runs_on_other_cards_move_it_and_never_make_it_sure(count: int) -> None:
    found = learn([ran("T4", 1.3)] * count, "L4")
    assert 1 < found.factor < 1.3, "no more than half the way to what another card took, however many runs there were"
    assert found.spread > math.exp(Z90 * BETWEEN_CARDS / math.sqrt(2)), "what is the card's own stays unknown"
    assert found.spread < SPREAD
    assert (found.runs, found.others) == (0, count)
    own = learn([*[ran("T4", 1.3)] * count, ran("L4", 0.9)], "L4")
    assert own.factor < 1, "one run here outweighs any number elsewhere"


def test_three_other_cards_tell_more_than_many_runs_on_one() -> None:
    one = learn([ran("T4", 1.3)] * 30, "L4")
    three = learn([ran(card, 1.3) for card in ("T4", "A10G", "H200") for _ in range(10)], "L4")
    assert three.factor > one.factor
    assert three.spread < one.spread


@pytest.mark.parametrize("value", WRONG)
def test_what_is_no_time_teaches_nothing(value: float) -> None:
    wrong = [Lesson(card="L4", forecast_s=value, taken_s=1.0), Lesson(card="L4", forecast_s=1.0, taken_s=value)]
    assert learn(wrong, "L4") == learn([], "L4")
    right = ran("L4", 1.5)
    assert learn([*wrong, right], "L4") == learn([right], "L4")


def test_a_run_that_something_else_held_up_is_taken_as_far_away_at_most() -> None:
    assert learn([ran("L4", 1e9)], "L4").factor < 13
    assert learn([ran("L4", 1e-9)], "L4").factor > 1 / 13


def test_what_was_learned_is_said() -> None:
    assert learn([], "L4").source() == "from published runs; none of yours has ended on it yet"
    assert "your own on other cards" in learn([ran("T4", 1.1)], "L4").source()
    assert learn([ran("L4", 1.1)], "L4").source() == "learned from one of your own runs"
    assert learn([ran("L4", 1.1)] * 3, "L4").source() == "learned from 3 of your own runs"


def shares(chance: random.Random) -> dict[str, float]:
    """True logarithms of each card, drawn from what is known beforehand."""
    whole = (math.log(SPREAD) / Z90) ** 2 - WITHIN_RUN**2
    apart = BETWEEN_CARDS**2 / 2
    shared = chance.gauss(0, math.sqrt(whole - apart))
    return {card: shared + chance.gauss(0, math.sqrt(apart)) for card in CARDS_OF}


@pytest.mark.parametrize(("here", "elsewhere"), [(0, 0), (1, 0), (0, 3), (2, 4), (8, 0), (0, 12)])
def test_nine_in_ten_further_runs_end_within_the_p90_and_half_within_the_p50(here: int, elsewhere: int) -> None:
    """Calibration by simulation: 3,000 users, each with a truth, some runs, and one run more."""
    chance, users = random.Random(7 + here * 31 + elsewhere), 3000
    half = nine = 0
    for _ in range(users):
        truth = shares(chance)
        cards = ["L4"] * here + [chance.choice(CARDS_OF[1:]) for _ in range(elsewhere)]
        lessons = [ran(card, math.exp(chance.gauss(truth[card], WITHIN_RUN))) for card in cards]
        found = learn(lessons, "L4")
        further = math.exp(chance.gauss(truth["L4"], WITHIN_RUN))
        half += further <= found.factor
        nine += further <= found.factor * found.spread
    # Four standard deviations of a binomial count on either side.
    assert abs(half / users - 0.5) < 4 * math.sqrt(0.25 / users)
    assert abs(nine / users - 0.9) < 4 * math.sqrt(0.09 / users)


@given(
    ratios=st.lists(st.tuples(st.sampled_from(CARDS_OF), st.floats(1e-6, 1e6)), max_size=12),
    spread=st.floats(1.0, 5.0),
)
@example(ratios=[("L4", 1.0)], spread=1.0)
def test_a_band_is_one_whatever_was_learned(ratios: list[tuple[str, float]], spread: float) -> None:
    found = learn([ran(card, ratio) for card, ratio in ratios], "L4", spread)
    assert found.factor > 0
    assert math.isfinite(found.factor)
    assert 1 <= found.spread < 10
    within = [max(-2.5, min(2.5, math.log(ratio))) for _, ratio in ratios] + [0.0]
    assert min(within) - 1e-9 <= math.log(found.factor) <= max(within) + 1e-9, "never beyond what was seen"


@given(pace=st.floats(0.01, 100), done=st.integers(0, 100), p90=st.floats(1.0, 8.0))
def test_a_run_at_work_is_forecast_from_its_own_pace(pace: float, done: int, p90: float) -> None:
    found = reforecast(Band(p50=1.0, p90=p90), pace, done, 100)
    assert found.p90 >= found.p50 >= done * pace * (1 - 1e-9)
    lows, highs = sorted((1.0, pace))
    rest = (found.p50 - done * pace) / max(1, 100 - done)
    assert done == 100 or lows * (1 - 1e-6) <= rest <= highs * (1 + 1e-6)


# Padding, and rows' lengths


@pytest.mark.parametrize("rows", [1, 2, 8, 64])
def test_the_mean_pass_is_that_of_passes_drawn_at_random(rows: int) -> None:
    chance = random.Random(3)
    lengths = [int(chance.lognormvariate(5, 0.8)) + 1 for _ in range(200)]
    drawn = [one for step in draw_steps(cut(lengths, 600), rows, 1, draws=20_000 // rows) for one in step.passes]
    found = passes(lengths, rows, 600)
    assert found.tokens == pytest.approx(sum(rows * max(one) for one in drawn) / len(drawn), rel=0.03)
    assert found.tokens_width == pytest.approx(sum(rows * max(one) ** 2 for one in drawn) / len(drawn), rel=0.06)


def inspected(lengths: list[int]) -> Inspection:
    effects = [SimpleNamespace(max_length=at, cut=sum(one > at for one in lengths)) for at in limits(lengths)]
    preview = SimpleNamespace(histogram=histogram(lengths), lengths=effects)
    return cast(Inspection, SimpleNamespace(preview=preview, report=SimpleNamespace(tokens=token_counts(lengths))))


@pytest.mark.parametrize("sigma", [0.05, 0.6, 1.2])
@pytest.mark.parametrize("count", [5, 60, 3000])
def test_sampled_lengths_pad_as_the_rows_do(count: int, sigma: float) -> None:
    chance = random.Random(count)
    lengths = [int(chance.lognormvariate(4.5, sigma)) + 5 for _ in range(count)]
    sampled = sampled_lengths(inspected(lengths), count)
    assert len(sampled) == min(count, 256)
    assert sampled == sorted(sampled)
    assert max(sampled) <= max(lengths)
    for rows in (1, 8):
        assert passes(sampled, rows).tokens == pytest.approx(passes(lengths, rows).tokens, rel=0.03)


# Bands, prices and limits


def priced(found: list[Option]) -> list[Option]:
    return [one for one in found if one.fits]


@given(
    model=st.sampled_from(["0.5b", "7b"]),
    rows=st.integers(1, 200_000),
    length=st.integers(16, 2048),
    batch=st.sampled_from([1, 4, 8, 12, 64]),
    limit=st.none() | st.integers(60, 10**6),
    budget=st.none() | st.floats(0.0, 500.0),
    taught=st.lists(st.tuples(st.sampled_from(CARDS_OF), st.floats(0.2, 5)), max_size=4),
)
def test_every_band_is_one_and_every_price_covers_what_is_billed(
    model: str,
    rows: int,
    length: int,
    batch: int,
    limit: int | None,
    budget: float | None,
    taught: list[tuple[str, float]],
) -> None:
    lessons = [ran(card, ratio) for card, ratio in taught]
    of = work(rows, length=length, longest=max(1024, length), batch=batch)
    found = options(model, of, lessons=lessons, time_limit_s=limit, budget_usd=budget)
    machines = {one.name: one for one in prices().flavors}
    assert len(found) == 22 * 3, "each machine with a GPU, with each tuning"
    assert priced(found)
    for one in found:
        assert one.memory is None or one.memory.low <= one.memory.high
        if not one.fits:
            assert one.why and (one.hours, one.usd, one.max_usd) == (None, None, None)
            continue
        machine = machines[one.flavor]
        assert one.memory and one.hours and one.usd and one.step_seconds
        assert one.max_usd is not None and one.timeout_s is not None and machine.unit_s and machine.usd_per_hour
        assert one.memory.high <= one.memory.available
        assert 0 < one.hours.p50 <= one.hours.p90
        assert 0 < one.step_seconds.p50 <= one.step_seconds.p90
        assert one.usd.p50 <= one.usd.p90
        for usd, seconds in ((one.usd.p50, one.hours.p50 * 3600), (one.usd.p90, one.hours.p90 * 3600)):
            billed = math.ceil((seconds - 0.05) / machine.unit_s) * machine.unit_s / 3600 * machine.usd_per_hour
            assert billed - 1e-9 <= usd <= billed + machine.usd_per_hour / 60 + 1.1e-4
        exact = math.ceil(one.timeout_s / machine.unit_s) * machine.unit_s / 3600 * machine.usd_per_hour
        assert exact - 1e-9 <= one.max_usd <= exact + 1e-4, "price times timeout, begun minutes counted whole"
        if limit is None:
            assert one.timeout_s >= one.hours.p90 * 3600 - 0.05
            assert one.max_usd >= one.usd.p90
        else:
            assert one.timeout_s <= limit
            assert one.timeout_s == limit or one.timeout_s >= one.hours.p90 * 3600 - 0.05


@given(
    model=st.sampled_from(["0.5b", "7b"]),
    tuning=st.sampled_from(["lora", "qlora", "full"]),
    rows=st.integers(8, 20_000),
    length=st.integers(16, 1000),
    more=st.integers(1, 2000),
)
def test_more_steps_and_longer_rows_never_take_less_time_or_money(
    model: str, tuning: str, rows: int, length: int, more: int
) -> None:
    def all_of(**said: Any) -> list[Option]:
        return options(model, work(**({"rows": rows, "length": length, "longest": 1000} | said)), tunings=[tuning])

    now = all_of()
    for then in (all_of(rows=rows + more), all_of(length=min(1000, length + more))):
        for before, after in zip(now, then, strict=True):
            if before.fits and after.fits:
                assert before.hours and after.hours and before.usd and after.usd
                assert before.max_usd is not None and after.max_usd is not None
                assert after.hours.p50 >= before.hours.p50 - 1e-5
                assert after.hours.p90 >= before.hours.p90 - 1e-5
                assert after.usd.p50 >= before.usd.p50 and after.usd.p90 >= before.usd.p90
                assert after.max_usd >= before.max_usd


def test_a_faster_card_of_the_same_memory_is_never_slower() -> None:
    base = flavor("l4x1")
    known = [one for one in CARDS if one.capability >= (7, 0)]
    machines = [
        base.model_copy(update={"name": one.name, "card": one.name, "card_gib": one.usable_gib}) for one in known
    ]
    same = [one.model_copy(update={"card_gib": 14.5}) for one in machines]
    assert all(card_of(one.card) for one in same)
    for model in ("0.5b", "7b"):
        for tuning in ("lora", "qlora", "full"):
            found = {one.name: one for one in known}
            taken = {
                one.flavor: one
                for one in options(model, catalogue=prices(flavors=machines), tunings=[tuning])
                if one.fits and one.hours
            }
            for slow in taken.values():
                for fast in taken.values():
                    a, b = found[slow.flavor], found[fast.flavor]
                    computes = "bf16" if a.bf16 else "fp16"
                    if b.usable_gib < a.usable_gib or b.bandwidth_gb_s < a.bandwidth_gb_s:
                        continue
                    if b.tflops.get("bf16" if b.bf16 else "fp16", 0) >= a.tflops[computes]:
                        assert slow.hours and fast.hours
                        assert fast.hours.p50 <= slow.hours.p50 + 1e-5, (model, tuning, a.name, b.name)


@pytest.mark.parametrize(("unit", "seconds", "units"), [(60, 61, 2), (3600, 61, 1), (3600, 3601, 2), (1, 61, 61)])
def test_begun_units_are_counted_whole(unit: int, seconds: int, units: int) -> None:
    machine = flavor("l4x1", unit_s=unit, usd_per_hour=3.6)
    assert machine.usd_for(seconds) == pytest.approx(units * unit * 0.001)


def test_a_machine_that_is_billed_by_the_hour_is_never_cheaper_than_its_hours() -> None:
    by_hour = prices(flavors=[flavor("l4x1", unit_s=3600)])
    one = on(options("0.5b", work(200), catalogue=by_hour), "l4x1", "lora")
    assert one.hours and one.hours.p90 < 1 and one.usd
    assert one.usd.p50 == one.usd.p90 == pytest.approx(by_hour.flavors[0].usd_per_hour, abs=1e-4)
    assert one.usd.p50 >= (by_hour.flavors[0].usd_per_hour or 0)


def test_the_timeout_has_room_above_the_p90_and_shrinks_to_what_is_paid_for() -> None:
    machine = flavor("l4x1", usd_per_hour=0.8)  # a minute is 1.33 cents
    total = Band(p50=1000.0, p90=3000.0)
    assert timeout_s(total, None, machine, None) == 3780  # a quarter more, in whole minutes
    assert timeout_s(total, None, machine, 0.75) == 3360, "56 minutes are paid for"
    assert timeout_s(total, None, machine, 0.6) == 3780, "what does not pay for the P90 is told, and not cut to"
    assert timeout_s(total, 3500, machine, None) == 3500
    assert timeout_s(total, 3500, machine, 0.75) == 3360
    assert timeout_s(Band(p50=1.0, p90=2.0), None, machine, None) == 900
    hourly = flavor("l4x1", usd_per_hour=0.8, unit_s=3600)
    assert timeout_s(Band(p50=1000.0, p90=6500.0), None, hourly, 2.0) == 7200, "whole hours, which the budget pays"


def test_what_was_learned_is_counted_once() -> None:
    plain = on(options("7b"), "l4x1", "qlora")
    for ratio in (0.5, 2.0):
        lessons = [ran("L4", ratio)] * 200
        taught = on(options("7b", lessons=lessons), "l4x1", "qlora")
        assert plain.step_seconds and taught.step_seconds and plain.hours and taught.hours
        assert taught.step_seconds.p50 == pytest.approx(ratio * plain.step_seconds.p50, rel=0.01)
        assert taught.unlearned_step_s == plain.unlearned_step_s, "what the next run is compared with"
        steps = work().shape.steps
        trained = taught.hours.p50 * 3600 - plain.hours.p50 * 3600
        assert trained == pytest.approx((ratio - 1) * steps * plain.step_seconds.p50, rel=0.35)
        assert "learned from 200 of your own runs" in taught.detail


def test_the_sliders_say_what_the_option_says_and_count_the_start_everywhere() -> None:
    """On a machine where the plan's size does not fit a smaller one may: its start is not free."""
    of = work(longest=1024)
    found = options("7b", of)
    chosen = on(found, "l4x1", "qlora")
    laws = laws_of("7b")
    view = explore(prices(), laws, of, found, [], lengths=of.shape.lengths, context=1024, chosen=chosen, limit=32768)
    assert view is not None and chosen.hours and chosen.picked and chosen.step_seconds
    assert {one.flavor for one in view.machines} == {
        one.name for one in prices().flavors if one.cards == 1 and one.kind == "GPU"
    }
    for machine in view.machines:
        for way in machine.ways:
            assert way.fixed_s.p50 >= 150, (machine.flavor, way.tuning)
            assert way.fixed_s.p90 >= way.fixed_s.p50
            assert way.token_s.p90 >= way.token_s.p50 > 0
    mine = next(one for one in view.machines if one.flavor == "l4x1")
    way = next(one for one in mine.ways if (one.tuning, one.checkpointing) == ("qlora", chosen.picked.checkpointing))
    tokens = next(one.tokens for one in view.tokens if one.context == 1024)
    for told, hours in ((way.fixed_s.p50, chosen.hours.p50), (way.fixed_s.p90, chosen.hours.p90)):
        pace = way.token_s.p50 if told == way.fixed_s.p50 else way.token_s.p90
        assert told + tokens * pace * (1 + way.per_rank * 16) == pytest.approx(hours * 3600, rel=0.01)


def test_a_table_of_all_machines_is_made_in_no_time() -> None:
    of = work(batch=64)
    options("7b", of)
    began = time.perf_counter()
    options("7b", of)
    assert time.perf_counter() - began < 0.3


@given(gib=st.floats(0.001, 5000))
def test_sizes_are_told_to_three_digits_on_the_safe_side(gib: float) -> None:
    need, there = (float(text.replace(",", "")) for text in (needed(gib), there_is(gib)))
    assert need >= gib - 1e-6
    assert there <= gib + 1e-6
    assert all(len(str(round(value * 10)).rstrip("0")) <= 3 for value in (need, there))
    assert need - there <= max(0.11, gib * 0.011)
