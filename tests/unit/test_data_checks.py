"""Each silent killer is found in a set that has it, with its rows, and not in the clean twin."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import datasets
import pytest

from tunebook.pipeline.data.checks import Examined, Verdict, registry
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.report import Finding, Inspection

Row = dict[str, Any]
CLEAN: list[Row] = [
    {
        "messages": [
            {"role": "user", "content": f"What is {number} plus one?"},
            {"role": "assistant", "content": f"It is {number + 1}."},
        ]
    }
    for number in range(40)
]
IMPLEMENTED = "K01 K02 K03 K04 K05 K06 K07 K08 K09 K10 K11 K12 K13 K14 K15 K17 K21 K22 K23 K24".split()
NEEDS_A_MODEL = {"K01", "K02", "K03", "K04", "K05", "K06", "K09", "K17"}
#: Checks whose precondition is no matter of the rows, and what they say then.
NOT_ASKED_FOR = {
    "K08": "needs a plan that says whether rows are packed",
    "K10": "needs a plan that knows the card; needs a plan with a tuning and a learning rate",
    "K12": "needs a benchmark to look for, such as --against humaneval",
    "K15": "the rows are no preference pairs",
}


def said(*turns: tuple[str, Any]) -> Row:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def inspected(rows: list[Row], held_out: list[Row] | None = None, **keywords: Any) -> Inspection:
    names = dict.fromkeys(name for row in rows for name in row)
    parts = {"train": rows, "test": held_out} if held_out else {"train": rows}
    return inspect_data(
        datasets.DatasetDict(
            {
                split: datasets.Dataset.from_list(
                    [{name: row.get(name) for name in names} for row in part], on_mixed_types="use_json"
                )
                for split, part in parts.items()
            }
        ),
        **keywords,
    )


def found(inspection: Inspection, id: str) -> list[Finding]:
    return [finding for finding in inspection.report.findings if finding.id == id]


def test_the_clean_twin_passes_every_check(model_folder: Path) -> None:
    held_out = [said(("user", "And a hundred plus one?"), ("assistant", "It is 101."))]
    report = inspected(CLEAN, held_out, model=str(model_folder)).report
    skipped = {check.id: check.why for check in report.checks if check.status == "skipped"}
    assert skipped == NOT_ASKED_FOR
    assert [check.id for check in report.checks] == IMPLEMENTED
    assert not report.findings
    assert report.sentence().endswith("Nothing found that would spoil a training.")


def test_a_check_without_its_precondition_says_so() -> None:
    checks = {check.id: check for check in inspected(CLEAN).report.checks}
    skipped = {id for id, check in checks.items() if check.status == "skipped"}
    assert skipped == NEEDS_A_MODEL | {"K11"} | set(NOT_ASKED_FOR)
    assert checks["K01"].why == "needs a model"
    assert checks["K11"].why.startswith("no rows are held out yet")
    assert list(checks) == IMPLEMENTED  # what is not implemented is absent, not passed


def test_an_end_token_outside_the_training_is_found(model_folder: Path, tmp_path: Path) -> None:
    """A template that leaves the end of the turn to the next turn, as TRL's first releases of some templates did."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.chat_template = (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
        "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}{% endgeneration %}"
        "{% else %}{{ message['content'] }}{% endif %}{{ '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    tokenizer.save_pretrained(tmp_path)
    AutoConfig.from_pretrained(model_folder).save_pretrained(tmp_path)
    inspection = inspected(CLEAN, model=str(tmp_path))
    assert inspection.settings == {"assistant_only_loss": True}
    (finding,) = found(inspection, "K01")
    assert (finding.severity, finding.rows, finding.share) == ("error", 40, 1.0)


def test_conversations_written_as_text_train_their_prompts(model_folder: Path) -> None:
    rows = [{"text": f"<|im_start|>user\n{n}?<|im_end|>\n<|im_start|>assistant\n{n}<|im_end|>"} for n in range(30)]
    assert [(f.rows, f.severity) for f in found(inspected(rows, model=str(model_folder)), "K03")] == [(30, "warning")]
    plain = inspected([{"text": f"{n} is a number."} for n in range(30)], model=str(model_folder))
    assert {c.id: c.status for c in plain.report.checks}["K03"] == "skipped"


