"""Formats are decided over all rows, and each mapping is Python that runs and that TRL's trainers accept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest

from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.layout import layouts_of, share
from tunebook.pipeline.data.mapping import compiled
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError

USER = {"role": "user", "content": "What is 2 + 2?"}
ASSISTANT = {"role": "assistant", "content": "It is 4."}
WRONG = {"role": "assistant", "content": "It is 5."}
Rows = list[dict[str, Any]]


def repeated(row: dict[str, Any], count: int = 30) -> Rows:
    """The row many times, each with its own question."""

    def numbered(value: Any, number: int) -> Any:
        if isinstance(value, str):
            return value.replace("2 + 2", f"2 + 2 (no. {number})")
        if isinstance(value, list):
            return [numbered(item, number) for item in value]
        if isinstance(value, dict):
            return {key: numbered(item, number) for key, item in value.items()}
        return value

    return [numbered(row, number) for number in range(count)]


def as_read(rows: Rows) -> datasets.Dataset:
    """The rows as `datasets` reads them from a jsonl file: every column in every row, null where a row lacks it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return datasets.Dataset.from_list([{name: row.get(name) for name in names} for row in rows])


def inspected(rows: Rows, **keywords: Any) -> Inspection:
    return inspect_data(as_read(rows), **keywords)


FORMATS: dict[str, tuple[dict[str, Any], str, dict[str, str]]] = {
    "messages": ({"messages": [USER, ASSISTANT]}, "messages", {"sft": "ready", "dpo": "no"}),
    "sharegpt": (
        {"conversations": [{"from": "human", "value": "What is 2 + 2?"}, {"from": "gpt", "value": "It is 4."}]},
        "ShareGPT conversations",
        {"sft": "mapping"},
    ),
    "turns": (
        {"prompt": [USER], "completion": [ASSISTANT]},
        "prompt and completion, conversational",
        {"sft": "ready", "grpo": "mapping", "kto": "no"},
    ),
    "plain": (
        {"prompt": "What is 2 + 2?", "completion": " It is 4."},
        "prompt and completion",
        {"sft": "ready", "reward": "no"},
    ),
    "alpaca": (
        {"instruction": "What is 2 + 2?", "input": "Be brief.", "output": "It is 4."},
        "Alpaca",
        {"sft": "mapping", "dpo": "no"},
    ),
    "pairs": ({"question": "What is 2 + 2?", "answer": "4"}, "question and answer", {"sft": "mapping"}),
    "number": ({"question": "What is 2 + 2?", "answer": 4}, "question and answer", {"sft": "mapping"}),
    "text": ({"text": "What is 2 + 2? It is 4."}, "text", {"sft": "ready", "grpo": "no"}),
    "other text": ({"body": "What is 2 + 2? It is 4."}, "text", {"sft": "mapping"}),
    "explicit": (
        {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [WRONG]},
        "preference pairs",
        {"dpo": "ready", "reward": "ready", "kto": "ready", "sft": "mapping"},
    ),
    "implicit": (
        {"chosen": [USER, ASSISTANT], "rejected": [USER, WRONG]},
        "preference pairs with the prompt inside",
        {"dpo": "ready", "reward": "ready", "sft": "mapping"},
    ),
    "plain pairs": (
        {"question": "What is 2 + 2?", "chosen": "It is 4.", "rejected": "It is 5."},
        "preference pairs",
        {"dpo": "mapping", "sft": "mapping"},
    ),
    "kto": (
        {"prompt": [USER], "completion": [ASSISTANT], "label": True},
        "KTO, conversational",
        {"kto": "ready", "sft": "no", "dpo": "no"},
    ),
    "prompts": (
        {"prompt": [USER], "tests": "assert f(2) == 4"},
        "prompt only, conversational",
        {"grpo": "ready", "sft": "no"},
    ),
}


@pytest.mark.parametrize("case", FORMATS)
def test_the_format_decides_which_methods_fit(case: str) -> None:
    row, words, statuses = FORMATS[case]
    report = inspected(repeated(row)).report
    assert report.format == words
    assert {method: report.methods[method].status for method in statuses} == statuses
    assert all(fit.why for fit in report.methods.values())


@pytest.mark.parametrize("case", FORMATS)
def test_every_mapping_runs_and_keeps_question_and_answer(case: str) -> None:
    row, _, _ = FORMATS[case]
    rows = repeated(row)
    for fit in inspected(rows).report.methods.values():
        assert (fit.status == "mapping") == (fit.code is not None) == (fit.mapping is not None)
        if fit.code:
            mapped = str([compiled(fit.code)(row) for row in rows][3])
            assert "What is 2 + 2 (no. 3)?" in mapped
            assert "4" in mapped.split("(no. 3)?")[1]


