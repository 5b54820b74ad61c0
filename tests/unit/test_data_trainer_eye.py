"""The page shows TRL's own labels, the fast count comes to the same, and the tokens' texts are the rendered row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import trl
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tunebook.pipeline.data import seeing
from tunebook.pipeline.data.encode import Encoder, TrlEncoder, common_prefix
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.mapping import compiled
from tunebook.pipeline.data.report import Inspection, PreviewRow, TokenRole
from tunebook.pipeline.data.trainer_eye import CLIPPED, spans
from tunebook.pipeline.data.trl_labels import labelled

HARD = "naïve 日本語 🤖👩‍🚀 \u200bzero \ufffd end\t\n  two"
Rows = list[dict[str, Any]]


def turns(number: int) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": f"What is {number} + 1? {HARD}"},
        {"role": "assistant", "content": f"It is {number + 1}, {HARD}"},
        {"role": "user", "content": "And twice that?"},
        {"role": "assistant", "content": str(2 * number + 2)},
    ]


ROWS: dict[str, Rows] = {
    "turns": [{"prompt": turns(n)[:1], "completion": turns(n)[1:2]} for n in range(30)],
    "plain": [{"prompt": f"{n} + 1 =", "completion": f" {n + 1} {HARD}"} for n in range(30)],
    "messages": [{"messages": turns(n)} for n in range(30)],
    "text": [{"text": f"{n} + 1 = {n + 1}. {HARD}"} for n in range(30)],
}


@pytest.fixture(scope="module")
def tokenizer(model_folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(model_folder)


@pytest.fixture(scope="module")
def known_model(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tokenizer and config under a chat template that TRL knows (Qwen2.5's, which has the same marks)."""
    folder = tmp_path_factory.mktemp("known")
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokenizer.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text()
    tokenizer.save_pretrained(folder)
    AutoConfig.from_pretrained(model_folder).save_pretrained(folder)
    return folder


