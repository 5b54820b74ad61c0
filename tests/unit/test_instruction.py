"""Instructions read right: each line of data/instructions.jsonl, `key: value` lines, and what no text may ever do."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.instruction import Reading, read
from tunebook.pipeline.spec import FIELDS

LINES = [
    json.loads(line) for line in (Path(__file__).parent / "data/instructions.jsonl").read_text("utf-8").splitlines()
]
BASE = "Fine-tune Qwen3-0.6B on gsm8k"


def without_goal(spec: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in spec.items() if field != "goal"}


def assert_whole(reading: Reading, instruction: str) -> None:
    """What holds for every reading: spans are the text, each value has one, and the spec is a spec."""
    assert set(reading.provenance) == set(reading.spec)
    for span in reading.provenance.values():
        assert instruction[span.start : span.end] == span.text != ""
    asked = [question.field for question in reading.questions]
    assert len(asked) == len(set(asked)) and not set(asked) & set(reading.spec)
    assert set(asked) <= set(FIELDS)
    assert all(piece and piece in instruction for piece in reading.ignored)
    assert reading.make_spec().said() == reading.spec
    json.dumps(reading.model_dump(mode="json"), allow_nan=False).encode()


@pytest.mark.parametrize("line", LINES, ids=[str(number) for number in range(len(LINES))])
def test_the_line_reads_exactly(line: dict[str, Any]) -> None:
    reading = read(line["instruction"])
    assert without_goal(reading.spec) == line["expect"]
    assert [question.field for question in reading.questions] == line.get("asks", [])
    if "ignored" in line:
        assert reading.ignored == line["ignored"]
    assert_whole(reading, line["instruction"])


def test_there_are_sixty_lines_beside_the_eight() -> None:
    assert len(LINES) >= 68 and len({line["instruction"] for line in LINES}) == len(LINES)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("budget: -1", "budget_usd"),
        ("lr: 12", "learning_rate"),
        ("batch size: zero", "batch_size"),
        ("epochs: many", "epochs"),
        ("foo: 3", "foo"),
        ("lerning rate: 3e-4", "lerning rate"),
        ("hardware: T4", "flavor"),
        ("time limit: 90", "time_limit_s"),
        ("gguf: Q9_X", "gguf"),
        ("push to: nowhere", "push_to"),
        ("private: perhaps", "private"),
        ("method: magic", "method"),
        ("model: $(rm -rf /)", "model"),
        ("dataset: <b>x</b>", "dataset"),
        ("dataset: https://huggingface.co/spaces/a/b", "dataset"),
        ("rows: 1e999", "rows"),
        ("epochs: 1\nepochs: 2", "epochs"),
        ("budget:", "budget_usd"),
    ],
)
def test_a_wrong_typed_line_is_a_wrong_call_that_names_the_field(line: str, field: str) -> None:
    with pytest.raises(CallError) as refused:
        read(f"{BASE}\n{line}")
    assert refused.value.field == field and refused.value.remedy and "\n" not in str(refused.value)


@pytest.mark.parametrize("empty", ["", "  \n\t ", "\ud800"])
def test_nothing_to_read_is_a_wrong_call(empty: str) -> None:
    with pytest.raises(CallError, match=r"^instruction "):
        read(empty)


def test_every_field_can_be_typed() -> None:
    typed: dict[str, Any] = {
        "model": "acme/m", "model_revision": "v1", "dataset": "acme/d", "dataset_config": "main", "dataset_revision": "v2",
        "split": "train[:50%]", "eval_share": 0.1, "rows": 5, "system_prompt": "Be: kind, # always", "method": "dpo",
        "tuning": "qlora", "lora_rank": 8, "epochs": 1.5, "max_steps": 9, "batch_size": 4, "learning_rate": 1e-4,
        "device_batch_size": 2, "rewards": ["numeric", "tags*0.2", "mine.py:polite"], "environment": "game.py:Game",
        "num_generations": 4, "max_completion_length": 64,
        "max_length": 512, "packing": True, "eval_steps": 3, "save_steps": 3, "seed": 0, "backend": "local",
        "flavor": "a10g-large", "time_limit_s": 60, "budget_usd": 0, "benchmark": "humaneval", "gguf": ["F16", "Q8_0"],
        "push_to": "acme/out", "private": False, "accept": ["K05", "K14"], "leave_out": ["K13"],
        "goal": "being kind",
    }  # fmt: skip
    assert set(typed) == set(FIELDS)
    shown = {
        "packing": "true", "private": "false", "gguf": "F16, Q8_0", "rewards": "numeric, tags*0.2, mine.py:polite",
    }  # fmt: skip
    instruction = "\n".join(f"{field}: {shown.get(field, value)}" for field, value in typed.items())
    reading = read(instruction)
    assert reading.spec == typed and not reading.questions and not reading.ignored
    assert_whole(reading, instruction)


def test_lines_that_agree_are_one_statement() -> None:
    assert read(f"{BASE}\nepochs: 3\nepochs: 3.0").spec["epochs"] == 3


def test_a_question_quotes_both_sides_of_a_contradiction() -> None:
    (question,) = read(f"{BASE} for 1 epoch\nepochs: 3").questions
    assert '"1 epoch"' in question.why and '"epochs: 3"' in question.why


def test_a_goal_is_kept_in_the_users_words() -> None:
    assert read(f"{BASE} for grade-school word problems, 2 epochs").spec["goal"] == "grade-school word problems"
    assert "goal" not in read(f"{BASE}. Write a poem for my mother.").spec


VOCABULARY = sorted(
    {word for line in LINES for word in line["instruction"].split(" ")} | {"\n", ":", "-3", "$", "no", "or"}
)


@settings(deadline=None, max_examples=400)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(VOCABULARY), max_size=30).map(" ".join)))
def test_any_text_is_read_or_refused_in_one_line(instruction: str) -> None:
    try:
        reading = read(instruction)
    except CallError as refused:
        assert "\n" not in str(refused)  # noqa: PT017  most texts are not refused
        return
    assert_whole(reading, instruction)
    assert read(instruction) == reading


PIECES = ["a", "1", "'", '"', "“", "`", "<", "$(", "1,", "-", "/", "a/", "no ", "or ", "every ", "1 ", "acme/x ", "for ", "two ", "lr ", "\n",
          "a: ", "epochs: ", ", steps: 3", "qwen ", "1h", "x" * 50 + " ", "$1 ", "and ", "evaluate ", "hundred ", "'a ", "[", "10% ", "gguf ",
          "Q4_K_M ", "push ", "https://", "hf.co/", "@", "\t", "=", "#", "system prompt \"", "not ", "0 000 ", "1 000 ", "save ", "send "]  # fmt: skip


def seconds_to_read(instruction: str) -> float:
    start = time.process_time()
    with contextlib.suppress(CallError):
        read(instruction)
    return time.process_time() - start


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_repeating_anything_takes_time_in_proportion(piece: str) -> None:
    """25,000 tokens at most: a step that is quadratic in them would take minutes."""
    assert seconds_to_read(piece * (25_000 // len(piece))) < 8


def test_a_hundred_kilobytes_are_read_in_seconds() -> None:
    prose = " ".join(line["instruction"].replace("\n", " ") for line in LINES)
    assert seconds_to_read((prose * (100_000 // len(prose) + 1))[:100_000]) < 15
