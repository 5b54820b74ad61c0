"""The choice of a machine: the front, one recommendation within what is allowed, and offers that keep what they promise."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rented import NOW, flavor, machines, on, options, prices, work

from tunebook.pipeline.hardware.choice import (
    FOUR_BIT_SAVES,
    Choice,
    Wanted,
    at_most,
    because,
    beside,
    choose,
    dollars,
    obstacle,
    with_front,
)
from tunebook.pipeline.hardware.flavors import flavors_of
from tunebook.pipeline.hardware.offers import TRIAL_STEPS, Offer
from tunebook.pipeline.hardware.options import Band, Memory, Option
from tunebook.pipeline.plan.machines import Machines

TUNINGS = ("lora", "qlora", "full")


def option(flavor: str = "l4x1", tuning: str = "lora", *, usd: float = 1.0, hours: float = 1.0, **more: Any) -> Option:
    facts: dict[str, Any] = {
        "backend": "hf-jobs",
        "flavor": flavor,
        "tuning": tuning,
        "fits": True,
        "memory": Memory(low=9, high=11, available=21.9, kind="GPU", source="forecast"),
        "hours": Band(p50=hours, p90=1.5 * hours),
        "usd": Band(p50=usd, p90=1.5 * usd),
        "max_usd": 2 * usd,
        "why": "trains 40M weights",
        "usd_per_hour": usd / hours,
        "timeout_s": round(7200 * hours),
    }
    return Option.model_validate(facts | more)


def said_well(sentence: str, machine: str = "") -> None:
    """A full stop at the end, no forecast with more than three digits (money and counts are exact), nothing that is no word."""
    assert sentence.endswith(".")
    assert not re.search(r"\b(None|nan|inf|null)\b", sentence), sentence
    assert machine in sentence
    exact = r"\$[\d,.]*\d|`[^`]*`|[a-z][a-z0-9]*(-[a-z0-9]+)*\d+(x\d+)?|\b\d+-bit|of [\d,]+\b(?! %)|[\d,]+ (rows|tokens|steps)"
    bare = re.sub(exact, "", sentence)
    for number in re.findall(r"\d[\d,]*\.?\d*", bare):
        digits = number.replace(",", "").replace(".", "").strip("0")
        assert len(digits) <= 3, (number, sentence)


MACHINES = st.lists(
    st.builds(
        option,
        st.sampled_from(["t4-small", "l4x1", "a100-large", "h200", "l4x4"]),
        st.sampled_from(TUNINGS),
        usd=st.sampled_from([0.0, 0.5, 1.0, 1.4, 2.0, 9.0]),
        hours=st.sampled_from([0.1, 0.5, 1.0, 3.0]),
        fits=st.booleans(),
        unstarted=st.sampled_from(["", "", "several cards cannot be used yet"]),
    ),
    max_size=12,
    unique_by=lambda one: one.key,
)
WANTED = st.builds(
    Wanted,
    backend=st.sampled_from([None, "hf-jobs"]),
    flavor=st.sampled_from([None, None, "l4x1", "h200"]),
    tuning=st.sampled_from([None, None, *TUNINGS]),
    time_limit_s=st.sampled_from([None, 900, 7200]),
    budget_usd=st.sampled_from([None, 0.5, 2.0, 30.0]),
    budget_why=st.just("the budget that the cell names"),
)


@given(found=MACHINES)
def test_nothing_on_the_front_is_beaten_and_all_else_is(found: list[Option]) -> None:
    marked = with_front(found)
    assert [one.key for one in marked] == [one.key for one in found]
    for one in marked:
        assert one.usd and one.hours
        rivals = [other for other in marked if other.fits and other.tuning == one.tuning and other.key != one.key]
        beaten = any(
            (other.usd.p50, other.hours.p50) != (one.usd.p50, one.hours.p50)
            and other.usd.p50 <= one.usd.p50
            and other.hours.p50 <= one.hours.p50
            for other in rivals
            if other.usd and other.hours
        )
        equal = [other for other in rivals if (other.usd, other.hours) == (one.usd, one.hours) and other.front]
        assert one.front == (one.fits and not beaten and not equal), one
        assert not beaten or not one.front


@given(found=MACHINES, wanted=WANTED)
def test_what_is_taken_fits_is_within_time_and_budget_and_is_the_cheapest_of_its_kind(
    found: list[Option], wanted: Wanted
) -> None:
    choice = choose(found, wanted)
    said_well(choice.reason)
    open_ = [
        one
        for one in found
        if one.fits
        and wanted.flavor in (None, one.flavor)
        and wanted.tuning in (None, one.tuning)
        and (not one.unstarted or wanted.flavor)
        and (wanted.time_limit_s is None or (one.hours and one.hours.p90 * 3600 <= wanted.time_limit_s))
        and (wanted.budget_usd is None or (one.max_usd is not None and one.max_usd <= wanted.budget_usd))
    ]
    open_ = [one for one in open_ if not one.unstarted] or open_
    if choice.option is None:
        assert not open_
        assert choice.field in ("backend", "flavor", "tuning", "time_limit_s", "budget_usd")
        return
    taken = choice.option
    assert taken in open_
    assert taken.usd
    alike = [one for one in open_ if one.tuning == taken.tuning]
    assert all(one.usd and one.usd.p50 >= taken.usd.p50 for one in alike)
    cheapest = {
        name: min((one.usd.p50 for one in open_ if one.tuning == name and one.usd), default=None) for name in TUNINGS
    }
    if taken.tuning == "lora" and cheapest["qlora"] is not None:
        assert taken.usd.p50 <= FOUR_BIT_SAVES * cheapest["qlora"]
    if taken.tuning == "qlora" and cheapest["lora"] is not None:
        assert cheapest["lora"] > FOUR_BIT_SAVES * taken.usd.p50
    if taken.tuning == "full":
        assert cheapest["lora"] is None and cheapest["qlora"] is None
    if choice.reason.startswith("Cheapest that fits"):
        assert all(value is None or value >= taken.usd.p50 for value in cheapest.values())
    said_well(choice.reason, taken.flavor)


def test_cheapest_that_fits_is_said_of_nothing_else() -> None:
    lora, qlora = option(usd=1.4), option("t4-small", "qlora", usd=1.0)
    assert choose([lora, qlora], Wanted()).reason.startswith("Cheapest with LoRA: l4x1, about $1.40, at most $2.10")
    assert choose([lora, option("t4-small", "qlora", usd=0.5)], Wanted()).reason.startswith(
        "Cheapest that fits: t4-small with QLoRA"
    )
    assert choose([lora], Wanted(tuning="lora")).reason.startswith("Cheapest that fits: l4x1 with LoRA, as you asked")
    assert choose([lora], Wanted(flavor="l4x1")).reason.startswith("As you asked: l4x1 with LoRA")


def test_a_bound_in_a_sentence_is_never_below_what_it_bounds() -> None:
    over = option(usd=1.0, max_usd=2.001)
    wanted = Wanted(budget_usd=2.0, budget_why="the budget of $2 that the cell names")
    assert obstacle(over, wanted) == "it can cost up to $2.01, more than the budget of $2 that the cell names"
    late = option().model_copy(update={"hours": Band(p50=0.5, p90=0.5 + 1 / 3600)})
    assert obstacle(late, Wanted(time_limit_s=1800)) == "nine in ten such runs take up to 31 min, the limit is 30 min"
    assert [at_most(value) for value in (0.0, 0.001, 0.0101, 1.0, 1.000001, 12.3)] == [
        "$0.00", "$0.001", "$0.02", "$1.00", "$1.01", "$12.30",
    ]  # fmt: skip
    assert dollars(0.79998) == "$0.80"


@given(usd=st.floats(0, 1e4))
def test_at_most_is_at_most(usd: float) -> None:
    assert float(at_most(usd)[1:].replace(",", "")) >= usd - 1e-6
    assert float(at_most(usd)[1:].replace(",", "")) <= usd + 0.0101


def test_the_nearest_miss_is_named_with_the_field_in_the_way() -> None:
    slow, fast = option("t4-small", usd=0.5, hours=20), option("h200", usd=3, hours=0.5)
    late = choose([slow, fast], Wanted(time_limit_s=1800))
    assert (late.option, late.field) == (None, "time_limit_s")
    assert late.reason.startswith(
        "What fits is not within what you allow: on h200 nine in ten such runs take up to 45 min"
    )
    dear = choose([slow, fast], Wanted(budget_usd=0.9, budget_why="the budget of $0.90"))
    assert (dear.option, dear.field) == (None, "budget_usd")
    assert dear.reason == (
        "What fits is not within what you allow: on t4-small it can cost up to $1.00, more than the budget of $0.90."
    )
    small = option(fits=False, why="needs up to 30.0 GiB, a card has 21.9 GiB", tuning="full")
    none = choose([small, option(tuning="qlora")], Wanted(tuning="full"))
    assert none.field == "tuning"
    assert none.reason == (
        "Nothing fits; nearest is full fine-tuning on l4x1: needs up to 30.0 GiB, a card has 21.9 GiB. `tuning: qlora` fits."
    )
    nothing = choose([], Wanted(flavor="l9x1", tuning="lora"))
    assert nothing == Choice(None, "No machine is known for l9x1 with LoRA.", "tuning")
    said_well(choose([], Wanted()).reason)


def test_a_machine_without_a_price_is_not_taken_and_says_so() -> None:
    free = option().model_copy(update={"usd_per_hour": None, "usd": None, "max_usd": None})
    choice = choose([free], Wanted())
    assert choice.option is None
    assert "on l4x1 it has no price that is understood" in choice.reason
    priceless = prices(flavors=[flavor("l4x1", usd_per_hour=None, unit_s=None, unsupported="")])
    for one in options("0.5b", catalogue=priceless):
        assert one.fits and one.usd is None and one.max_usd is None
        assert choose([one], Wanted(flavor="l4x1")).option is None


def test_beside_the_chosen_one_each_other_says_what_it_gives_and_takes() -> None:
    chosen = option(usd=1.0, hours=1.0)
    told = {
        "2 times as fast, at 3 times the price": option("h200", usd=3.0, hours=0.5),
        "takes 4 times as long, at 50 % of the price": option("t4-small", usd=0.5, hours=4.0),
        "as fast, at the same price": option("a10g-small", usd=1.0, hours=1.0),
        "takes 9.5 times as long, at under 1 % of the price": option("t4-small", usd=0.002, hours=9.5),
    }
    for why, one in told.items():
        assert beside(one, chosen, chosen).why == why
    assert beside(chosen, chosen, chosen).recommended
    assert beside(option("t4-small", fits=False, why="too small"), chosen, chosen).why == "too small"


# Real machines


def test_of_seven_billion_weights_on_24_gb_only_four_bits_fit() -> None:
    found = with_front(options("7b"))
    for name in ("l4x1", "a10g-small", "a10g-large"):
        full, lora, qlora = (on(found, name, tuning) for tuning in ("full", "lora", "qlora"))
        assert full.memory and lora.memory and qlora.memory
        # By the numbers: 28 GiB of float32 weights, as much gradients, twice as much for Adam; 14.2 GiB of 16-bit weights.
        assert full.memory.high > 4 * 28
        assert lora.memory.high > 14.2
        assert lora.fits == (lora.memory.high <= lora.memory.available)
        assert qlora.fits and qlora.memory.high < lora.memory.high
        # Where all weights wait in RAM little is left on the card; that is forecast, and not taken unasked.
        assert not full.fits or (full.picked and full.picked.spread == "offload" and full.unstarted)
    choice = choose(found, Wanted())
    assert choice.option is not None and choice.option.fits
    assert choice.option.tuning in ("lora", "qlora")


def test_of_72_billion_weights_only_four_bits_fit_one_h200() -> None:
    found = options("72b")
    fits = {one.tuning: one for one in found if one.flavor == "h200"}
    assert fits["qlora"].fits
    # In 16 bit they would have to wait in RAM, which is forecast and not taken unasked.
    assert fits["lora"].picked and fits["lora"].picked.spread == "offload" and fits["lora"].unstarted
    assert not fits["full"].fits and re.fullmatch(r"needs up to [\d,]+ GiB, a card has 139 GiB", fits["full"].why)
    # Its 16-bit weights alone are 135 GiB: the training fits, and the evaluation that follows does not.
    assert "the evaluation loads all weights" in fits["qlora"].unstarted
    assert choose(list(fits.values()), Wanted()).option is None
    assert choose(list(fits.values()), Wanted(flavor="h200", tuning="qlora")).option == fits["qlora"]


def test_on_a_machine_that_was_named_what_can_be_started_comes_first() -> None:
    waiting = option(usd=1.0, unstarted="weights cannot wait in RAM yet")
    assert choose([waiting, option(tuning="qlora", usd=0.9)], Wanted(flavor="l4x1")).option == option(
        tuning="qlora", usd=0.9
    )
    assert choose([waiting], Wanted(flavor="l4x1")).option == waiting, (
        "where nothing else is there, as it was asked for"
    )


def test_what_follows_the_training_has_to_fit_too() -> None:
    """A T4 computes no bf16, so the evaluation there holds weights in 32 bit; 15 GB of RAM merge no 7B model."""
    found = options("7b")
    small = on(found, "t4-small", "qlora")
    assert small.unstarted == "the evaluation loads all weights, which needs up to 31.8 GiB, and a card has 14.5 GiB"
    assert small.blocked == small.unstarted
    merging = on(found, "a10g-small", "qlora")
    assert merging.unstarted.startswith("the export merges in RAM, which needs up to 15.")
    assert not on(found, "a10g-large", "qlora").unstarted
    unread = options("7b", work(answers=0))
    assert on(unread, "t4-small", "qlora").unstarted.startswith("the export"), "without an evaluation only that is left"


def test_several_cards_are_shared_by_accelerate_and_those_that_generate_each_have_the_whole_model() -> None:
    several = [one for one in options("7b") if one.picked and one.picked.cards > 1]
    assert {one.picked.spread for one in several if one.picked} == {"DDP", "FSDP"}
    assert any(one.fits and one.hours and one.usd and not one.unstarted for one in several)
    asked = choose(options("7b"), Wanted(flavor="l4x4", tuning="qlora")).option
    assert asked is not None and not asked.blocked

    answering = options("7b", work(tried=32, tried_tokens=256))
    split = [one for one in answering if one.picked and one.picked.spread == "FSDP" and one.fits]
    assert split and all("split over cards" in one.unstarted for one in split)
    taken = choose(answering, Wanted(tuning="full")).option
    assert taken is None or not taken.unstarted
    refused = choose([one for one in split if one.flavor == split[0].flavor], Wanted())
    assert refused.reason.startswith(f"What fits cannot be started yet: on {split[0].flavor} answers cannot be")


def test_answers_that_a_step_generates_take_time_and_longer_ones_more() -> None:
    def hours(tokens: int) -> float:
        one = on(options("7b", work(tried=32, tried_tokens=tokens)), "h200", "lora")
        assert one.hours
        return one.hours.p50

    without = on(options("7b"), "h200", "lora")
    assert without.hours and without.hours.p50 < hours(64) < hours(512)


@pytest.mark.parametrize(
    ("batch", "cards", "asked", "why"),
    [
        (4, "h200x8", None, "its 8 cards cannot share a batch of 4 rows evenly"),
        (8, "l4x4", 4, "a batch of 8 rows cannot be taken 4 at once on each of its 4 cards"),
        (8, "l4x1", 3, "a batch of 8 rows cannot be taken 3 at once"),
    ],
)
def test_no_machine_trains_on_another_batch_than_was_asked_for(
    batch: int, cards: str, asked: int | None, why: str
) -> None:
    found = options("0.5b", work(batch=batch), device_batch=asked)
    assert {one.why for one in found if one.flavor == cards} == {why}
    for one in found:
        if one.picked:
            assert one.picked.device_batch * one.picked.accumulation * one.picked.cards == batch
            assert asked in (None, one.picked.device_batch)


def test_a_price_that_is_shipped_or_old_is_shown_and_blocked() -> None:
    shipped, old = prices(source="snapshot"), prices(read_at=NOW - 3601)
    for catalogue in (shipped, old):
        found = options("0.5b", catalogue=catalogue)
        assert all(one.blocked for one in found)
        assert choose(found, Wanted()).option is not None, "it is shown which it would be"
    assert not any(one.blocked for one in options("0.5b") if not one.unstarted)
    blocked = options("0.5b", blocked=lambda machine: f"jobs cannot be sent to {machine.backend} from here yet")
    assert {one.blocked for one in blocked} == {"jobs cannot be sent to hf-jobs from here yet"}


def test_what_a_training_cannot_use_is_listed_with_its_reason() -> None:
    entry = {"cpu": "4 vCPU", "ram": "15 GB", "unitCostUSD": 0.02, "unitLabel": "minute"}
    card = {"type": "gpu", "quantity": "1", "manufacturer": "Nvidia"}
    entries = [
        {"name": "v5e-1x1", "accelerator": {"type": "tpu", "model": "v5e", "quantity": "1"}} | entry,
        {"name": "x1", "accelerator": card | {"model": "X9000", "vram": "32 GB"}} | entry,
        {"name": "mi300", "accelerator": card | {"model": "MI300", "vram": "192 GB", "manufacturer": "AMD"}} | entry,
        {"name": "cpu-only", "accelerator": None} | entry,
        {"name": "l4x1", "accelerator": card | {"model": "L4", "vram": "24 GB"}} | entry | {"unitCostUSD": None},
    ]
    found = options("0.5b", catalogue=prices(flavors=flavors_of(entries)[0]))
    assert {one.flavor for one in found} == {"v5e-1x1", "x1", "mi300", "l4x1"}
    assert not any(one.fits for one in found)
    assert on(found, "v5e-1x1", "lora").why == "the training script does not run on TPUs"
    assert on(found, "x1", "lora").why == "its card, X9000, is not known here"
    assert "needs an NVIDIA GPU" in on(found, "mi300", "lora").why
    assert "no price in US dollars" in on(found, "l4x1", "lora").why
    choice = choose(found, Wanted())
    assert choice.option is None
    said_well(choice.reason)


@pytest.mark.parametrize("model", ["0.5b", "7b", "72b"])
def test_sentences_of_real_machines_can_be_read(model: str) -> None:
    found = with_front(options(model))
    for tuning in (None, *TUNINGS):
        for budget in (None, 0.01, 5.0):
            for limit in (None, 60, 7200):
                for name in (None, "t4-small", "l4x1", "h200", "h200x8"):
                    wanted = Wanted(None, name, tuning, limit, budget, "the budget that the cell names")
                    choice = choose(found, wanted)
                    said_well(choice.reason, name or "")
                    if choice.option:
                        said_well(because(choice.option, found, wanted), choice.option.flavor)
    for one in found:
        said_well(f"{one.why}.")
        said_well(f"{one.detail}.")
        assert not one.blocked or said_well(f"{one.blocked}.") is None


# Offers: through the plan's own machines, so that each can be taken and asked again


def taken(before: Machines, model: str, rows: int, offer: Offer) -> tuple[Choice, Machines]:
    """What a new plan says when an offer's fields are said."""
    fields = {name: value for name, value in (before.spec.said() | offer.fields).items() if value is not None}
    after = machines(model, rows, **{name: value for name, value in fields.items() if name not in ("model", "dataset")})
    return choose(after.options(), after.wanted()), after


