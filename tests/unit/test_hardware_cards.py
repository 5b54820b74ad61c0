"""What is known of accelerators: which card a name means, and what it can do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.hardware.cards import CARDS, SAME_SIZE, Card, card_of
from tunebook.pipeline.hardware.flavors import USABLE_SHARE

BY_NAME = {card.name: card for card in CARDS}
IDS = list(BY_NAME)


@pytest.mark.parametrize(
    ("text", "gib", "name"),
    [
        ("T4", 16, "T4"),  # the Hub's API
        ("A10G", 24, "A10G"),
        ("L4", 24, "L4"),
        ("L40S", 48, "L40S"),
        ("A100", 80, "A100 80 GB"),
        ("A100", 40, "A100 40 GB"),
        ("H200", 141, "H200"),
        ("RTX PRO 6000", 96, "RTX PRO 6000 Blackwell"),
        ("Nvidia A10G", None, "A10G"),
        ("Tesla T4", 15.0, "T4"),  # nvidia-smi, which tells a little less than the whole memory
        ("NVIDIA A10", 22.5, "A10"),
        ("NVIDIA L40", 44.99, "L40"),
        ("NVIDIA A100-SXM4-80GB", 79.25, "A100 80 GB"),
        ("NVIDIA A100-PCIE-40GB", 39.4, "A100 40 GB"),
        ("NVIDIA A100 80GB PCIe", None, "A100 80 GB"),
        ("Tesla V100-SXM2-16GB", 15.77, "V100 16 GB"),
        ("Tesla V100-PCIE-32GB", None, "V100 32 GB"),
        ("NVIDIA H100 80GB HBM3", 79.65, "H100"),
        ("NVIDIA H100 PCIe", 79.65, "H100 PCIe"),
        ("NVIDIA H100 NVL", 93.6, "H100 NVL"),
        ("NVIDIA H200", 140.4, "H200"),
        ("NVIDIA B200", 179.06, "B200"),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 95.59, "RTX PRO 6000 Blackwell"),
        ("NVIDIA GeForce RTX 3090", 23.69, "RTX 3090"),
        ("NVIDIA GeForce RTX 4080", 15.99, "RTX 4080"),
        ("NVIDIA GeForce RTX 4090", 23.99, "RTX 4090"),
        ("NVIDIA RTX A6000", 47.99, "RTX A6000"),
        ("NVIDIA RTX 6000 Ada Generation", 47.99, "RTX 6000 Ada"),
    ],
)
def test_a_card_is_known_by_the_name_that_the_hub_and_the_driver_give_it(text: str, gib: float, name: str) -> None:
    found = card_of(text, gib)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("text", ["A100", "V100"])
def test_where_no_size_is_told_the_smaller_card_is_meant(text: str) -> None:
    smaller = card_of(text)
    assert smaller is not None
    assert smaller.memory_gb == min(card.memory_gb for card in CARDS if card.name.startswith(text))


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("", None),
        ("NVIDIA", None),
        ("AMD Instinct MI300X", 192),
        ("NVIDIA GH200 480GB", 96),
        ("Quadro RTX 6000", 24),  # Turing, neither Ada nor Blackwell
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 16),
        ("NVIDIA GeForce RTX 4080 SUPER", 16),
        ("NVIDIA GeForce RTX 3090 Ti", 24),
        ("NVIDIA GeForce RTX 4080", 12),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 96),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", 4.75),
        ("NVIDIA A100-SXM4-80GB", 9.75),  # a slice that bears the name of the whole
        ("NVIDIA A100-SXM-64GB", 63.4),
        ("NVIDIA A10-24Q", 24),
    ],
)
def test_a_namesake_or_a_part_of_a_card_is_not_taken_for_it(text: str, gib: float | None) -> None:
    assert card_of(text, gib) is None


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_a_card_is_found_by_its_own_name_and_by_the_memory_it_reports(card: Card) -> None:
    assert card_of(card.name) == card
    assert card_of(card.name, card.usable_gib) == card


@given(text=st.text() | st.sampled_from(IDS), gib=st.none() | st.floats())
def test_any_name_has_an_answer_and_no_card_of_another_size_is_given(text: str, gib: float | None) -> None:
    found = card_of(text, gib)
    if found is not None and gib is not None:
        assert abs(found.memory_gb - gib) <= SAME_SIZE * found.memory_gb


def test_bfloat16_and_flash_attention_start_with_ampere_and_eight_bit_floats_with_ada() -> None:
    assert [name for name, card in BY_NAME.items() if not card.bf16] == ["V100 16 GB", "V100 32 GB", "T4"]
    assert [name for name, card in BY_NAME.items() if card.bf16 != card.flash_attention] == []
    without = {name for name, card in BY_NAME.items() if card.bf16 and not card.fp8}
    assert without == {"A100 40 GB", "A100 80 GB", "A10", "A10G", "RTX A6000", "RTX 3090"}


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_a_card_has_a_peak_for_each_precision_that_it_can_do_and_for_no_other(card: Card) -> None:
    expected = {"fp32", "fp16"} | ({"tf32", "bf16"} if card.bf16 else set()) | ({"fp8"} if card.fp8 else set())
    assert set(card.tflops) == expected


@pytest.mark.parametrize("card", CARDS, ids=IDS)
def test_half_the_bits_are_twice_the_peak(card: Card) -> None:
    """On all these tensor cores, but never four times, as where one of two figures is told with sparsity."""
    peaks = card.tflops
    steps = [("tf32", "fp16"), ("tf32", "bf16"), ("fp16", "fp8")]
    ratios = [peaks[narrow] / peaks[wide] for wide, narrow in steps if {wide, narrow} <= peaks.keys()]
    assert ratios == pytest.approx([2.0] * len(ratios), rel=0.03)


@pytest.mark.parametrize(
    ("name", "with_sparsity"),
    [  # the 16-bit figure on the front of the data sheet
        ("A10", 250),
        ("A10G", 140),
        ("A100 40 GB", 624),
        ("A100 80 GB", 624),
        ("L4", 242),
        ("L40", 362),
        ("L40S", 733),
        ("H100", 1979),
        ("H100 PCIe", 1513),
        ("H100 NVL", 1671),
        ("H200", 1979),
        ("B200", 4500),
    ],
)
def test_peaks_are_dense_which_is_half_of_what_data_sheets_boast(name: str, with_sparsity: float) -> None:
    assert BY_NAME[name].tflops["bf16"] == pytest.approx(with_sparsity / 2, rel=0.02)


def test_a_process_gets_less_of_a_card_than_is_sold_and_an_unknown_card_is_thought_no_better() -> None:
    shares = {name: card.usable_gib / card.memory_gb for name, card in BY_NAME.items()}
    assert max(shares.values()) < 1
    assert min(shares.values()) > USABLE_SHARE
