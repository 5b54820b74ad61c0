"""Rewards that judge the form: tags, JSON, a pattern, a length."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.rewards.library.json_schema import json_schema
from tunebook.pipeline.rewards.library.length import length
from tunebook.pipeline.rewards.library.pattern import pattern
from tunebook.pipeline.rewards.library.tags import tags


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        ("\n<think>\na < b\n</think>\n\n<answer>b</answer>\n", 1.0),
        ("a</think><answer>b</answer>", 1.0),  # the template has opened it
        ("<think>a</think><answer>b</answer> and more", 0.5),
        ("<answer>b</answer><think>a</think>", 0.5),
        ("<think>a</think><think>a</think><answer>b</answer>", 0.25),
        ("<think></think><answer>b</answer>", 0.25),
        ("<answer>b</answer>", 0.25),
        ("<think>" * 999, 0.0),
        ("b", 0.0),
        ("", 0.0),
    ],
)
def test_tags(text: str, score: float) -> None:
    assert tags([text, [{"role": "assistant", "content": text}]]) == [score, score]


PERSON = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"age": 3}', 1.0),
        ('Here you are:\n```json\n{"age": 3}\n```', 1.0),
        ('<think>{"age": "x"}</think>{"age": 3}', 1.0),
        ('{"age": -1}', 0.25),
        ("[]", 0.25),
        ('{"age": NaN}', 0.0),
        ('{"age": 3} and more', 0.0),
        ("[" * 100_000, 0.0),
        ("9" * 5000, 0.0),
        ("", 0.0),
        ("\ud800", 0.0),
    ],
)
def test_json_of_a_shape(text: str, score: float) -> None:
    filled_up = {**PERSON, "enum": None, "items": None}  # as a column of objects has it
    assert json_schema([text] * 3, schema=[PERSON, json.dumps(PERSON), filled_up]) == [score] * 3


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "",
        "{",
        7,
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "file:///etc/passwd"},
        {"pattern": "("},
        {"$ref": "#"},
    ],
)
def test_a_wrong_schema_leaves_the_row_out_and_fetches_nothing(schema: Any) -> None:
    assert json_schema(['"text"'], schema=[schema]) == [None]


def test_a_pattern_is_the_whole_answer() -> None:
    assert pattern(["12", " 12\n", "<think>x</think>12", "a 12", "", "1" * 30_000], pattern=[r"\d+"] * 6) == [
        1,
        1,
        1,
        0,
        0,
        0,
    ]
    assert pattern(["", "a"]) == [0, 1]


def test_length_falls_beyond_what_was_asked() -> None:
    ids = [[0] * many for many in (1, 200, 300, 400, 9999)]
    assert length(["x"] * 5, completion_ids=ids) == [1.0, 1.0, 0.5, 0.0, 0.0]
    assert length(["", " \n", "x" * 400, "x" * 1600]) == [0.0, 0.0, 1.0, 0.0]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text(max_size=60)
        | st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "{", '"', "```json\n", "\ud800"]),
        max_size=8,
    )
)
def test_nothing_that_is_said_makes_a_reward_fail(parts: list[str]) -> None:
    text = "".join(parts)
    for score in (tags([text]), length([text]), pattern([text]), json_schema([text], schema=[PERSON])):
        assert isinstance(score[0], float) and 0 <= score[0] <= 1
