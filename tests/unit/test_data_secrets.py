"""Secrets are found by format and checksum, told without being shown, and hostile text costs no time."""

from __future__ import annotations

import time
from random import Random

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn
from unit.data.flawed_text import secret_texts
from unit.data.made import turns

from tunebook.pipeline.data.checks import noise
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.secrets import secrets_in


@pytest.mark.parametrize("seed", [0, 1])
def test_a_report_never_holds_what_it_found(seed: int) -> None:
    texts = secret_texts(Random(seed))
    report = inspect_data(datasets.Dataset.from_list([turns("Why?", text) for text in texts])).report
    assert sum(finding.rows for finding in report.findings if finding.id == "K22") == len(texts)
    printed = report.model_dump_json()
    for text in texts:
        assert text not in printed
        for word in text.replace("@", " ").replace(".", " ").split():
            assert len(word) < 8 or word in ("-----BEGIN", "-----") or word not in printed


@given(st.text("0123456789 -", min_size=1, max_size=40))
def test_a_number_is_a_card_only_if_its_check_digit_is_right(text: str) -> None:
    for secret in secrets_in(text):
        assert secret.kind == "card"
        assert any(luhn.is_valid(digits) for digits in _windows("".join(filter(str.isdigit, text))))


def _windows(digits: str) -> list[str]:
    return [digits[at : at + size] for size in (15, 16) for at in range(len(digits) - size + 1)]


@given(st.integers(0, 10**18 - 1), st.integers(0, 99))
def test_an_account_is_found_exactly_if_its_checksum_is_right(account: int, check: int) -> None:
    number = f"DE{check:02}{account:018}"
    kinds = [secret.kind for secret in secrets_in(f"Pay to {number} NOW")]
    assert ("account" in kinds) is (iban.is_valid(number) and number != "DE89370400440532013000")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_looked_at(text: str) -> None:
    list(secrets_in(text))
    for look, *_ in noise.KINDS:
        look(text)


@pytest.mark.parametrize(
    "piece",
    [
        "A: ",
        "a.",
        "a@",
        "1234 ",
        "<div ",
        "&#1",
        "`",
        "-----BEGIN PRIVATE KEY-----\nA: ",
        "ABCD",
        "eyJ",
        "â€",
        "\u200b",
    ],
)
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    began = time.perf_counter()
    list(secrets_in(text))
    for look, *_ in noise.KINDS:
        look(text)
    assert time.perf_counter() - began < 2