@pytest.mark.parametrize(
    ("case", "method"), [("explicit", "dpo"), ("kto", "kto"), ("turns", "sft"), ("prompts", "grpo"), ("text", "sft")]
)
def test_the_method_follows_from_the_structure(case: str, method: str) -> None:
    assert inspected(repeated(FORMATS[case][0])).report.recommended == method


def test_long_answers_cannot_be_compared_so_grpo_is_refused() -> None:
    essay = {"prompt": "Explain 2 + 2.", "completion": "Addition is " + "a long story, " * 20}
    inspection = inspected(repeated(essay))
    assert inspection.answer_kind == "long"
    assert inspection.report.methods["grpo"].status == "no"
    assert inspected(repeated(FORMATS["pairs"][0])).answer_kind == "short"
    assert inspected(repeated(FORMATS["text"][0])).answer_kind == "none"


@pytest.mark.parametrize("last", ["human", "user"])
def test_the_answer_is_the_assistants_although_the_user_has_the_last_word(last: str) -> None:
    thanks = "Thank you, that is just what I wanted to know about it."
    said = [("system", "Be brief."), ("human", "What is 2 + 2?"), ("gpt", "4"), (last, thanks)]
    inspection = inspected(repeated({"conversations": [{"from": who, "value": text} for who, text in said]}))
    assert inspection.report.format == "ShareGPT conversations"
    assert inspection.answer_kind == "short"
    assert "each answer is a number" in inspection.report.methods["grpo"].why


LONG = "First we add the two of them up, one after the other, until we are there. "
CHECKABLE: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "a number": ({"prompt": "What is 2 + 2?", "answer": 4}, "each answer is a number", {"answer": "4"}),
    "a marked result": (
        {"question": "What is 2 + 2?", "answer": LONG + "\n#### 4"},
        "marks its result",
        {"answer": LONG + "\n#### 4"},
    ),
    "a boxed result": (
        {"problem": "What is 2 + 2?", "solution": LONG + "So $\\boxed{4}$."},
        "marks its result",
        {"answer": LONG + "So $\\boxed{4}$."},
    ),
    "options and a place": (
        {"question": "What is 2 + 2?", "choices": ["three", "four"], "answer": 1},
        "one of its options",
        {"prompt": [{"role": "user", "content": "What is 2 + 2?\n\nA. three\nB. four"}], "answer": "B"},
    ),
    "options and a letter": (
        {"question": "2 + 2?", "choices": {"text": ["three", "four"], "label": ["1", "2"]}, "answerKey": "2"},
        "one of its options",
        {"prompt": [{"role": "user", "content": "2 + 2?\n\n1. three\n2. four"}], "answer": "2"},
    ),
    "options and a text": (
        {"question": "2 + 2?", "options": {"A": "three", "B": "four", "C": None}, "answer": "four"},
        "one of its options",
        {"prompt": [{"role": "user", "content": "2 + 2?\n\nA. three\nB. four"}], "answer": "B"},
    ),
    "options that are numbers": (
        {"question": "2 + 2?", "options": ["3", "4", "5", "6"], "answer": 4},
        "one of its options",
        {"prompt": [{"role": "user", "content": "2 + 2?\n\nA. 3\nB. 4\nC. 5\nD. 6"}], "answer": "B"},
    ),
    "options and a place that csv made a fraction": (
        {"question": "2 + 2?", "choices": ["three", "four"], "answer": 1.0},
        "one of its options",
        {"answer": "B"},
    ),
    "options and a place in quotes": (
        {"question": "2 + 2 is", "endings": ["three", "four"], "label": "1"},
        "one of its options",
        {"answer": "B"},
    ),
    "tests": (
        {"instruction": "Write a function that adds.", "output": LONG * 3, "tests": ["assert add(2, 2) == 4"]},
        "holds tests",
        {"tests": ["assert add(2, 2) == 4"]},
    ),
}


@pytest.mark.parametrize("case", CHECKABLE)
def test_an_answer_that_a_program_can_check_makes_grpo_possible(case: str) -> None:
    row, why, made = CHECKABLE[case]
    report = inspected(repeated(row)).report
    fit = report.methods["grpo"]
    assert (report.recommended, fit.status) == ("sft", "mapping")
    assert why in fit.why
    assert fit.code
    mapped = compiled(fit.code)(row)
    assert {name: mapped[name] for name in made} == made
    learned = report.methods["sft"].code
    assert learned
    assert compiled(learned)(row)["completion"][0]["content"] == mapped["answer"]


