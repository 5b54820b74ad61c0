"""A real adapter on the real small model becomes a merged model and GGUF files that say the same, and one answers."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.export.answer import ask, serve_command
from tunebook.pipeline.export.certificate import certify
from tunebook.pipeline.export.job import PASSIVE_WAITING
from tunebook.pipeline.export.merge import log_probabilities, mean_kl
from tunebook.pipeline.export.request import Question
from tunebook.pipeline.export.texts import calibration_texts
from tunebook.pipeline.progress import NONCE_VARIABLE, parse

NONCE = "exporttest"
QUESTION = {"prompt": "What is the capital of France?", "expected": "Paris"}
NAME = "SmolLM2-135M-Instruct-tuned"


class Exported(NamedTuple):
    """One export of an adapter, shared by the tests that only look."""

    base: Path
    adapter: Path
    out: Path
    rows: list[dict[str, Any]]
    result: dict[str, Any]
    events: list[dict[str, Any]]
    log: str

    def file(self, quant: str) -> Path:
        return self.out / f"{NAME}-{quant}.gguf"


@pytest.fixture(scope="module")
def exported(model_folder: Path, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("export")
    adapter = make_adapter(model_folder, folder / "adapter")
    rows = [json.loads(line) for line in (kinds / "test.jsonl").read_text().splitlines()[:40]]
    config = {
        "checkpoint": str(adapter),
        "base": str(model_folder),
        "base_revision": None,
        "out": str(folder / "out"),
        "quants": ["Q4_K_M", "F16"],
        "question": QUESTION,
        "calibration_prompts": rows,
        "push": None,
    }
    (folder / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "tunebook.pipeline.export.job", folder / "config.json", folder / "result.json"],
        env={**os.environ, NONCE_VARIABLE: NONCE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    events = [event for line in done.stdout.splitlines() if (event := parse(line, NONCE))]
    result = json.loads((folder / "result.json").read_text())
    print(json.dumps(result["seconds"]), *result["notes"], sep="\n")
    return Exported(model_folder, adapter, folder / "out", rows, result, events, done.stderr)


def make_adapter(base: Path, to: Path) -> Path:
    """A LoRA adapter with a random B that took a few steps towards one answer, which the base alone gives barely.

    The base's first word wavers between "The" and "L'" (0.1 apart in logits), so that quantising alone can turn it.
    """
    for variable, value in PASSIVE_WAITING.items():
        os.environ.setdefault(variable, value)
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    lora = LoraConfig(r=8, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
    adapted = get_peft_model(model, lora)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    prompt = [{"role": "user", "content": QUESTION["prompt"]}]
    answer = {"role": "assistant", "content": "The capital of France is Paris."}
    tokenizer = AutoTokenizer.from_pretrained(base)
    ids = tokenizer.apply_chat_template([*prompt, answer], return_tensors="pt", return_dict=True)["input_ids"]
    optimizer = torch.optim.AdamW([one for one in adapted.parameters() if one.requires_grad], lr=1e-3)
    for _ in range(4):
        adapted(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    adapted.save_pretrained(to)
    return to


class Models(NamedTuple):
    """The base, the adapter on it, and the merged folder as it loads, all in float32; and texts to compare them on."""

    tokenizer: Any
    adapted: Any
    merged: Any
    ids: list[list[int]]


@pytest.fixture(scope="module")
def models(exported: Exported) -> Models:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(exported.out / "merged")
    base = AutoModelForCausalLM.from_pretrained(exported.base, dtype=torch.float32)
    adapted = PeftModel.from_pretrained(base, exported.adapter).eval()
    merged = AutoModelForCausalLM.from_pretrained(exported.out / "merged", dtype=torch.float32).eval()
    _, compared = calibration_texts(tokenizer, exported.rows)
    return Models(tokenizer, adapted, merged, [text.ids for text in compared[:3]])


def test_the_result_names_whole_files_and_nothing_else_is_left(exported: Exported) -> None:
    result = exported.result["export"]
    assert result["merged"] == str(exported.out / "merged")
    assert result["pushed"] is None
    assert [file["quant"] for file in result["gguf"]] == ["Q4_K_M", "F16"]
    for file in result["gguf"]:
        path = Path(file["file"])
        assert path == exported.file(file["quant"])
        assert path.stat().st_size == file["bytes"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
    left = {path.name for path in exported.out.iterdir()}
    assert left == {"merged", exported.file("Q4_K_M").name, exported.file("F16").name, ".export.lock"}


def test_every_step_is_announced_and_timed(exported: Exported) -> None:
    assert list(exported.result["seconds"]) == ["load", "merge", "convert", "quantise", "certify", "answer"]
    progress = [event for event in exported.events if event["event"] == "progress"]
    done = [event["done"] for event in progress]
    assert done == sorted(done)
    assert progress[-1]["done"] == progress[-1]["total"] == 8
    assert "Traceback" not in exported.log


def test_the_merged_weights_are_those_of_peft_rounded_once(exported: Exported, models: Models) -> None:
    import torch
    from safetensors.torch import load_file

    stored = load_file(exported.out / "merged" / "model.safetensors")
    base = load_file(exported.base / "model.safetensors")
    sample = ["model.layers.0.self_attn.q_proj", "model.layers.29.mlp.down_proj"]
    for name in sample:
        layer = models.adapted.base_model.model.get_submodule(name)
        ours, theirs = stored[f"{name}.weight"], layer.base_layer.weight + layer.get_delta_weight("default")
        assert ours.dtype == torch.bfloat16
        assert torch.equal(ours, theirs.to(torch.bfloat16))
        assert not torch.equal(ours, base[f"{name}.weight"])
    untouched = "model.layers.0.self_attn.k_proj.weight"
    assert torch.equal(stored[untouched], base[untouched])
    assert stored.keys() == base.keys()


def test_the_merged_model_says_what_the_adapter_says_and_not_what_the_base_says(models: Models) -> None:
    adapted = log_probabilities(models.adapted, models.ids)
    merged = log_probabilities(models.merged, models.ids)
    with models.adapted.disable_adapter():
        base = log_probabilities(models.adapted, models.ids)
    assert mean_kl(adapted, merged) < 0.001
    assert mean_kl(adapted, base) > 0.004


def test_tokenizer_and_template_travel_unchanged(exported: Exported) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (exported.out / "merged" / name).read_bytes() == (exported.base / name).read_bytes()


def test_f16_is_near_exact_and_q4_passes_at_its_price(exported: Exported) -> None:
    q4, f16 = (file["certificate"] for file in exported.result["export"]["gguf"])
    assert q4["passed"]
    assert f16["passed"]
    assert q4["token_ids_equal"]
    assert f16["token_ids_equal"]
    assert 0 <= f16["mean_kl"] < 0.001
    assert f16["top1_agreement"] > 0.99
    assert 0.01 < q4["mean_kl"] < 0.3


def test_the_file_of_another_model_does_not_pass(exported: Exported, models: Models) -> None:
    """The F16 file against the base, which differs by an adapter of four steps."""
    texts, compared = calibration_texts(models.tokenizer, exported.rows[:3])
    with models.adapted.disable_adapter():
        reference = log_probabilities(models.adapted, [text.ids for text in compared])
    certificate, _ = certify(exported.file("F16"), "F16", models.tokenizer, texts, compared, reference, 1)
    assert certificate.token_ids_equal
    assert not certificate.passed


def test_other_token_ids_or_another_template_do_not_pass(exported: Exported, models: Models) -> None:
    from transformers import AutoTokenizer

    texts, compared = calibration_texts(models.tokenizer, exported.rows[:1])
    reference = log_probabilities(models.merged, [text.ids for text in compared])
    wrong = [dataclasses.replace(text, ids=text.ids[1:]) for text in texts]
    file = exported.file("F16")
    certificate, notes = certify(file, "F16", models.tokenizer, wrong, compared, reference, 1)
    assert not certificate.token_ids_equal
    assert not certificate.passed
    assert f"{len(texts)} of {len(texts)} texts get other token ids" in notes[0]

    other = AutoTokenizer.from_pretrained(exported.base)
    other.chat_template += " "
    certificate, notes = certify(file, "F16", other, texts, compared, reference, 1)
    assert certificate.token_ids_equal
    assert not certificate.passed
    assert "chat template in the GGUF is not the model's own" in notes[0]


def test_the_gguf_answers(exported: Exported) -> None:
    answer = exported.result["answer"]
    assert answer["file"] == str(exported.file("Q4_K_M"))
    assert answer["prompt"] == "What is the capital of France?"
    assert answer["expected"] == "Paris"
    assert "Paris" in answer["answer"]
    assert "<|im" not in answer["answer"]
    assert 0.1 < answer["tokens_per_second"] < 10_000


def test_a_template_that_the_model_was_not_trained_with_is_refused(exported: Exported) -> None:
    from transformers import AutoTokenizer

    other = AutoTokenizer.from_pretrained(exported.base)
    other.chat_template = other.chat_template.replace("add_generation_prompt %}{{ '", "add_generation_prompt %}{{ ' ")
    with pytest.raises(WorkFailed, match="chat template writes"):
        ask(exported.file("Q4_K_M"), Question.model_validate(QUESTION), other, threads=1)


def test_the_serving_command_can_be_typed() -> None:
    assert serve_command("/m/a.gguf") == "llama-server -m /m/a.gguf"
    assert serve_command(Path("/my models/it's.gguf")) == "llama-server -m '/my models/it'\"'\"'s.gguf'"