def by_trl(model: Path, rows: Rows, folder: Path, **settings: Any) -> list[tuple[list[int], list[int]]]:
    """What an SFTTrainer of the model's own kind feeds to the model, written as plainly as TRL's documentation does."""
    config = AutoConfig.from_pretrained(model)
    config.num_hidden_layers, config.hidden_size, config.intermediate_size = 1, 8, 8
    config.num_attention_heads = config.num_key_value_heads = 1
    config.head_dim = 8
    trainer = trl.SFTTrainer(
        AutoModelForCausalLM.from_config(config),
        args=trl.SFTConfig(output_dir=str(folder), report_to=[], use_cpu=True, bf16=False, **settings),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    result = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([{"input_ids": row["input_ids"], "labels": row["labels"]}])
        result.append((batch["input_ids"][0].tolist(), batch["labels"][0].tolist()))
    return result


def inspected(rows: Rows, model: Path, **keywords: Any) -> Inspection:
    return inspect_data(datasets.Dataset.from_list(rows), model=str(model), **keywords)


def roles(row: PreviewRow) -> str:
    """The page's row as text, with what is masked in brackets and what is cut in braces."""
    marks = {"trained": "{}", "masked": "[{}]", "cut": "<{}>"}
    return "".join(marks[span.role].format(span.text) for span in row.tokens)


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("max_length", [None, 50])
def test_the_page_is_what_trl_feeds_to_the_model(
    case: str, max_length: int | None, model_folder: Path, tokenizer: Any, tmp_path: Path
) -> None:
    inspection = inspected(ROWS[case], model_folder, max_length=max_length)
    preview, code = inspection.preview, inspection.report.methods["sft"].code
    assert preview is not None
    rows = [compiled(code)(row) for row in ROWS[case]] if code else ROWS[case]
    expected = by_trl(model_folder, rows[:24], tmp_path, max_length=max_length, **inspection.settings)
    kept = [row for row in preview.rows if row.trained]
    assert len(preview.rows) == 24
    assert len(kept) == len(expected)
    for row, (ids, labels) in zip(kept, expected, strict=True):
        assert row.trained == sum(label != -100 for label in labels)
        assert row.trained + row.masked == len(ids)
        shown = "".join(span.text for span in row.tokens if span.role == "trained")
        trained = tokenizer.decode([token for token, label in zip(ids, labels, strict=True) if label != -100])
        assert shown == trained or (max_length and shown.rstrip("\ufffd") in trained)


@pytest.mark.parametrize("case", ROWS)
def test_the_fast_count_equals_trls_own_path(case: str, model_folder: Path, tokenizer: Any) -> None:
    code = inspected(ROWS[case], model_folder).report.methods["sft"].code
    rows = [compiled(code)(row) for row in ROWS[case]] if code else ROWS[case]
    fast, slow = Encoder(tokenizer).encode(rows), TrlEncoder(tokenizer, "sft", {}).encode(rows)
    assert [[(one.ids, one.trained) for one in row] for row in fast] == [
        [(one.ids, one.trained) for one in row] for row in slow
    ]


def test_every_answer_is_trained_where_trl_knows_the_template(known_model: Path, tmp_path: Path) -> None:
    inspection = inspected(ROWS["messages"], known_model)
    fit = inspection.report.methods["sft"]
    assert (fit.status, inspection.settings) == ("ready", {"assistant_only_loss": True})
    expected = by_trl(known_model, ROWS["messages"][:24], tmp_path, max_length=None, assistant_only_loss=True)
    assert inspection.preview is not None
    assert [row.trained for row in inspection.preview.rows] == [
        sum(label != -100 for label in labels) for _, labels in expected
    ]
    assert "It is 1" in roles(inspection.preview.rows[0])
    total = inspection.report.tokens
    assert total is not None
    assert total.max >= max(len(ids) for ids, _ in expected)


def test_where_the_fast_way_differs_trls_way_counts(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = inspected(ROWS["turns"], model_folder).report.tokens
    honest = Encoder._rendered

    def wrong(self: Encoder, row: Any, said: Any, **keywords: Any) -> str:
        return honest(self, row, said, **keywords) + "x"

    monkeypatch.setattr(Encoder, "_rendered", wrong)
    assert not seeing.agrees(
        Encoder(AutoTokenizer.from_pretrained(model_folder)),
        ROWS["turns"][:2],
        labelled("sft", ROWS["turns"][:2], AutoTokenizer.from_pretrained(model_folder), {}, None),
    )
    assert inspected(ROWS["turns"], model_folder).report.tokens == right


@pytest.mark.parametrize("case", ROWS)
def test_the_texts_of_the_tokens_are_the_rendered_row(case: str, model_folder: Path, tokenizer: Any) -> None:
    preview = inspected(ROWS[case], model_folder).preview
    assert preview is not None
    shown = "".join(span.text for span in preview.rows[3].tokens)
    match case:
        case "turns":
            row = ROWS[case][3]
            rendered = tokenizer.apply_chat_template(row["prompt"] + row["completion"], tokenize=False)
        case "messages":
            rendered = tokenizer.apply_chat_template(ROWS[case][3]["messages"], tokenize=False)
        case "plain":
            rendered = ROWS[case][3]["prompt"] + ROWS[case][3]["completion"] + "<|im_end|>"
        case _:
            rendered = ROWS[case][3]["text"] + "<|im_end|>"
    assert shown == rendered


def test_a_character_of_several_tokens_is_one_span(tokenizer: Any) -> None:
    ids = tokenizer("🤖", add_special_tokens=False)["input_ids"]
    assert len(ids) > 1
    trained: list[TokenRole] = ["trained"] * len(ids)
    assert [span.text for span in spans(tokenizer, ids, trained)] == ["🤖"]


def test_a_limit_cuts_and_kills_rows_where_trl_does(model_folder: Path) -> None:
    short = {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello"}]}
    long_answer = {**short, "completion": [{"role": "assistant", "content": "word " * 60}]}
    long_prompt = {**short, "prompt": [{"role": "user", "content": "word " * 200}]}
    inspection = inspected([short, long_answer, long_prompt] * 10, model_folder, max_length=64)
    assert inspection.preview is not None
    first, cut, dead = inspection.preview.rows[:3]
    assert (first.cut, first.trained) == (0, 3)
    assert cut.cut > 0
    assert cut.trained > 0
    assert cut.trained + cut.masked == 64
    assert (dead.trained, dead.masked) == (0, 0)  # TRL drops the whole row
    assert dead.cut == len(dead.tokens)
    found = {finding.id: finding for finding in inspection.report.findings}
    assert (found["K04"].rows, found["K04"].severity) == (10, "error")
    assert (found["K05"].rows, found["K05"].examples) == (20, [1, 2, 4])


def test_counts_and_histogram_speak_of_every_row(model_folder: Path) -> None:
    inspection = inspected(ROWS["turns"], model_folder)
    tokens, preview = inspection.report.tokens, inspection.preview
    assert tokens is not None
    assert preview is not None
    assert preview.histogram is not None
    edges, counts = preview.histogram["edges"], preview.histogram["counts"]
    assert len(edges) == len(counts) + 1 <= 25
    assert sum(counts) == 30
    assert edges[0] <= tokens.p50 <= tokens.p99 <= tokens.max < edges[-1]
    lengths = [row.trained + row.masked for row in preview.rows]
    assert max(lengths) <= tokens.max
    assert tokens.total > sum(lengths)


def test_long_cells_are_clipped_for_the_panel_and_said_so(model_folder: Path) -> None:
    rows = [{"text": "a" * (CLIPPED + 500), "n": n} for n in range(3)]
    preview = inspected(rows, model_folder).preview
    assert preview is not None
    assert preview.rows[0].raw["text"].endswith("… (500 more characters)")


def test_the_completion_begins_where_the_tokens_part() -> None:
    assert common_prefix([1, 2, 3], [1, 2, 3, 4]) == 3
    assert common_prefix([1, 2, 9], [1, 2, 3, 4]) == 2
    assert common_prefix([], [1]) == 0


def test_a_page_travels_in_one_message(model_folder: Path) -> None:
    rows = [{"text": f"{n} " + "some words and more of them " * 400} for n in range(24)]
    preview = inspected(rows, model_folder).preview
    assert preview is not None
    first = preview.rows[0]
    assert first.hidden == first.trained - len(first.tokens) > 0  # every token is counted, not all are shown
    assert len(json.dumps(preview.model_dump(mode="json"))) < 1_000_000
