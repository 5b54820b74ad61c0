"""The evaluation job with a real model: answers, adapters, losses, and one clear line for what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tunebook.pipeline.evaluation.config import EvaluationConfig
from tunebook.pipeline.evaluation.job import evaluate
from tunebook.pipeline.progress import parse
from tunebook.pipeline.scripts import entry_script

ROWS = 24


@pytest.fixture(scope="module")
def rows_file(kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "held_out.jsonl"
    path.write_text("".join((kinds / "test.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)[:ROWS]))
    return path


@pytest.fixture(scope="module")
def idle_adapter(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter as it is before its first step: B is zero, so it changes nothing."""
    return saved_adapter(model_folder, tmp_path_factory.mktemp("idle") / "checkpoint-1", scale=0.0)


@pytest.fixture(scope="module")
def wild_adapter(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter with a random B: it changes every answer."""
    return saved_adapter(model_folder, tmp_path_factory.mktemp("wild") / "checkpoint-2", scale=0.2)


def saved_adapter(model_folder: Path, folder: Path, scale: float) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=scale) if scale else weight.zero_()
    model.save_pretrained(folder)
    return folder


def config(model: Path, rows: Path, *targets: dict[str, Any], **more: Any) -> EvaluationConfig:
    body = {"benchmark": "exact_match", "model": str(model), "rows_file": str(rows), "targets": list(targets), **more}
    return EvaluationConfig.model_validate(body)


BASE = {"name": "base", "path": None, "adapter": False, "step": 0}


def adapter(folder: Path) -> dict[str, Any]:
    return {"name": folder.name, "path": str(folder), "adapter": True, "step": int(folder.name[-1])}


@pytest.mark.slow
def test_padding_sharing_and_adapters_that_do_nothing_change_no_answer(
    model_folder: Path, rows_file: Path, idle_adapter: Path, wild_adapter: Path
) -> None:
    again = {"name": "base-again", "path": str(model_folder)}
    targets = (BASE, adapter(wild_adapter), adapter(idle_adapter), again)
    table, items = evaluate(config(model_folder, rows_file, *targets))
    assert [row.target for row in table.rows] == ["base", "checkpoint-2", "checkpoint-1", "base-again"]
    assert items["checkpoint-1"] == items["base"], "B is zero"
    assert items["base-again"] == items["base"], "an adapter must leave nothing behind in the base"
    assert items["checkpoint-2"] != items["base"], "an adapter must be at work while it is scored"

    _, alone = evaluate(config(model_folder, rows_file, BASE, batch_size=1))
    assert alone["base"] == items["base"], "padding must not change an answer"

    assert [item["id"] for item in items["base"]] == [str(number) for number in range(ROWS)]
    for row in table.rows:
        assert row.total == ROWS
        assert row.passed == sum(item["passed"] for item in items[row.target])
        assert row.ci[0] <= row.score <= row.ci[1]


def test_answers_are_those_of_plain_generation(model_folder: Path, rows_file: Path) -> None:
    """Without our batches, padding, shared prefix and stop: one prompt, one call, the whole answer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    _, items = evaluate(config(model_folder, rows_file, BASE, limit=4))
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    rows = [json.loads(line) for line in rows_file.read_text().splitlines()]
    for item in items["base"]:
        prompt = tokenizer.apply_chat_template(
            rows[int(item["id"])]["prompt"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        whole = model.generate(**prompt, do_sample=False, max_new_tokens=20)[0, prompt["input_ids"].shape[1] :]
        assert item["completion"]
        assert tokenizer.decode(whole, skip_special_tokens=True).startswith(item["completion"])


def test_the_loss_is_that_of_the_trainers_labels(model_folder: Path, rows_file: Path, wild_adapter: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    table, items = evaluate(config(model_folder, rows_file, BASE, adapter(wild_adapter), benchmark="heldout_loss"))
    assert [(row.passed, row.total) for row in table.rows] == [(None, None)] * 2
    assert table.rows[0].score != table.rows[1].score
    assert table.rows[0].ci[0] < table.rows[0].score < table.rows[0].ci[1]

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    for item, line in list(zip(items["base"], rows_file.read_text().splitlines(), strict=True))[:6]:
        row = json.loads(line)
        before = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)["input_ids"]
        whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"])["input_ids"]
        labels = torch.tensor([[-100] * len(before) + whole[len(before) :]])
        with torch.inference_mode():
            loss = model(input_ids=torch.tensor([whole]), labels=labels).loss
        assert item["value"] == pytest.approx(float(loss), rel=1e-4)


def run_job(tmp_path: Path, body: dict[str, Any]) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """The job as a backend runs it: the entry script, two paths."""
    script, told, result = tmp_path / "evaluate.py", tmp_path / "config.json", tmp_path / "result.json"
    script.write_text(entry_script("evaluate"))
    told.write_text(json.dumps(body))
    environment = {"TUNEBOOK_NONCE": "n1", "HF_HUB_OFFLINE": "1"}
    import os

    ended = subprocess.run(
        [sys.executable, str(script), str(told), str(result)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
    )
    return ended, json.loads(result.read_text()) if result.exists() else {}


def test_the_job_tells_its_progress_and_each_score_as_it_comes(
    model_folder: Path, rows_file: Path, idle_adapter: Path, tmp_path: Path
) -> None:
    body = config(model_folder, rows_file, BASE, adapter(idle_adapter), limit=8, batch_size=4).model_dump(mode="json")
    ended, result = run_job(tmp_path, body)
    assert ended.returncode == 0, ended.stderr
    events = [event for line in ended.stdout.splitlines() if (event := parse(line, "n1"))]
    told = [event["done"] for event in events if event["event"] == "progress"]
    assert told == sorted(told)
    assert told[-1] == 16 == events[-2]["total"]
    assert events[-2]["text"] == "checkpoint-1: 8 of 8 answered"
    scores = [event for event in events if event["event"] == "score"]
    assert [event["row"] for event in scores] == result["table"]["rows"]
    assert [event["step"] for event in scores] == [0, 1]
    assert events.index(scores[0]) < len(events) - 2, "the first score comes before the second target is done"
    assert set(result["items"]["base"][0]) == {"id", "expected", "completion", "passed"}


def completions(folder: Path, *rows: object) -> dict[str, Any]:
    path = folder / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"name": "answers.jsonl", "path": str(path)}


def test_completions_from_elsewhere_are_scored_without_a_model(rows_file: Path, tmp_path: Path) -> None:
    expected = [json.loads(line)["completion"][0]["content"] for line in rows_file.read_text().splitlines()]
    given = [{"id": number, "completion": answer if number else "wrong"} for number, answer in enumerate(expected)]
    body = {"benchmark": "exact_match", "rows_file": str(rows_file), "targets": [completions(tmp_path, *given[::-1])]}
    table, items = evaluate(EvaluationConfig.model_validate(body))
    assert (table.rows[0].passed, table.rows[0].total) == (ROWS - 1, ROWS)
    assert items["answers.jsonl"][0] == {
        "id": "0",
        "expected": expected[0],
        "completion": "wrong",
        "passed": False,
    }


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"id": 0, "completion": "a"}], "has no completion for 23 of 24 items (1, 2, 3, ...)"),
        ([{"id": 0, "completion": "a"}, {"id": "0", "completion": "b"}], "two completions for item 0"),
        ([{"id": 0, "answer": "a"}], "no id and completion in line 1"),
        (["text"], "no id and completion in line 1"),
    ],
)
def test_incomplete_completions_are_named(rows_file: Path, tmp_path: Path, rows: list[object], says: str) -> None:
    body = {"benchmark": "exact_match", "rows_file": str(rows_file), "targets": [completions(tmp_path, *rows)]}
    ended, result = run_job(tmp_path, body)
    assert ended.returncode == 2
    assert says in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert result["error"]["field"] == "target"


