"""Numbers as people read them, by the rules of widgets/shared/format.ts."""

from __future__ import annotations

import math

import pytest

from tunebook.widgets import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.4204, "1.42"),
        (0.03123, "0.0312"),
        (171.4, "171"),
        (1234, "1,230"),
        (1.4e-4, "1.4e-4"),
        (2e-4, "2e-4"),
        (0, "0"),
        (999.7, "1,000"),
        (20.0, "20"),
        (81.25, "81.3"),  # as JavaScript rounds it
        (None, words.UNKNOWN),
        (math.nan, words.UNKNOWN),
    ],
)
def test_a_number_has_three_digits_at_most(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (6.0, "6 s"),
        (80, "80 s"),
        (100, "1.7 min"),
        (1860, "31 min"),
        (9000, "2.5 h"),
        (None, words.UNKNOWN),
        (-1, words.UNKNOWN),
    ],
)
def test_a_time_takes_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "$0"), (0.42, "$0.42"), (0.4151, "$0.42"), (0.001, "$0.01"), (1.1, "$1.10")]
)
def test_what_a_click_can_cost_is_never_rounded_down(value: float, text: str) -> None:
    assert words.at_most_usd(value) == text


def test_a_loss_keeps_its_zeros() -> None:
    assert (words.loss(1.4), words.loss(0.03), words.loss(12.0)) == ("1.40", "0.0300", "12.0")


def test_sizes_are_in_powers_of_ten() -> None:
    assert (words.size(512), words.size(105_454_432), words.size(999_600)) == ("512 B", "105 MB", "1 MB")
