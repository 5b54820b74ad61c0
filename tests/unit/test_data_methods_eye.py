"""What the inspector shows of pairs, verdicts and prompts is what TRL's DPO, KTO, reward and GRPO trainers make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import trl
from tiny import tiny_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from tunebook.pipeline.data.encode import Encoder
from tunebook.pipeline.data.inspection import inspect_data
from tunebook.pipeline.data.mapping import compiled
from tunebook.pipeline.data.report import Inspection, PreviewSequence
from tunebook.pipeline.data.trainer_eye import look
from tunebook.pipeline.data.trl_labels import labelled

HARD = "naïve 日本語 🤖 \u200b end\t\n  two"
Rows = list[dict[str, Any]]
Sequences = list[tuple[list[int], list[bool]]]


def ask(number: int, more: int = 0) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"What is {number} + 1? {HARD}{' and more' * more}"}]


def answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def longer(number: int) -> int:
    """Every fifth row has a long prompt, every third a long answer: a limit drops some and cuts others."""
    return 60 if number % 5 == 2 else 0


def right(number: int) -> str:
    return f"It is {number + 1}, {HARD}" + " surely" * (25 if number % 3 == 1 else 0)


PAIRS: dict[str, Rows] = {
    "plain": [{"prompt": f"{n} + 1 ={' and' * longer(n)}", "chosen": f" {right(n)}", "rejected": " no"} for n in range(30)],
    "turns": [
        {"prompt": ask(n, longer(n)), "chosen": answer(right(n)), "rejected": answer("I do not know.")}
        for n in range(30)
    ],
    "turns, the prompt inside": [
        {"chosen": ask(n, longer(n)) + answer(right(n)), "rejected": ask(n, longer(n)) + answer("I do not know.")}
        for n in range(30)
    ],
}  # fmt: skip
VERDICTS: dict[str, Rows] = {
    "plain": [
        {"prompt": f"{n} ={' and' * longer(n)}", "completion": f" {right(n)}", "label": n % 2 == 0} for n in range(30)
    ],
    "turns": [{"prompt": ask(n), "completion": answer(right(n)), "label": n % 2 == 0} for n in range(30)],
}
PROMPTS: dict[str, Rows] = {
    "plain": [{"prompt": f"{n} + 1 = {HARD}"} for n in range(30)],
    "turns": [{"prompt": ask(n)} for n in range(30)],
}
CASES = {
    **{f"dpo, {name}": ("dpo", PAIRS[name]) for name in PAIRS},
    **{f"reward, {name}": ("reward", PAIRS[name]) for name in PAIRS},
    "kto, turns, as pairs": ("kto", PAIRS["turns"]),
    **{f"kto, {name}": ("kto", VERDICTS[name]) for name in VERDICTS},
}
each_case = pytest.mark.parametrize(("method", "rows"), CASES.values(), ids=CASES)


@pytest.fixture(scope="module")
def model(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(model_folder, tmp_path_factory.mktemp("model") / "tiny"))


def trainer_of(method: str, rows: Rows, model: str, folder: Path, max_length: int | None) -> Any:
    """A trainer as TRL's documentation makes one, with a real model."""
    kind, config = {
        "dpo": (trl.DPOTrainer, trl.DPOConfig),
        "kto": (trl.KTOTrainer, trl.KTOConfig),
        "reward": (trl.RewardTrainer, trl.RewardConfig),
    }[method]
    loaded: Any = AutoModelForCausalLM if method != "reward" else AutoModelForSequenceClassification
    made = loaded.from_pretrained(model, **({"num_labels": 1} if method == "reward" else {}))
    made.config.pad_token_id = 2
    return kind(
        made,
        args=config(output_dir=str(folder), report_to=[], use_cpu=True, bf16=False, max_length=max_length),
        train_dataset=datasets.Dataset.from_list([{**row, "at": at} for at, row in enumerate(rows)]),
        processing_class=AutoTokenizer.from_pretrained(model),
    )


def by_trl(trainer: Any, method: str, mark: Any) -> dict[int, Sequences]:
    """Row to its sequences: token ids and which are trained, read from the batches that the model is fed with."""
    rows = list(trainer.train_dataset)
    found: dict[int, dict[int, tuple[list[int], list[bool]]]] = {}
    for row in rows:  # one by one: what padding is needs no guess
        batch = trainer.data_collator([row])
        for at in range(len(batch["input_ids"])):
            ids = batch["input_ids"][at][batch["attention_mask"][at] == 1].tolist()
            second = int(not row["label"]) if method == "kto" and mark else at
            trained = (
                [False] * (len(ids) - 1) + [True]  # the score is read at the last token
                if method == "reward"
                else [bool(bit) for bit in batch["completion_mask"][at][: len(ids)]]
            )
            found.setdefault(row["at"], {})[second] = (ids, trained)
    return {at: [parts[side] for side in sorted(parts)] for at, parts in found.items()}


def shown(tokenizer: Any, sequences: Sequences) -> list[tuple[int, int, str]]:
    """Trained tokens, tokens that are only read, and the trained text."""
    return [
        (sum(trained), len(ids) - sum(trained), tokenizer.decode([i for i, on in zip(ids, trained, strict=True) if on]))
        for ids, trained in sequences
    ]


