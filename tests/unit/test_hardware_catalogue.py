"""Machine types and their prices: what is understood is shown, what is not understood is never spent on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hub.hardware import listed
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.cards import card_of
from tunebook.pipeline.hardware.catalogue import FILE, Catalogue, catalogue, snapshot_prices
from tunebook.pipeline.hardware.flavors import flavor_of, flavors_of, price_of

NOW = 1_790_000_000.0  # September 2026
MINUTE, HOUR = 60, 3600

#: The table of the Hub's documentation, August 2026: US dollars an hour.
AUGUST_2026 = {
    name: float(usd)
    for name, usd in (
        line.split()
        for line in """
            cpu-basic      0.01
            cpu-upgrade    0.03
            cpu-xl         1.00
            cpu-performance 1.90
            t4-small       0.40
            t4-medium      0.60
            l4x1           0.80
            l4x4           3.80
            l40sx1         1.80
            l40sx4         8.30
            l40sx8         23.50
            a10g-small     1.00
            a10g-large     1.50
            a10g-largex2   3.00
            a10g-largex4   5.00
            a100-large     2.50
            a100x4         10.00
            a100x8         20.00
            h200           5.00
            h200x2         10.00
            h200x4         20.00
            h200x8         40.00
            rtx-pro-6000   2.75
            rtx-pro-6000x2 5.50
            rtx-pro-6000x4 11.00
            rtx-pro-6000x8 22.00
        """.strip().splitlines()
    )
}
SHOWN = ": they are shown, and nothing is spent on them"
TPU = {"type": "tpu", "model": "v5e", "quantity": "1", "vram": "16 GB", "manufacturer": "Google"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def entry(**changed: Any) -> dict[str, Any]:
    """A machine with one L4, changed."""
    return next(one for one in listed() if one["name"] == "l4x1") | changed


def kept(folder: Path, age: float, **changed: Any) -> Path:
    """A folder with a list that was read that many seconds before NOW."""
    value = {"endpoint": "https://huggingface.co", "read_at": NOW - age, "hardware": listed()}
    (folder / FILE).write_text(json.dumps(value | changed))
    return folder


def test_the_shipped_prices_are_those_of_august_2026() -> None:
    prices = {flavor.name: flavor.usd_per_hour for flavor in snapshot_prices().flavors}
    assert prices == {name: pytest.approx(usd, rel=0.003) for name, usd in AUGUST_2026.items()}
    assert not [flavor for flavor in snapshot_prices().flavors if flavor.unsupported]


def test_the_shipped_prices_are_shown_with_their_month_and_never_spent(tmp_path: Path) -> None:
    shipped = catalogue(tmp_path, now=NOW)
    assert shipped.source == "snapshot"
    assert shipped.sentence(NOW) == (
        f"Prices as shipped in August 2026, because HF_HUB_OFFLINE is set, so the Hub is not asked{SHOWN}."
    )
    assert not any(shipped.spendable(at) for at in (NOW, shipped.read_at, shipped.read_at + MINUTE))


def test_a_machine_type_is_told_with_what_one_of_its_cards_can_give() -> None:
    flavor = flavor_of(next(one for one in listed() if one["name"] == "a10g-largex4"))
    assert flavor is not None
    assert flavor.model_dump() == {
        "backend": "hf-jobs",
        "name": "a10g-largex4",
        "title": "4x Nvidia A10G",
        "vcpus": 48,
        "ram_gib": 171.36,  # the Hub's 184 GB
        "disk_gib": 93.13,
        "kind": "GPU",
        "card": "A10G",
        "cards": 4,
        "card_gib": 21.9,
        "usd_per_hour": pytest.approx(5, rel=1e-5),
        "unit_s": 60,
        "unsupported": "",
    }


def test_every_listed_gpu_is_a_card_that_is_known_and_a_cpu_has_none() -> None:
    flavors = flavors_of(listed())[0]
    assert {flavor.name for flavor in flavors if flavor.kind == "CPU"} == {
        name for name in AUGUST_2026 if "cpu" in name
    }
    for flavor in flavors:
        card = card_of(flavor.card, flavor.card_gib)
        assert (card is not None and card.usable_gib == flavor.card_gib) == (flavor.kind == "GPU")
        assert bool(flavor.cards) == (flavor.kind == "GPU")


def test_an_a100_has_the_memory_that_the_list_tells_divided_by_its_cards() -> None:
    sizes = {flavor.name: flavor.card for flavor in flavors_of(listed())[0] if flavor.name.startswith("a100")}
    assert sizes == {"a100-large": "A100 80 GB", "a100x4": "A100 80 GB", "a100x8": "A100 80 GB"}


def test_a_card_that_is_not_known_is_listed_with_nine_tenths_of_its_memory() -> None:
    flavor = flavor_of(entry(accelerator=entry()["accelerator"] | {"model": "Z9", "vram": "100 GB", "quantity": "2"}))
    assert flavor is not None
    assert (flavor.card, flavor.cards, flavor.card_gib, flavor.unsupported) == ("Z9", 2, 45.0, "")
    assert card_of(flavor.card, flavor.card_gib) is None


@pytest.mark.parametrize(
    ("accelerator", "kind", "why"),
    [
        (TPU, "TPU", "the training script does not run on TPUs"),
        (
            {"type": "gpu", "model": "MI300X", "quantity": "1", "vram": "192 GB", "manufacturer": "AMD"},
            "GPU",
            "the training script needs an NVIDIA GPU, and this has AMD MI300X",
        ),
        ({"type": "neuron", "model": "inf2"}, "other", "the training script needs an NVIDIA GPU, and this has inf2"),
        ("L4", "GPU", "the Hub does not say how many cards it has"),
        ({"type": "gpu", "model": "L4"}, "GPU", "the Hub does not say how many cards it has"),
        ({"type": "gpu", "model": "Z9", "quantity": "1"}, "GPU", "the Hub does not say how much memory its card has"),
    ],
)
def test_a_machine_that_training_cannot_use_is_listed_with_the_reason(accelerator: Any, kind: str, why: str) -> None:
    flavor = flavor_of(entry(accelerator=accelerator))
    assert flavor is not None
    assert (flavor.kind, flavor.unsupported) == (kind, why)
    assert flavor.usd_per_hour == pytest.approx(0.8, rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"unitCostUSD": None, "unitCostMicroUSD": None}, "the Hub tells no price in US dollars for it"),
        ({"unitCostUSD": "¤0.02"}, "its price is '¤0.02', which is not understood"),
        ({"unitCostUSD": "0.02"}, "its price is '0.02', which is not understood"),
        ({"unitCostMicroUSD": -5}, "its price is '-5', which is not understood"),
        ({"unitCostUSD": float("nan")}, "its price is 'nan', which is not understood"),
        ({"unitCostUSD": True}, "its price is 'True', which is not understood"),
        ({"currency": "EUR"}, "its price is in 'EUR', not in US dollars"),
        ({"unitLabel": "fortnight"}, "its price is for each 'fortnight', which is not understood"),
        ({"unitLabel": None}, "the Hub does not say what time its price is for"),
        ({"unitLabel": "\x1b[2J"}, "its price is for each '?[2J', which is not understood"),
        ({"unitCostUSD": 0.02}, "the Hub tells two prices for it, $0.013333 and $0.02 a minute"),
        ({"unitCostUSD": 0, "unitCostMicroUSD": 0}, "the Hub lists it at no price"),
    ],
)
def test_a_price_that_is_not_understood_is_no_price(changed: dict[str, Any], why: str) -> None:
    flavor = flavor_of(entry(**changed))
    assert flavor is not None
    assert (flavor.usd_per_hour, flavor.usd_for(HOUR)) == (None, None)
    assert flavor.unsupported == f"{why}, so nothing is spent on it"


@pytest.mark.parametrize(("unit", "usd"), [("second", 72.0), ("minute", 1.2), ("hour", 0.02), ("Minute", 1.2)])
def test_the_unit_of_the_price_is_respected(unit: str, usd: float) -> None:
    assert price_of(entry(unitCostUSD=0.02, unitCostMicroUSD=20_000, unitLabel=unit)).usd_per_hour == usd


def test_one_of_the_two_amounts_is_enough() -> None:
    assert price_of(entry(unitCostUSD=None)).usd_per_hour == price_of(entry(unitCostMicroUSD=None)).usd_per_hour
    assert price_of(entry(unitCostUSD=None)).problem == ""


def test_a_processor_that_is_given_away_costs_nothing() -> None:
    free = flavor_of(entry(accelerator=None, unitCostUSD=0, unitCostMicroUSD=0))
    assert free is not None
    assert (free.kind, free.usd_per_hour, free.unsupported) == ("CPU", 0.0, "")


@given(seconds=st.floats(0, 1e6), unit=st.sampled_from(["second", "minute", "hour"]))
def test_a_begun_unit_costs_a_whole_one(seconds: float, unit: str) -> None:
    flavor = flavor_of(entry(unitCostUSD=0.02, unitCostMicroUSD=None, unitLabel=unit))
    assert flavor is not None
    units = (flavor.usd_for(seconds) or 0.0) / 0.02
    assert units == pytest.approx(round(units))
    exact = seconds / {"second": 1, "minute": 60, "hour": 3600}[unit]
    assert exact - 1e-3 <= units < exact + 1.001


@given(changed=st.dictionaries(st.sampled_from(sorted(entry())), JSON), accelerator=st.none() | st.just(TPU) | JSON)
def test_whatever_an_entry_holds_a_machine_without_a_price_says_why(changed: dict[str, Any], accelerator: Any) -> None:
    flavors, left_out = flavors_of(
        [entry(name="the-first-one"), entry(accelerator=accelerator) | changed, entry(name="the-last-one")]
    )
    assert len(flavors) + left_out == 3
    assert {"the-first-one", "the-last-one"} <= {flavor.name for flavor in flavors if not flavor.unsupported}
    for flavor in flavors:
        assert (flavor.usd_per_hour is None) == (flavor.unit_s is None)
        assert flavor.usd_per_hour is not None or flavor.unsupported


@given(JSON)
def test_what_is_no_entry_is_left_out(value: Any) -> None:
    flavors, left_out = flavors_of([value, entry()])
    assert ([flavor.name for flavor in flavors], left_out) == (["l4x1"], 1)


def test_a_machine_that_is_listed_twice_has_no_price_even_if_both_agree() -> None:
    [flavor] = flavors_of([entry(), entry()])[0]
    assert (flavor.usd_per_hour, flavor.unsupported) == (None, "the Hub lists it twice, so nothing is spent on it")


@pytest.mark.parametrize(
    ("age", "spendable", "sentence"),
    [
        (0, True, "Prices read from the Hub just now."),
        (3 * MINUTE, True, "Prices read from the Hub 3 minutes ago."),
        (HOUR, True, "Prices read from the Hub 1 hour ago."),
        (HOUR + 1, False, f"Prices read from the Hub 1 hour ago{SHOWN}."),
        (50 * HOUR, False, f"Prices read from the Hub 2 days ago{SHOWN}."),
        (
            -5,
            False,
            f"Prices read from the Hub at a time that this machine's clock has not reached{SHOWN}.",
        ),
    ],
)
@pytest.mark.parametrize("source", ["live", "cached"])
def test_prices_are_spent_on_for_an_hour_and_shown_with_their_age(
    age: float, spendable: bool, sentence: str, source: Any
) -> None:
    told = Catalogue(flavors=[], source=source, read_at=NOW - age)
    assert told.spendable(NOW) == spendable
    assert told.sentence(NOW) == sentence


def test_entries_that_were_left_out_are_counted_in_the_sentence() -> None:
    told = Catalogue(flavors=[], source="live", read_at=NOW, left_out=1)
    assert told.sentence(NOW) == "Prices read from the Hub just now. 1 entry of its list could not be read."


def test_a_list_of_the_last_ten_minutes_is_taken_as_it_is(tmp_path: Path) -> None:
    told = catalogue(kept(tmp_path, 10 * MINUTE), now=NOW)
    assert (told.source, told.problem, told.spendable(NOW)) == ("cached", "", True)
    assert len(told.flavors) == len(AUGUST_2026)


def test_an_older_list_is_told_with_its_age_and_why_there_is_no_newer(tmp_path: Path) -> None:
    told = catalogue(kept(tmp_path, 3 * HOUR), now=NOW, offline=True)
    assert told.sentence(NOW) == (
        f"Prices read from the Hub 3 hours ago, because HF_HUB_OFFLINE is set, so the Hub is not asked{SHOWN}."
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"prices"', "\x00\xff", "[" * 100_000, '{"read_at": 1}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert catalogue(tmp_path, now=NOW).source == "snapshot"


@pytest.mark.parametrize(
    "changed",
    [
        {"endpoint": "http://127.0.0.1:1"},
        {"endpoint": None},
        {"read_at": None},
        {"read_at": "now"},
        {"read_at": float("nan")},
        {"read_at": -1},
        {"read_at": 10**400},
        {"hardware": {}},
        {"hardware": []},
        {"hardware": [None, {}]},
    ],
)
def test_a_kept_list_of_another_hub_or_of_no_known_time_is_not_used(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert catalogue(kept(tmp_path, MINUTE), now=NOW).source == "cached"
    assert catalogue(kept(tmp_path, MINUTE, **changed), now=NOW).source == "snapshot"


def test_a_name_that_is_not_offered_is_answered_with_the_nearest() -> None:
    assert snapshot_prices().flavor("a10g-large").name == "a10g-large"
    with pytest.raises(CallError) as wrong:
        snapshot_prices().flavor("A10G-Larg")
    assert str(wrong.value).startswith("flavor is 'A10G-Larg', which the Hub does not offer: choose a10g-large, ")
    with pytest.raises(CallError, match=r"choose cpu-basic, .* or one of 18 more\.$"):
        snapshot_prices().flavor("~~")