def test_what_cannot_be_scored_is_named_before_anything_loads(
    model_folder: Path, rows_file: Path, idle_adapter: Path, tmp_path: Path
) -> None:
    hollow = tmp_path / "checkpoint-3"
    hollow.mkdir()
    shutil.copy(model_folder / "config.json", hollow)
    bare = tmp_path / "checkpoint-4"
    bare.mkdir()
    shutil.copy(idle_adapter / "adapter_config.json", bare)
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"targets": [BASE, {"name": "gone", "path": str(tmp_path / "gone")}]}, "target", "gone is not there"),
        ({"targets": [{"name": "hollow", "path": str(hollow)}]}, "target", "hollow has no weights"),
        ({"targets": [{"name": "bare", "path": str(bare)}]}, "target", "bare has no weights"),
        ({"targets": [{"name": "x", "path": str(hollow), "adapter": True}]}, "target", "x has no adapter_config.json"),
        ({"targets": [BASE, BASE]}, "target", "base is given twice"),
        ({"model": str(hollow)}, "model", "has no weights"),
        ({"model": None}, "model", "is missing, and base means it"),
        ({"benchmark": "humanevl"}, "benchmark", "is not known"),
        ({"rows_file": str(tmp_path / "no.jsonl")}, "rows_file", "cannot be read"),
    ]
    from tunebook.pipeline.errors import CallError

    good = config(model_folder, rows_file, BASE).model_dump(mode="json")
    for change, field, problem in cases:
        with pytest.raises(CallError) as caught:
            evaluate(EvaluationConfig.model_validate(good | change))
        assert caught.value.field == field
        assert problem in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_adapter_of_another_model_is_named(model_folder: Path, rows_file: Path, tmp_path: Path) -> None:
    """It would load in silence if nothing of it fitted."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    small = AutoConfig.from_pretrained(model_folder, hidden_size=96, num_attention_heads=3, num_key_value_heads=3)
    other = get_peft_model(AutoModelForCausalLM.from_config(small), LoraConfig(r=2, target_modules=["q_proj"]))
    other.save_pretrained(tmp_path / "checkpoint-5")
    from tunebook.pipeline.errors import CallError

    with pytest.raises(CallError, match="checkpoint-5 does not fit"):
        evaluate(config(model_folder, rows_file, adapter(tmp_path / "checkpoint-5"), limit=1))