def test_a_row_that_the_mapping_refuses_is_named_and_stops_the_training() -> None:
    row = {"question": "2 + 2?", "choices": ["three", "four"], "answer": 1}
    report = inspected([*repeated(row, 30), row | {"answer": -1}, row | {"answer": None}]).report
    (finding,) = [finding for finding in report.findings if finding.id == "K07"]
    assert (finding.severity, finding.examples) == ("error", [30, 31])
    assert finding.message.endswith("row 30 is refused by the mapping (ValueError: none of its options is called '-1')")
    assert finding.fix is not None
    assert report.methods["sft"].status == "mapping"


def test_tests_of_a_prompt_are_named() -> None:
    row = {"prompt": "def add(a, b):", "test": "assert add(2, 2) == 4", "entry_point": "add"}
    fit = inspected(repeated(row)).report.methods["grpo"]
    assert (fit.status, "the column test holds tests" in fit.why) == ("ready", True)


def test_a_mixture_is_seen_although_the_first_rows_agree(model_folder: Path) -> None:
    rows = [*repeated(FORMATS["turns"][0], 40), *repeated(FORMATS["alpaca"][0], 10)]
    inspection = inspected(rows, model=str(model_folder))
    report = inspection.report
    assert report.format == "a mixture: prompt and completion, conversational 80 %, Alpaca 20 %"
    finding = next(finding for finding in report.findings if finding.id == "K07")
    assert (finding.rows, finding.share, finding.examples) == (10, 0.2, [40, 41, 42])
    code = report.methods["sft"].code
    assert code is not None
    mapped = [compiled(code)(row) for row in as_read(rows)]
    assert {tuple(row) for row in mapped} == {("prompt", "completion")}
    assert "Be brief." in mapped[45]["prompt"][0]["content"]


def test_rows_without_any_format_block_the_plan() -> None:
    rows = [*repeated(FORMATS["turns"][0], 30), {"note": 7}, {"note": 8}]
    finding = next(f for f in inspected(rows).report.findings if f.id == "K07")
    assert (finding.severity, finding.rows, finding.examples) == ("error", 2, [30, 31])


def test_an_alpaca_row_without_input_is_no_mixture() -> None:
    rows = [{"instruction": "Say 4.", "input": value, "output": "4"} for value in ("", None, "now")]
    layouts = layouts_of(rows)
    assert not layouts.mixed
    assert layouts.main is not None
    assert "input" in layouts.main.columns


def test_columns_that_trl_would_misread_are_taken_away(model_folder: Path) -> None:
    """UltraChat has `prompt` beside `messages`: TRL looks for `prompt` first and fails on the missing completion."""
    rows = repeated({"prompt": "What is 2 + 2?", "messages": [USER, ASSISTANT]})
    fit = inspected(rows).report.methods["sft"]
    assert fit.status == "mapping"
    assert fit.code is not None
    assert set(compiled(fit.code)(rows[0])) == {"messages"}
    assert trained_text(inspected(rows, model=str(model_folder))) == "It is 4.<|im_end|>\n"


def test_a_system_prompt_is_put_before_turns_that_have_none(model_folder: Path) -> None:
    own = {"prompt": [{"role": "system", "content": "Be rude."}, USER], "completion": [ASSISTANT]}
    rows = [*repeated(FORMATS["turns"][0], 20), *repeated(own, 20)]
    inspection = inspected(rows, model=str(model_folder), system_prompt='Be "kind".\n{now}')
    code = inspection.report.methods["sft"].code
    assert code is not None
    systems = [compiled(code)(row)["prompt"][0]["content"] for row in rows]
    assert systems == ['Be "kind".\n{now}'] * 20 + ["Be rude."] * 20
    with pytest.raises(CallError, match="system_prompt was given, but the rows are plain text"):
        inspected(repeated(FORMATS["text"][0]), system_prompt="Be kind.")


def test_a_system_prompt_is_used_by_kto_and_grpo_too(model_folder: Path) -> None:
    keywords: dict[str, Any] = {"model": str(model_folder), "system_prompt": "Be kind."}
    inspections = {
        "kto": inspected(repeated(FORMATS["kto"][0]), method="kto", **keywords),
        "grpo": inspected(repeated(FORMATS["prompts"][0]), method="grpo", **keywords),
    }
    system = {"role": "system", "content": "Be kind."}
    made: dict[str, dict[str, Any]] = {}
    for method, inspection in inspections.items():
        fit = inspection.report.methods[method]
        assert (fit.status, fit.code is not None) == ("mapping", True)
        made[method] = compiled(fit.code or "")(FORMATS["kto" if method == "kto" else "prompts"][0])
        assert inspection.preview is not None
        assert "Be kind." in "".join(span.text for span in inspection.preview.rows[0].tokens)
    assert made["kto"] == {"prompt": [system, USER], "completion": [ASSISTANT], "label": True}
    assert made["grpo"] == {"prompt": [system, USER], "tests": "assert f(2) == 4"}
    assert inspections["kto"].report.methods["kto"].mapping == {
        "prompt": "prompt",
        "completion": "completion",
        "label": "label",
    }