@pytest.fixture(autouse=True)
def _at_the_tests_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunebook.pipeline.plan.forecasting.time.time", lambda: NOW)


CASES: list[tuple[str, int, dict[str, Any]]] = [
    ("0.5b", 200_000, {"budget_usd": 2}),
    ("7b", 60_000, {"budget_usd": 2}),
    ("7b", 60_000, {"budget_usd": 2, "flavor": "h200"}),
    ("7b", 6_000, {"budget_usd": 2.5, "flavor": "h200"}),
    ("7b", 60_000, {"budget_usd": 20, "flavor": "a100-large", "tuning": "lora", "epochs": 3}),
    ("7b", 20_000, {"tuning": "full", "flavor": "l4x1"}),
    ("7b", 200_000, {"time_limit_s": 3000}),
    ("7b", 400_000, {"budget_usd": 5, "max_steps": 40_000}),
    ("0.5b", 60_000, {"budget_usd": 0.4, "eval_share": 0.1}),
    ("72b", 5_000, {"flavor": "h200", "budget_usd": 30}),
]


@pytest.mark.parametrize(("model", "rows", "said"), CASES)
def test_an_offer_that_is_taken_keeps_what_it_promised(model: str, rows: int, said: dict[str, Any]) -> None:
    before = machines(model, rows, **said)
    choice = choose(before.options(), before.wanted())
    assert choice.option is None
    said_well(choice.reason)
    found = before.offers(None)
    assert found
    for offer in found:
        again, after = taken(before, model, rows, offer)
        one = again.option
        assert one is not None, (offer, again.reason)
        assert one.hours and one.usd and one.max_usd is not None and one.memory and offer.hours and offer.usd
        assert one.memory.high <= one.memory.available
        assert after.spec.budget_usd is None or one.max_usd <= after.spec.budget_usd
        assert after.spec.time_limit_s is None or one.hours.p90 * 3600 <= after.spec.time_limit_s
        assert one.hours.p50 == pytest.approx(offer.hours.p50, rel=0.05), offer
        assert one.usd.p50 == pytest.approx(offer.usd.p50, rel=0.05, abs=0.03), offer
        said_well(f"{offer.label}: {offer.why}.")


