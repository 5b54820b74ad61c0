"""Rewards that judge an answer: the right one has 1, whatever it is wrapped in; a wrong one has less, whatever it is."""

from __future__ import annotations

import math
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.rewards.library.choice import choice
from tunebook.pipeline.rewards.library.exact import exact
from tunebook.pipeline.rewards.library.fuzzy import fuzzy
from tunebook.pipeline.rewards.library.numeric import numeric
from tunebook.pipeline.rewards.library.said import answer_part, said, stated

CITIES = "Which one?\n\nA. Rome\nB. Paris\nC. A dog in Paris\nD. I do not know"


def one(reward: Any, text: str, answer: Any, **columns: Any) -> float | None:
    """The score of one answer, as a string and as turns: both must be alike."""
    given = {name: [value, value] for name, value in columns.items()}
    found = reward([text, [{"role": "assistant", "content": text}]], answer=[answer, answer], **given)
    assert found[0] == found[1]
    return found[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("42", "42"),
        ("The answer is 42.", "42"),
        ("6 * 7 = 42", "42"),
        ("First 41. No, the answer is 41. Wait: the answer is 42", "42"),
        ("It's \\boxed{42}", "so 6 * 7\n#### 42"),
        ("#### 1,234", "1234"),
        ("<think>The answer is 7</think>\n<answer>42</answer>", "42"),
        ("She pays $1,234.50 in all.", "1234.5"),
        ("**Answer: 40%**", "40"),
        ("the answer is 0.4", "40%"),
        ("\\boxed{\\frac{1}{2}}", "0.5"),
        ("0.3333333", "1/3"),
        ("\\boxed{42\\text{ apples}}", "42"),
        ("The answer is 42 apples, of which 3 are red.", "42"),
        ("The answer is x = -7.", "-7"),
        ("−7", "-7"),
        ("1e3", "1000"),
        ("\\boxed{(x+1)^2}", "x^2 + 2x + 1"),
        ("so $\\boxed{\\frac{\\sqrt{2}}{2}}$", "\\boxed{1/\\sqrt{2}}"),
        ("\\boxed{\\{1, 2\\}}", "\\{2, 1\\}"),
    ],
)
def test_a_right_result_is_right(text: str, answer: str) -> None:
    assert one(numeric, text, answer) == 1.0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "42"),
        ("41 or 42", "41"),
        ("The answer is 41 or 42.", "41"),
        ("\\boxed{41, 42, 43}", "42"),
        ("42, no: the answer is 43", "42"),
        ("<think>The answer is 42", "42"),
        ("The answer is 42e9999999999", "42"),
        ("142", "42"),
        ("-42", "42"),
        ("4.2", "42"),
        ("123456789012345678", "123456789012345679"),
        ("\\boxed{x^2+1}", "x^2 + 2"),
        ("9" * 5000, "42"),
        ("\\boxed{", "42"),
        ("1/0", "42"),
        ("NaN", "42"),
        ("\ud800", "x+1"),
    ],
)
def test_a_wrong_result_is_wrong(text: str, answer: str) -> None:
    assert one(numeric, text, answer) == 0.0


def test_a_formula_that_would_take_for_ever_is_wrong_soon_in_any_thread() -> None:
    found: list[Any] = []
    towers = ["\\boxed{9^{9^{9^9}}}", "\\boxed{10^{10^{10}}!}", "\\boxed{\\sqrt{2}/2}"]
    thread = threading.Thread(target=lambda: found.extend(numeric(towers, answer=["\\frac{1}{\\sqrt{2}}"] * 3)))
    begun = time.monotonic()
    thread.start()
    thread.join(60)
    assert found == [0.0, 0.0, 1.0]
    assert time.monotonic() - begun < 30


def test_where_formulas_are_read_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "canary-7f3a")
    monkeypatch.setattr("tunebook.pipeline.rewards.library.numeric._math", [])
    assert numeric(["\\boxed{x}"], answer=["x^2"]) == [0.0]
    from tunebook.pipeline.rewards.library.numeric import _math

    process = _math.pop()
    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    process.kill()
    process.communicate()
    assert environment and b"canary" not in environment


