"""A plan does not go on over an error in the data, unless its user says so for that very check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tunebook
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.plan.looking import method_of
from tunebook.pipeline.plan.questions import data_questions
from tunebook.pipeline.spec import make_spec

GOOD = {"messages": [{"role": "user", "content": "Is 4 even?"}, {"role": "assistant", "content": "yes"}]}
NO_ANSWER = {"messages": [{"role": "user", "content": "Is 5 even?"}]}


def rows(folder: Path, *lines: str) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    return str(path)


def test_an_error_is_a_question_that_names_the_line_to_write(tmp_path: Path) -> None:
    path = rows(tmp_path, *[json.dumps(GOOD)] * 30, json.dumps(NO_ANSWER))
    inspection = inspect_data(path)
    [question] = data_questions(make_spec(dataset=path), inspection)
    assert question.field == "dataset"
    assert question.why.startswith("1 row is a conversation without an answer (K14): take it out")
    assert question.why.endswith(
        "write `leave_out: K14` to train without them or `accept: K14` to train on them as they are"
    )
    assert data_questions(make_spec(dataset=path, accept=["K14"]), inspection) == []
    assert data_questions(make_spec(dataset=path, accept=["K01"]), inspection) == [question]


def test_a_line_that_cannot_be_read_cannot_be_accepted(tmp_path: Path) -> None:
    path = rows(tmp_path, *[json.dumps(GOOD)] * 30, '{"messages": [')
    [question] = data_questions(make_spec(dataset=path, accept=["unreadable"]), inspect_data(path))
    assert "rows.jsonl line 31 is not JSON" in question.why
    assert "accept" not in question.why


def test_rows_that_call_for_another_method_get_it_and_a_method_they_do_not_fit_is_a_question(tmp_path: Path) -> None:
    pair = {"prompt": "Is 4 even?", "chosen": "yes", "rejected": "no"}
    path = rows(tmp_path, *[json.dumps(pair | {"prompt": f"Is {n} even?"}) for n in range(30)])
    inspection = inspect_data(path)
    assert method_of(make_spec(dataset=path), inspection) == "dpo"
    assert data_questions(make_spec(dataset=path), inspection) == []
    assert data_questions(make_spec(dataset=path, method="sft"), inspection) == []
    [question] = data_questions(make_spec(dataset=path, method="grpo"), inspection)
    assert question.field == "method"
    assert question.why.startswith("is GRPO, which the rows do not fit: there is no prompt with an answer")
    assert question.why.endswith("; the rows fit sft, dpo, kto, reward")


def test_the_checks_to_accept_are_read_from_a_line_and_typed() -> None:
    assert tunebook.read("Fine-tune Qwen3-0.6B on tatsu-lab/alpaca\naccept: k14, K05").spec["accept"] == ["K14", "K05"]
    assert tunebook.read("Fine-tune Qwen3-0.6B on tatsu-lab/alpaca\nleave out: K13").spec["leave_out"] == ["K13"]
    with pytest.raises(CallError, match="accept"):
        make_spec(accept="<b>")


def test_a_plan_needs_a_number_of_rows_where_nobody_knows_it(tmp_path: Path) -> None:
    path = rows(tmp_path, *[json.dumps(GOOD | {"n": n}) for n in range(30)])
    unknown = inspect_data(path).model_copy(update={"rows_known": False})
    [question] = data_questions(make_spec(dataset=path), unknown)
    assert (question.field, "`rows: 20000`" in question.why) == ("rows", True)
    assert data_questions(make_spec(dataset=path, rows=20), unknown) == []
    assert data_questions(make_spec(dataset=path, max_steps=20), unknown) == []


def test_a_row_that_no_trainer_can_read_cannot_be_accepted(tmp_path: Path, model_folder: Path) -> None:
    """With this model each conversation is split at its last answer, and one has none."""
    path = rows(tmp_path, *[json.dumps(GOOD | {"n": n}) for n in range(30)], json.dumps(NO_ANSWER | {"n": 30}))
    inspection = inspect_data(path, model=str(model_folder))
    assert [finding.id for finding in inspection.report.findings if finding.severity == "error"] == ["K14"]
    [question] = data_questions(make_spec(dataset=path, accept=["K14"]), inspection)
    assert question.why.endswith("write `leave_out: K14` to train without them")