def test_two_dollars_for_much_data_leave_fewer_rows_shorter_rows_or_another_machine() -> None:
    free = machines("7b", 60_000, budget_usd=2).offers(None)
    assert {next(iter(offer.fields)) for offer in free} == {"max_length", "rows"}
    named = machines("7b", 3_000, budget_usd=3, flavor="h200").offers(None)
    fields = [set(offer.fields) for offer in named]
    assert {"backend", "flavor", "tuning"} in fields, "another machine, with the tuning that its price is of"
    assert any("rows" in one for one in fields) and {"max_length"} in fields
    cheaper = next(offer for offer in named if "flavor" in offer.fields)
    assert cheaper.fields["flavor"] != "h200"
    rows = next(offer for offer in named if "rows" in offer.fields)
    assert rows.fields["epochs"] == 3, "as often as all of them would have been read"


def test_fewer_rows_are_not_read_more_often_behind_ones_back() -> None:
    """Of 5,000 rows and fewer three epochs are the default, of more one: an offer of 4,000 keeps to one."""
    before = machines("7b", 9_000, budget_usd=1.5)
    assert before.options() and choose(before.options(), before.wanted()).option is None
    offer = next(one for one in before.offers(None) if "rows" in one.fields)
    assert offer.fields["rows"] <= 5000
    assert offer.fields["epochs"] == 1
    again, _ = taken(before, "7b", 9_000, offer)
    assert again.option is not None