@pytest.mark.parametrize(
    ("rows", "method"),
    [
        ([{"prompt": "2 + 2?", "completion": "4", "label": True}], "kto"),
        ([{"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}], "kto"),
        ([{"prompt": "def add(a, b):", "tests": "assert add(2, 2) == 4"}], "grpo"),
    ],
)
def test_plain_text_carries_no_system_prompt_which_is_the_reason_given(rows: Rows, method: str) -> None:
    assert inspected(rows * 20).report.methods[method].status == "ready"
    fit = inspected(rows * 20, system_prompt="Be kind.").report.methods[method]
    assert fit.status == "no"
    assert fit.why.startswith("a system prompt needs turns, and these ")


def test_rows_of_which_only_some_are_marked_are_not_said_to_have_no_mark() -> None:
    rows = [*repeated(FORMATS["kto"][0], 20), *repeated(FORMATS["turns"][0], 20)]
    fit = inspected(rows).report.methods["kto"]
    assert (fit.status, fit.why) == ("no", "only some rows say whether their completion is wanted")


def test_what_splitting_off_the_last_answer_loses_is_said(model_folder: Path) -> None:
    rows = repeated({"messages": [USER, ASSISTANT, USER, ASSISTANT]}, 30)
    fit = inspected(rows, model=str(model_folder)).report.methods["sft"]
    assert fit.status == "mapping"
    assert "30 of 60 answers (50 %) are only read, in 30 conversations" in fit.why


def test_tools_travel_with_their_row(model_folder: Path) -> None:
    rows = repeated({"messages": [USER, ASSISTANT], "tools": '[{"type": "function"}]', "id": "x"})
    code = inspected(rows, model=str(model_folder)).report.methods["sft"].code
    assert code is not None
    assert set(compiled(code)(rows[0])) == {"prompt", "completion", "tools"}


@pytest.mark.parametrize("rows", [[{"id": 1, "score": 0.5}], [{"a": None, "b": None}], [{"blob": {"x": 1}}]])
def test_no_usable_column_is_one_clear_line(rows: Rows) -> None:
    with pytest.raises(CallError) as wrong:
        inspected(rows)
    assert wrong.value.field == "dataset"
    assert wrong.value.remedy


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 5, "0 %"), (5, 5, "100 %"), (1, 1000, "0.1 %"), (999, 1000, "99.9 %"), (1, 3, "33 %")],
)
def test_a_share_is_never_rounded_to_none_or_all(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


def trained_text(inspection: Inspection, row: int = 0) -> str:
    assert inspection.preview is not None
    return "".join(span.text for span in inspection.preview.rows[row].tokens if span.role == "trained")


@pytest.mark.parametrize("case", ["sharegpt", "turns", "alpaca", "pairs", "number", "messages"])
def test_what_is_trained_after_mapping_is_the_answer_and_the_end(case: str, model_folder: Path) -> None:
    row = FORMATS[case][0]
    answer = "4" if case in ("pairs", "number") else "It is 4."
    inspection = inspected(repeated(row), model=str(model_folder))
    assert trained_text(inspection) == f"{answer}<|im_end|>\n"
    assert not inspection.report.findings


@pytest.fixture(scope="module")
def tiny(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """A random model of a few hundred thousand parameters in a folder of its own, and the real tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    folder = tmp_path_factory.mktemp("tiny")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return LlamaForCausalLM.from_pretrained(folder), tokenizer


@pytest.mark.parametrize("case", ["explicit", "implicit", "plain pairs"])
def test_trl_accepts_the_pairs_for_dpo(case: str, tiny: tuple[Any, Any], tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = tiny
    rows = datasets.Dataset.from_list(repeated(FORMATS[case][0], 4))
    fit = inspected(repeated(FORMATS[case][0])).report.methods["dpo"]
    if fit.code:
        rows = rows.map(compiled(fit.code), remove_columns=rows.column_names)
    arguments = DPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True, bf16=False)
    trainer = DPOTrainer(model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    chosen = tokenizer.decode(trainer.train_dataset[0]["chosen_ids"])
    assert "It is 4." in chosen