def as_shown(*parts: PreviewSequence | None) -> list[tuple[int, int, str]]:
    return [
        (part.trained, part.masked, "".join(span.text for span in part.tokens if span.role == "trained"))
        for part in parts
        if part is not None
    ]


def inspected(rows: Rows, model: str, **keywords: Any) -> Inspection:
    return inspect_data(datasets.Dataset.from_list(rows), model=model, **keywords)


@pytest.mark.parametrize("max_length", [None, 60])
@each_case
def test_the_page_is_what_the_methods_trainer_feeds_to_the_model(
    method: str, rows: Rows, max_length: int | None, model: str, tmp_path: Path
) -> None:
    inspection = inspected(rows, model, method=method, max_length=max_length)
    preview, code = inspection.preview, inspection.report.methods[method].code
    assert preview is not None
    mapped = [compiled(code)(row) for row in rows] if code else rows
    fed = by_trl(trainer_of(method, mapped[:24], model, tmp_path, max_length), method, "chosen" in mapped[0])
    tokenizer = AutoTokenizer.from_pretrained(model)
    for at, row in enumerate(preview.rows):
        seen = as_shown(row, row.rejected)
        if at in fed:
            assert [one[:2] for one in seen] == [one[:2] for one in shown(tokenizer, fed[at])]
            for (_, _, text), (_, _, real) in zip(seen, shown(tokenizer, fed[at]), strict=True):
                assert text == real or (max_length and text.rstrip("\ufffd") in real)
        else:
            assert all(trained == 0 for trained, _, _ in seen), "TRL drops the row"
    if not max_length:
        fast = Encoder(tokenizer, method=method).encode(mapped[:24])
        assert [[(one.ids, one.trained) for one in row] for row in fast] == [fed[at] for at in range(24)]
    else:
        assert len(fed) < 24 or rows is VERDICTS["turns"], "the limit drops some"
        k04 = next((found for found in inspection.report.findings if found.id == "K04"), None)
        whole = by_trl(trainer_of(method, mapped, model, tmp_path, max_length), method, "chosen" in mapped[0])
        assert (k04.rows if k04 else 0) == len(rows) - len(whole)
        effect = next(one for one in preview.lengths if one.max_length == max_length)
        assert effect.dead == len(rows) - len(whole)
        assert effect.tokens == sum(len(ids) for sequences in whole.values() for ids, _ in sequences)


@pytest.mark.parametrize("name", PROMPTS)
def test_of_grpo_the_prompt_is_read_and_nothing_trained(name: str, model: str, tmp_path: Path) -> None:
    rows = PROMPTS[name]
    inspection = inspected(rows, model, method="grpo")
    trainer = trl.GRPOTrainer(
        model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=trl.GRPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True, bf16=False),
        train_dataset=datasets.Dataset.from_list(rows),
    )
    ids = trainer._tokenize_prompts([row["prompt"] for row in rows])[0]
    assert inspection.preview is not None
    assert [(row.trained, row.masked) for row in inspection.preview.rows] == [(0, len(one)) for one in ids[:24]]
    assert inspection.report.tokens is not None
    assert inspection.report.tokens.total == sum(map(len, ids))
    status = {check.id: check for check in inspection.report.checks}
    assert status["K01"].status == "skipped"
    assert "samples" in status["K01"].why


def test_grpo_takes_neither_tools_nor_a_templates_options_from_a_row(model: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    templates = Path(str(trl.__file__)).parent / "chat_templates"
    tokenizer.chat_template = (templates / "qwen3.jinja").read_text(encoding="utf-8")
    add = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}}
    more: dict[str, Any] = {
        "tools": [{"type": "function", "function": add}],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    rows = [{**row, **more} for row in PROMPTS["turns"][:6]]
    found = labelled("grpo", rows, tokenizer, {}, None)
    assert "Adds." not in tokenizer.decode(found[0][0][0])
    fast = Encoder(tokenizer, method="grpo").encode(rows)
    assert [[one.ids for one in row] for row in fast] == [[ids for ids, _ in found[at]] for at in range(6)]


@pytest.mark.parametrize(("method", "rows"), [CASES["dpo, turns"], CASES["kto, plain"]], ids=["dpo", "kto"])
def test_any_row_is_seen_through_the_lens_as_on_the_page(method: str, rows: Rows, model: str) -> None:
    inspection = inspected(rows, model, method=method, max_length=60)
    assert inspection.lens is not None
    assert inspection.preview is not None
    tokenizer = AutoTokenizer.from_pretrained(model)
    assert look(rows[2:5], [2, 3, 4], tokenizer, inspection.lens) == inspection.preview.rows[2:5]


def test_labels_of_pairs_are_checked_as_those_of_sft(model: str) -> None:
    inspection = inspected(PAIRS["turns"], model)
    assert inspection.report.recommended == "dpo"
    status = {check.id: check.status for check in inspection.report.checks}
    assert {id: status[id] for id in ("K01", "K02", "K03", "K04", "K05", "K06")} == dict.fromkeys(
        ("K01", "K02", "K03", "K04", "K05", "K06"), "passed"
    )
