"""Long passages that a training row shares with a held-out row, held against a search that compares all with all."""

from __future__ import annotations

from random import Random

import datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.overlaps import Overlap, overlaps
from tunebook.pipeline.data.passages import WIDTH

VOCABULARY = [
    f"{first}{second}" for first in ("ba", "do", "ki", "mu", "re", "sol") for second in ("lan", "ter", "vis", "nok")
]


def plainly(train: list[str], held: list[str]) -> dict[int, set[int]]:
    """Training row to the held-out rows that share 13 words with it and with no other held-out row."""

    def runs(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        return {tuple(words[at : at + WIDTH]) for at in range(len(words) - WIDTH + 1)}

    known: dict[tuple[str, ...], set[int]] = {}
    for number, text in enumerate(held):
        for run in runs(text):
            known.setdefault(run, set()).add(number)
    return {
        place: {of for run in shared for of in known[run]}
        for place, text in enumerate(train)
        if (shared := {run for run in runs(text) if len(known.get(run, ())) == 1})
    }


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(5, 40), st.integers(0, 6))
def test_it_finds_what_comparing_all_with_all_finds(seed: int, length: int, copied: int) -> None:
    random = Random(seed)
    held = [" ".join(random.choices(VOCABULARY, k=40)) for _ in range(8)]
    train = [" ".join(random.choices(VOCABULARY, k=30)) for _ in range(15)]
    for _ in range(copied):
        words = random.choice(held).split()
        start = random.randrange(0, len(words) - 1)
        place = random.randrange(len(train))
        train[place] += " " + " ".join(words[start : start + length])
    expected = plainly(train, held)
    found = overlaps(range(len(train)), lambda at: [train[at]], len(held), lambda at: [held[at]])
    assert [one.place for one in found] == sorted(expected)
    assert all(one.of in expected[one.place] and one.words >= WIDTH for one in found)


def test_how_many_words_are_shared_is_told() -> None:
    passage = " ".join(VOCABULARY[:20])
    found = overlaps(range(2), lambda at: [["nothing", f"before {passage} behind"][at]], 1, lambda at: [passage])
    assert found == [Overlap(1, 0, 20)]


def test_templates_and_numbers_are_no_overlap() -> None:
    template = "You are given a sentence and have to say in one word what kind of thing it is about"
    numbers = " ".join(map(str, range(40)))
    own = ["a stone", "a tree"]
    held = [f"{template} {text}" for text in own]
    assert overlaps(range(1), lambda at: [f"{template} a bird"], 2, lambda at: [held[at]]) == [], (
        "both held-out rows have it"
    )
    assert overlaps(range(50), lambda at: [f"{template} {at}"], 1, lambda at: [held[0]]) == [], (
        "all training rows have it"
    )
    assert overlaps(range(1), lambda at: [numbers], 1, lambda at: [numbers]) == []
    assert overlaps(range(3), lambda at: ["short"], 2, lambda at: ["short"]) == []


def test_the_inspection_says_which_rows_quote_a_held_out_row_and_how_much() -> None:
    random = Random(7)

    def row(number: int, passage: str = "") -> dict[str, str]:
        text = " ".join(random.choices(VOCABULARY, k=40))
        return {"prompt": f"Read this: {text} {passage}", "completion": f"It is about {text.split()[number % 40]}."}

    held_out = [row(number) for number in range(20)]
    passage = " ".join(held_out[4]["prompt"].split()[5:30])
    train = [row(number, passage if number == 17 else "") for number in range(80)]
    parts = {"train": datasets.Dataset.from_list(train), "test": datasets.Dataset.from_list(held_out)}
    (finding,) = inspect_data(datasets.DatasetDict(parts)).report.findings
    assert (finding.id, finding.severity, finding.examples) == ("K11", "info", [17])
    assert finding.message.endswith("with a held-out row: row 17 shares 25 with held-out row 4")


def test_a_training_set_that_is_the_held_out_set_is_told_of() -> None:
    """Every row is known to ask what a held-out row asks, so there is none left to look for passages in."""
    random = Random(3)
    rows = [{"prompt": " ".join(random.choices(VOCABULARY, k=30)), "completion": "yes"} for _ in range(40)]
    parts = {"train": datasets.Dataset.from_list(rows), "test": datasets.Dataset.from_list(rows)}
    report = inspect_data(datasets.DatasetDict(parts)).report
    (finding,) = [finding for finding in report.findings if finding.id == "K11"]
    assert (finding.severity, finding.rows) == ("error", 40)
