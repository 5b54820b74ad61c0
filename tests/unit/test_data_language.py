"""K21 of languages: data in several languages on purpose is left alone, and the check keeps to what it can tell."""

from __future__ import annotations

from random import Random

import datasets
import pytest
from unit.data.flawed_text import FOREIGN
from unit.data.made import Row, pairs, sentence, turns

from tunebook.pipeline.data.checks.language import language_of
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.report import Check, Finding


def looked(rows: list[Row]) -> tuple[Check, list[Finding]]:
    report = inspect_data(datasets.Dataset.from_list(rows)).report
    (check,) = (check for check in report.checks if check.id == "K21")
    return check, [finding for finding in report.findings if finding.id == "K21"]


def differing(text: str, random: Random) -> str:
    """The text with words of its own in another order, so that rows are no copies."""
    words = text.split(" ")
    random.shuffle(words)
    return " ".join(words)


def test_translations_are_in_two_languages_on_purpose() -> None:
    random = Random(0)
    rows = [turns(f"{sentence(random)}.", differing(FOREIGN[0], random)) for _ in range(60)]
    check, findings = looked(rows)
    assert (check.why, findings) == (
        "no damaged, hidden or left-over text in 60 rows, which are in English and German",
        [],
    )


def test_data_in_many_languages_is_left_alone() -> None:
    random = Random(0)
    rows = [*pairs(random, 40), *(turns(differing(text, random), differing(text, random)) for text in FOREIGN * 3)]
    random.shuffle(rows)
    check, findings = looked(rows)
    assert check.why.endswith("rows, which are in several languages")
    assert not findings


def test_the_message_names_both_languages() -> None:
    rows = pairs(Random(0), 250)
    rows[7] = turns(FOREIGN[0], FOREIGN[0])
    _, (finding,) = looked(rows)
    assert finding.message == "1 row is not in English as the others are: row 7 seems to be German"
    assert finding.severity == "info"
    rows[9] = rows[11] = turns(FOREIGN[1], FOREIGN[1])
    _, (finding,) = looked(rows)
    assert (finding.severity, finding.every) == ("warning", [7, 9, 11])


def test_languages_without_blanks_have_their_own_rows_found() -> None:
    random = Random(0)
    answers = ["".join(random.sample(FOREIGN[7], len(FOREIGN[7]))) for _ in range(60)]
    rows = [turns("何ですか", text) for text in answers]
    rows[5], rows[9] = turns("何ですか", FOREIGN[0]), turns("何ですか", FOREIGN[6])
    _, (finding,) = looked(rows)
    assert (finding.message, finding.every) == (
        "2 rows are not in Japanese as the others are: row 5 seems to be German",
        [5, 9],
    )


def test_rows_too_few_or_too_short_have_no_language() -> None:
    random = Random(0)
    assert not looked([*pairs(random, 12), turns(FOREIGN[0], FOREIGN[0])])[1]
    assert not looked([*(turns(f"Word {n}?", "plant") for n in range(60)), turns("Was ist das?", "Pflanze")])[1]


@pytest.mark.parametrize("text", [*("1234 " * 40, "x = f(y[i], z[j]) + 3;\n" * 9, "<b>" * 60, "Good morning."), ""])
def test_what_is_no_prose_has_no_language(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(("text", "code"), list(zip(FOREIGN, "de fr es pt nl ru zh ja hi".split(), strict=True)))
def test_languages_are_told_apart(text: str, code: str) -> None:
    assert language_of(text) == code
