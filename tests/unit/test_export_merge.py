"""Merging on a tiny model: adapters that do not fit are refused, an output layer that was trained apart is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_model

from tunebook.pipeline.export.job import main
from tunebook.pipeline.export.merge import log_probabilities, mean_kl

IDS = [[1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 2]]


@pytest.fixture(scope="module")
def tiny(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(model_folder, tmp_path_factory.mktemp("tiny") / "model")


def run(folder: Path, adapter: Path, base: Path) -> int:
    config = {"checkpoint": str(adapter), "base": str(base), "out": str(folder / "out"), "quants": []}
    (folder / "config.json").write_text(json.dumps(config))
    return main(folder / "config.json", folder / "result.json")


def adapted(base: Path, to: Path, **lora: Any) -> Any:
    """An adapter with random, large B; the model with it on, in float32."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    peft = get_peft_model(model, LoraConfig(r=4, task_type="CAUSAL_LM", target_modules=["q_proj"], **lora)).eval()
    for name, parameter in peft.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    peft.save_pretrained(to)
    return peft


def test_an_output_layer_trained_apart_from_its_tied_embeddings_is_kept(tiny: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    model = adapted(tiny, tmp_path / "adapter", modules_to_save=["lm_head"], ensure_weight_tying=False)
    truth = log_probabilities(model, IDS)
    assert run(tmp_path, tmp_path / "adapter", tiny) == 0
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "merged", dtype=torch.float32).eval()
    base = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()
    assert mean_kl(truth, log_probabilities(merged, IDS)) < 1e-5
    assert mean_kl(truth, log_probabilities(base, IDS)) > 0.1
    assert not torch.equal(merged.get_input_embeddings().weight, merged.get_output_embeddings().weight)


def test_without_a_gguf_the_merged_model_is_all_that_is_made(tiny: Path, tmp_path: Path) -> None:
    adapted(tiny, tmp_path / "adapter")
    assert run(tmp_path, tmp_path / "adapter", tiny) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["export"] == {"merged": str(tmp_path / "out" / "merged"), "gguf": [], "pushed": None}
    assert list(result["seconds"]) == ["load", "merge"]
    assert "nats a token from the adapter" in result["notes"][0]


def test_an_adapter_of_another_model_fails_with_one_clear_line(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import save_file

    adapter = tmp_path / "adapter"
    adapted(tiny, adapter)
    place = "base_model.model.model.layers.0.self_attn.q_proj"
    wide = {f"{place}.lora_A.weight": torch.ones(4, 576), f"{place}.lora_B.weight": torch.ones(576, 4)}
    save_file(wide, adapter / "adapter_model.safetensors")
    assert run(tmp_path, adapter, tiny) == 1
    assert not (tmp_path / "result.json").exists()
    assert capfd.readouterr().err.strip().splitlines()[-1].startswith("the adapter cannot be merged into")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".export.lock"]


def test_an_adapter_that_is_no_number_fails_with_one_clear_line(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    adapter = tmp_path / "adapter"
    adapted(tiny, adapter)
    broken = load_file(adapter / "adapter_model.safetensors")
    next(iter(broken.values())).fill_(float("nan"))
    save_file(broken, adapter / "adapter_model.safetensors")
    assert run(tmp_path, adapter, tiny) == 1
    assert "does not say what the adapter says (nan nats" in capfd.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "out" / "merged").exists()