def test_a_prompt_that_runs_into_its_answer_is_trained_in_part(model_folder: Path, tmp_path: Path) -> None:
    """A template that writes the prompt otherwise once an answer follows: TRL trains from where they part."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.chat_template = (
        "{% if messages[-1]['role'] == 'assistant' %}{{ 'Answered: ' }}{% else %}{{ 'Open: ' }}{% endif %}"
        "{% for message in messages %}{{ message['content'] + '<|im_end|>' }}{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path)
    AutoConfig.from_pretrained(model_folder).save_pretrained(tmp_path)
    (finding,) = found(inspected(CLEAN, model=str(tmp_path)), "K03")
    assert (finding.rows, finding.examples) == (40, [0, 1, 2])


def test_rows_cut_by_the_limit_are_counted(model_folder: Path) -> None:
    rows = [*CLEAN, *[said(("user", f"{n} " + "very " * 90 + "long?"), ("assistant", "Yes.")) for n in range(5)]]
    inspection = inspected(rows, model=str(model_folder), max_length=64)
    (dead,) = found(inspection, "K04")
    assert (dead.rows, dead.examples, dead.severity) == (5, [40, 41, 42], "error")
    (cut,) = found(inspection, "K05")
    assert cut.rows == 5
    assert "of all answer tokens are lost" in cut.message
    assert not found(inspected(rows, model=str(model_folder)), "K04")


def test_held_out_questions_in_the_training_rows_are_found() -> None:
    held_out = [
        said(("user", "WHAT is 7  plus one"), ("assistant", "8")),
        said(("user", "New?"), ("assistant", "Yes.")),
    ]
    (finding,) = found(inspected(CLEAN, held_out), "K11")
    assert (finding.rows, finding.examples, finding.severity) == (1, [7], "error")


@pytest.mark.parametrize("other", ["Calculate 4 + 1.", "Calculate 4 * 1.", "Calculate 4 - (-1)."])
def test_another_sum_of_the_same_numbers_is_another_question(other: str) -> None:
    rows = [*CLEAN, {"prompt": "Calculate 4 - 1.", "completion": "3"}]
    asked = {"prompt": other, "completion": "5"}
    assert not found(inspected(rows, [asked]), "K11")
    assert found(inspected([*rows, asked | {"prompt": f"{other.lower()[:-1]} ?"}], [asked]), "K11")


def test_repeated_rows_are_counted_from_the_second_on() -> None:
    (finding,) = found(inspected([*CLEAN, CLEAN[3], CLEAN[3], CLEAN[5]]), "K13")
    assert (finding.rows, finding.examples) == (3, [40, 41, 42])
    other_answer = said(("user", "What is 3 plus one?"), ("assistant", "Four."))
    assert not found(inspected([*CLEAN, other_answer]), "K13")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (said(("user", "Why?"), ("assistant", "")), "has an empty answer"),
        (said(("user", "Why?"), ("assistant", None)), "has an empty answer"),
        (said(("user", "Why?")), "is a conversation without an answer"),
        (said(("user", "  "), ("assistant", "Because.")), "has an empty turn"),
        (said(("user", "Why?"), ("assistant", "So."), ("user", "Thanks")), "ends on the user"),
        (said(("user", "Why?"), ("user", "Tell me"), ("assistant", "So.")), "the same speaker twice"),
        (said(("user", "Why?"), ("system", "Be kind."), ("assistant", "So.")), "a system turn in the middle"),
        (said(("narrator", "Once upon a time"), ("assistant", "So.")), "has a role that chat templates do not know"),
        ({}, "holds nothing at all"),
    ],
)
def test_a_turn_that_teaches_something_else_is_named(row: Row, words: str) -> None:
    findings = found(inspected([*CLEAN, row]), "K14")
    assert [(finding.rows, finding.examples) for finding in findings if words in finding.message] == [(1, [40])]


def test_a_row_that_cannot_be_rendered_does_not_stop_the_others(model_folder: Path) -> None:
    report = inspected([said(("user", "Why?")), *CLEAN], model=str(model_folder)).report
    assert report.tokens is not None
    assert any(finding.severity == "error" and finding.examples == [0] for finding in report.findings)


def test_too_few_rows_and_rows_that_dominate_are_found(model_folder: Path) -> None:
    (few,) = found(inspected(CLEAN[:7]), "K23")
    assert few.rows == 7
    rows = [said(("user", f"{number}?"), ("assistant", "Yes.")) for number in range(198)]
    giants = [said(("user", f"{number}?"), ("assistant", "word " * 3000)) for number in range(2)]
    (finding,) = found(inspected([*rows, *giants], model=str(model_folder)), "K23")
    assert (finding.rows, finding.examples) == (2, [198, 199])


def test_columns_of_several_types_or_of_nothing_are_found() -> None:
    rows = [{**row, "note": None, "score": "high" if n < 3 else n} for n, row in enumerate(CLEAN)]
    messages = {finding.severity: finding for finding in found(inspected(rows), "K24")}
    assert "The column note is empty in every row" in messages["info"].message
    assert messages["warning"].examples == [0, 1, 2]
    parts = [said(("user", [{"type": "text", "text": "Why?"}]), ("assistant", [{"type": "text", "text": "So."}]))] * 30
    assert "content is a list" in found(inspected(parts), "K24")[0].message


class Entry:
    """What importlib.metadata finds for an installed package."""

    def __init__(self, name: str, function: Any) -> None:
        self.name, self._function = name, function

    def load(self) -> Any:
        return self._function


def test_other_packages_add_checks_and_cannot_break_or_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_shouting(examined: Examined) -> Verdict:
        loud = [place for place, row in enumerate(examined.rows) if "PLUS" in str(row)]
        return Verdict(
            "looked for capitals", [examined.finding("X1", "info", loud, "{n} {shout|shouts}", "lower")] if loud else []
        )

    def broken(examined: Examined) -> Verdict:
        raise RuntimeError(f"no dictionary for {len(examined.rows)} rows")

    entries = [Entry("X1", no_shouting), Entry("X2", broken), Entry("K13", broken)]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries if group == "tunebook.checks" else [])
    loud = said(("user", "What is 9 PLUS one?"), ("assistant", "Ten."))
    report = inspected([*CLEAN, loud]).report
    checks = {check.id: check for check in report.checks}
    assert [finding.message for finding in report.findings] == ["1 row shouts"]
    assert checks["X2"].why == "the check itself failed: RuntimeError: no dictionary for 41 rows"
    assert checks["K13"].status == "passed"
    assert set(registry()) == {*IMPLEMENTED, "X1", "X2"}


def test_errors_come_first_and_the_sentence_tells_the_worst() -> None:
    report = inspected([*CLEAN, CLEAN[0], said(("user", "Why?"))]).report
    assert report.findings[0].severity == "error"
    assert report.findings[0].message in report.sentence()