@pytest.mark.parametrize(("model", "rows", "said"), CASES)
def test_an_offer_costs_no_more_than_what_it_replaces(model: str, rows: int, said: dict[str, Any]) -> None:
    """On the machine and with the tuning that would be taken if nothing was in the way; another one may cost more."""
    before = machines(model, rows, **said)
    replaced = choose(before.options(), before.wanted()._replace(budget_usd=None, time_limit_s=None)).option
    for offer in before.offers(None):
        again = taken(before, model, rows, offer)[0].option
        assert again is not None
        if replaced is not None and again.key == replaced.key:
            assert again.usd and replaced.usd and again.usd.p50 <= replaced.usd.p50


def test_a_trial_is_priced_as_the_plan_that_it_is_and_offered_where_the_whole_costs_much_more() -> None:
    before = machines("7b", 60_000)
    choice = choose(before.options(), before.wanted())
    assert choice.option is not None
    (offer,) = before.offers(choice.option)
    assert offer.fields["max_steps"] == TRIAL_STEPS
    one = taken(before, "7b", 60_000, offer)[0].option
    assert one is not None and one.key == choice.option.key and one.hours and offer.hours and one.usd and offer.usd
    assert (one.hours, one.usd) == (offer.hours, offer.usd), "evaluation and export included"
    assert choice.option.usd and 3 * offer.usd.p50 <= choice.option.usd.p50
    short = machines("7b", 200)
    assert short.offers(choose(short.options(), short.wanted()).option) == []
    few = machines("7b", 60_000, max_steps=100)
    assert few.offers(choose(few.options(), few.wanted()).option) == [], "who names steps knows how many"


def test_nothing_is_cut_that_nobody_asked_to_cut() -> None:
    for said in ({}, {"budget_usd": 500}, {"time_limit_s": 10**6}):
        spec = machines("7b", 30_000, **said)
        choice = choose(spec.options(), spec.wanted())
        assert choice.option is not None
        settled, steps = spec._settled(None)[1:]
        assert settled["max_length"] >= 900, "the longest rows are outliers, the others stay whole"
        assert steps == -(-(30_000 - 500) // 8)
        assert "rows" not in settled


def test_offers_are_found_in_a_second() -> None:
    before = machines("7b", 60_000, budget_usd=2, flavor="h200", tuning="lora", epochs=3)
    began = time.perf_counter()
    assert before.offers(None)
    assert time.perf_counter() - began < 2


def test_the_spec_itself_is_never_changed_by_asking() -> None:
    before = machines("7b", 60_000, budget_usd=2)
    said = before.spec.said()
    before.offers(None)
    assert before.spec.said() == said
    assert before.inspection.train_rows == 60_000
