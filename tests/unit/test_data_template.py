"""K06 and K17 where nothing is wrong, or where there is nothing to look at: what their sentences say then."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from random import Random
from typing import Any

import datasets
import pytest
from tiny import tiny_model
from transformers import AutoTokenizer
from unit.data.made import pairs, sentence, turns

import tunebook
from tunebook.pipeline.data.checks import Examined
from tunebook.pipeline.data.checks.template import one_token_begins_the_text
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.layout import Layouts
from tunebook.pipeline.data.report import Check
from tunebook.pipeline.data.summary import Summary
from tunebook.pipeline.errors import CallError


def checked(rows: list[dict[str, Any]], model: Path, id: str) -> Check:
    report = inspect_data(datasets.Dataset.from_list(rows), model=str(model)).report
    return next(check for check in report.checks if check.id == id)


def test_plain_text_uses_no_template(model_folder: Path) -> None:
    check = checked([{"text": sentence(Random(n))} for n in range(30)], model_folder, "K17")
    assert (check.status, check.why) == ("skipped", "the rows are no conversations, so no chat template is used")


def test_conversations_without_a_template_are_the_models_matter_and_no_fault_of_the_rows(
    model_folder: Path, tmp_path: Path
) -> None:
    model = tiny_model(model_folder, tmp_path / "base")
    (model / "chat_template.jinja").unlink(missing_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(str(model_folder))
    tokenizer.chat_template = None
    tokenizer.save_pretrained(model)
    asked = [turns(f"What is {n} + 1?", str(n + 1)) for n in range(30)]
    rows = [{"messages": [*one["prompt"], *one["completion"]]} for one in asked]
    report = inspect_data(datasets.Dataset.from_list(rows), model=str(model)).report
    assert not [finding for finding in report.findings if finding.id == "K14"]
    for method in ("sft", "grpo"):
        assert report.methods[method].status == "no"
        assert "the model has no chat template to render them with" in report.methods[method].why

    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(
        CallError, match=r"no chat template .*; its instruct form has one: change it in the instruction"
    ):
        tunebook.script(f"model: {model}\ndataset: {tmp_path / 'rows.jsonl'}\nmax_steps: 4")


def test_conversations_of_several_answers_are_asked_for_their_last(model_folder: Path) -> None:
    random = Random(0)
    rows = [
        {"messages": [*row["prompt"], *row["completion"], *other["prompt"], *other["completion"]]}
        for row, other in zip(pairs(random, 30), pairs(random, 30), strict=True)
    ]
    assert checked(rows, model_folder, "K17").why == (
        "the first 24 conversations begin in training with the tokens that ask for their answer"
    )


def test_a_template_that_writes_bos_for_a_tokenizer_that_adds_it_is_told_of(model_folder: Path) -> None:
    """As Llama 3 and Gemma do: right in training, wrong for whoever renders first and tokenizes then."""
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    bos = (tokenizer.bos_token, tokenizer.bos_token_id)

    summary = Summary(position=array("q", [0, 1]))
    examined = Examined(
        rows=[], mapped=[], numbers=[], held_out=None, columns=[], layouts=Layouts([], []), method="sft",
        tokenizer=tokenizer, summary=summary,
    )  # fmt: skip
    tokenizer.chat_template = "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    assert one_token_begins_the_text(examined).why == "none of 2 rows begins with two BOS tokens"
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])
    verdict = one_token_begins_the_text(examined)
    assert verdict.why.endswith("begins with one: tokenize it with add_special_tokens=False")
    assert not verdict.findings


def test_tools_and_template_arguments_reach_the_template(model_folder: Path) -> None:
    tool = {"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {}}}
    rows = [turns(f"{sentence(Random(n))}?", sentence(Random(n + 99))) | {"tools": [tool]} for n in range(30)]
    assert checked(rows, model_folder, "K17").status == "passed"


@pytest.mark.parametrize(("template", "status"), [("qwen2_5", "passed"), ("deepseek_r1_distill", "found")])
def test_a_real_template_that_opens_a_thought_only_when_asked_is_found(
    template: str, status: str, model_folder: Path, tmp_path: Path
) -> None:
    """DeepSeek's asks with `<think>` behind the prompt, and writes no such thing before an answer that it is given."""
    import trl
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    file = Path(trl.__file__).parent / "chat_templates" / f"{template}.jinja"
    tokenizer.chat_template = file.read_text(encoding="utf-8")
    tokenizer.save_pretrained(tmp_path)
    AutoConfig.from_pretrained(model_folder).save_pretrained(tmp_path)
    assert checked(pairs(Random(1), 30), tmp_path, "K17").status == status