def test_rows_without_an_answer_are_left_out() -> None:
    for reward in (numeric, choice, exact, fuzzy):
        assert reward(["x", "x"], answer=[None, " "]) == [None, None]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("b.", "B"),
        ("B. Paris", "B"),
        ("The answer is B", "B"),
        ("The answer is (B) Paris.", "B"),
        ("I first thought A. But the correct one is B.", "B"),
        ("\\boxed{\\text{B}}", "B"),
        ("Answer: **B**", "B"),
        ("Not Rome, so it must be Paris!", "B"),
        ("A dog in Paris, I think", "C"),
        ("<think>A? B? C?</think><answer>D</answer>", "D"),
        ("Paris", "Paris"),
        ("B", "paris"),
    ],
)
def test_the_option_named_last_counts(text: str, answer: str) -> None:
    prompt = [{"role": "user", "content": CITIES}]
    assert one(choice, text, answer, prompts=prompt) == 1.0
    assert one(choice, text, answer, choices=["Rome", "Paris", "A dog in Paris", "I do not know"]) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "The answer is A or B.",
        "The answer is A, B, C, D",
        "<think>B",
        "E",
        "Is it a dog?",
        "Bb",
        "A-B",
        "BBBB",
    ],
)
def test_another_option_or_several_at_once_are_wrong(text: str) -> None:
    assert one(choice, text, "B", prompts=CITIES) == 0.0


def test_an_exact_answer_may_itself_be_a_sentence_that_states_it() -> None:
    wanted = "Well, the answer is Paris."
    assert [one(exact, text, wanted) for text in (wanted, "Paris", "So the answer is paris")] == [1] * 3
    assert [one(exact, text, wanted) for text in ("", "Well", "the answer is Rome", "Paris is it")] == [0] * 4


def test_an_exact_answer_may_stand_in_a_sentence() -> None:
    assert [
        one(exact, text, "Paris") for text in ("paris.", "The answer is **Paris**.", "<answer> Paris </answer>")
    ] == [1] * 3
    assert [one(exact, text, "Paris") for text in ("", "Paris is in France", "Par", "Paris Paris")] == [0] * 4


def test_fuzzy_grows_with_what_is_right() -> None:
    scores = [
        one(fuzzy, text, "Amsterdam") or 0.0 for text in ("", "Rome", "Hamster", "Amsterdm", "The answer is Amsterdam.")
    ]
    assert scores == sorted(scores) and scores[0] == 0 and scores[-1] == 1
    assert one(fuzzy, "Amsterdam" * 9_999, "Amsterdam") == 0.0


def test_what_is_said_is_read_from_turns_and_blocks() -> None:
    turns = [
        {"role": "assistant", "content": "calls"},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": [{"type": "text", "text": "4"}]},
    ]
    assert said(turns) == "4" and said([]) == "" and said([{"role": "assistant", "content": None}]) == ""
    assert answer_part("<answer>1</answer> <answer>2") == "2"
    assert stated("\\boxed{\\frac{1}{2}} or \\boxed{3}") == "3" and stated("nothing") is None


odd = st.text(st.characters(), max_size=200) | st.sampled_from(
    ["\\boxed{", "####", "The answer is", "<think></think>", "((((", "$$", "\\frac{1}{0}", "\x00", "9" * 999]
)
any_text = st.lists(odd, max_size=4).map("".join)


@settings(max_examples=60, deadline=None)
@given(text=any_text, answer=any_text)
def test_nothing_that_is_said_makes_a_reward_fail(text: str, answer: str) -> None:
    for reward in (choice, exact, fuzzy):
        score = one(reward, text, answer, prompts=CITIES)
        assert score is None or (math.isfinite(score) and 0 <= score <= 1)


@settings(max_examples=60, deadline=None)
@given(text=any_text, answer=st.integers(-(10**30), 10**30).map(str))
def test_nothing_that_is_said_makes_numeric_fail(text: str, answer: str) -> None:
    assert one(numeric, text, answer) in (0.0, 1.0)


@settings(max_examples=200, deadline=None)
@given(value=st.fractions(max_denominator=1000) | st.integers().map(Fraction), step=st.sampled_from([1, -1]))
def test_every_number_is_above_its_neighbours(value: Fraction, step: int) -> None:
    for form in ("{}", "The answer is {}.", "\\boxed{{{}}}", "<answer>{}</answer>", "so we get\n#### {}"):
        assert one(numeric, form.format(value), str(value)) == 1.0
        assert one(numeric, form.format(value + step), str(value)) == 0.0


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.text("abcdefghijklmnop", min_size=1, max_size=9), min_size=2, max_size=6, unique=True),
    data=st.data(),
)
def test_every_option_is_above_the_others(words: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(words) - 1))
    letter = "ABCDEF"[number]
    for form in ("{}", "({})", "The answer is {}.", "So it is \\boxed{{{}}}"):
        scores = [one(choice, form.format(other), letter, choices=words) for other in "ABCDEF"[: len(words)]]
        assert [score == 1.0 for score in scores] == [at == number for at in range(len(words))]
