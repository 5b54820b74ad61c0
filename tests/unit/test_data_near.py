"""Near copies: none that is not one, all that plainly are, and templates are no copies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.data.made import reworded, sentence

from tunebook.pipeline.data.near import NEAR, Copy, near_copies, words_apart
from tunebook.pipeline.data.said import words

TEXTS = st.lists(st.text("ab é", max_size=24), max_size=12)


def among(pairs: list[tuple[str, str]]) -> list[Copy]:
    return near_copies(len(pairs), pairs.__getitem__)


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of three words in a row, worked out in the plainest way."""

    def shingles(text: str) -> set[tuple[str, ...]]:
        said = words(text)
        return {tuple(said[at : at + 3]) for at in range(max(1, len(said) - 2))} if said else set()

    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right) if left | right else 1.0


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.data())
def test_no_pair_is_named_whose_question_or_answer_is_another(texts: list[str], data: st.DataObject) -> None:
    pairs = [(text, data.draw(st.sampled_from(texts))) for text in texts]
    for copy in among(pairs):
        assert copy.of < copy.place
        for one, other in zip(pairs[copy.place], pairs[copy.of], strict=True):
            assert similarity(one, other) >= NEAR


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_row_with_one_word_changed_is_found_with_the_row_that_it_repeats(seed: int) -> None:
    random = Random(seed)
    pairs = [(f"{sentence(random)} {sentence(random)}", sentence(random)) for _ in range(30)]
    of = random.randrange(30)
    assert among([*pairs, (reworded(pairs[of][0], random), pairs[of][1])]) == [Copy(30, of)]


def test_rows_that_differ_in_what_fills_a_template_are_different() -> None:
    random = Random(1)
    order = "You are a careful judge of letters to a newspaper. Say in one word what the writer thinks of it. " * 3
    pairs = [(f"{order} Letter: {sentence(random)}", random.choice(["good", "bad"])) for _ in range(200)]
    assert among(pairs) == []
    short = [(f"{order} Word: {thing}{number}", "good") for number, thing in enumerate(["cat", "dog"] * 50)]
    assert among(short) == []
    copy = (pairs[7][0].replace(" in ", " near ", 1), pairs[7][1])
    assert among([*pairs, copy]) == [Copy(200, 7)]


def test_another_answer_to_the_same_question_is_no_copy() -> None:
    random = Random(2)
    question = f"{sentence(random)}. {sentence(random)}. Is that so?"
    assert among([(question, "Yes."), (question, "No."), (reworded(question, random), "Maybe.")]) == []
    assert among([(question, "Yes."), (reworded(question, random), "Yes.")]) == [Copy(1, 0)]


def test_answers_that_change_places_are_no_copy() -> None:
    random = Random(5)
    prompt, one, other = (f"{sentence(random)} {sentence(random)}" for _ in range(3))
    triples = [(prompt, one, other), (prompt, other, one), (reworded(prompt, random), one, other)]
    assert near_copies(3, triples.__getitem__) == [Copy(2, 0)]


def test_very_long_rows_and_rows_without_words_are_no_trouble() -> None:
    random = Random(3)
    book = " ".join(sentence(random) for _ in range(2000))
    pairs = [("", ""), ("?!", "..."), (book, ""), ("", ""), (reworded(book, random), ""), ("\ud800 \x00", "")]
    assert among(pairs) == [Copy(4, 2)]
    assert among([]) == among([("a b c d e f", "g")]) == []


def test_apart_compares_only_across_the_border() -> None:
    random = Random(4)
    first, second = f"{sentence(random)} {sentence(random)}", f"{sentence(random)} {sentence(random)}"
    pairs = [(first, "x"), (first, "x"), (second, "y"), (second, "y"), (reworded(first, random), "x")]
    assert near_copies(5, pairs.__getitem__, apart=2) == [Copy(4, 0)]


def test_words_apart_counts_what_one_would_change() -> None:
    assert words_apart("The cat sat on the mat.", "the cat SAT on a mat") == 1
    assert words_apart("one two three", "one two three four five") == 2
    assert words_apart("one two " * 3000, "one two " * 2999 + "one three") == 1


def test_the_benchmark_runs_and_finds_what_it_planted() -> None:
    bench = Path(__file__).resolve().parents[2] / "bench" / "near_duplicates.py"
    done = subprocess.run([sys.executable, bench, "2000"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 of 20 planted" in done.stdout
