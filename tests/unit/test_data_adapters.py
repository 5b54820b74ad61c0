"""K09: adapters are trained on a small clone of a model; those that stand still are found, and nothing where all move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.test_data_settings import examined

from tunebook.pipeline.data.adapters import try_adapters
from tunebook.pipeline.data.checks import Settings, Skip, Verdict
from tunebook.pipeline.data.checks.settings import adapters_are_there_and_move


def config(architecture: str) -> Any:
    """As large as the architecture's first model, of which nothing is needed but this."""
    from transformers import CONFIG_MAPPING

    return CONFIG_MAPPING[architecture]()


def folder(architecture: str, to: Path) -> Path:
    config(architecture).save_pretrained(to)
    return to


def looked(model: Path, **settings: Any) -> Verdict:
    return adapters_are_there_and_move(examined(model, settings=Settings(**settings)))


@pytest.mark.parametrize(
    ("architecture", "adapters"),
    [
        *(("llama", 28), ("qwen2", 28), ("qwen3", 28), ("gemma3_text", 28), ("phi3", 16), ("falcon", 16)),
        ("gpt2", 16),  # Conv1D
        *(("qwen3_moe", 24), ("mixtral", 24), ("gpt_oss", 16)),  # of an expert layer all experts are one adapter
        *(("deepseek_v3", 22), ("lfm2", 28)),  # latent attention; convolutions between attention
    ],
)
def test_all_adapters_move_and_nothing_else_does(architecture: str, adapters: int) -> None:
    tried = try_adapters(config(architecture), "all-linear")
    assert (tried.adapters, tried.still, tried.changed) == (adapters, [], [])


def test_a_model_passes_without_a_plan(model_folder: Path) -> None:
    verdict = looked(model_folder)
    assert (verdict.why, verdict.findings) == (
        "on a small clone of the model all 28 adapters move within three steps, and nothing else does",
        [],
    )
    assert looked(model_folder, lora_targets=["q_proj", "v_proj"]).why.startswith(
        "on a small clone of the model all 8 "
    )


def test_adapters_whose_module_is_passed_over_are_found(tmp_path: Path) -> None:
    """Jamba multiplies by the weight of `dt_proj` itself, so that an adapter on it is never asked."""
    (finding,) = looked(folder("jamba", tmp_path)).findings
    assert finding.severity == "warning"
    assert finding.message == (
        "4 of 22 adapters on a small clone of the model never move: model.layers.*.mamba.dt_proj"
    )


def test_no_adapter_that_moves_is_an_error(tmp_path: Path) -> None:
    (finding,) = looked(folder("jamba", tmp_path), lora_targets=["dt_proj"]).findings
    assert finding.severity == "error"
    assert finding.message.startswith("No adapter moves")


def test_frozen_weights_that_change_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from transformers import LlamaForCausalLM

    forward = LlamaForCausalLM.forward

    def drifting(self: Any, **arguments: Any) -> Any:
        with torch.no_grad():
            self.model.norm.weight += 0.001
        return forward(self, **arguments)

    monkeypatch.setattr(LlamaForCausalLM, "forward", drifting)
    (finding,) = looked(folder("llama", tmp_path)).findings
    assert (finding.severity, finding.message) == (
        "error",
        "Weights that LoRA freezes change when a small clone of the model is trained: model.norm.weight",
    )


@pytest.mark.parametrize(
    ("architecture", "says"),
    [("mamba", "incompatible with Mamba-based models"), ("llama4_text", "'tuple' object has no attribute 'dtype'")],
)
def test_a_model_that_fails_with_adapters_is_found(architecture: str, says: str, tmp_path: Path) -> None:
    (finding,) = looked(folder(architecture, tmp_path)).findings
    assert (finding.severity, finding.remedy) == ("error", "choose another model, or tuning: full")
    assert says in finding.message


def test_what_cannot_be_tried_is_skipped_with_the_reason(tmp_path: Path, model_folder: Path) -> None:
    with pytest.raises(Skip, match="a small clone of the model could not be made"):
        looked(tmp_path)
    with pytest.raises(Skip, match=r"a small clone of the model could not be made \(Unrecognized configuration class"):
        looked(folder("qwen2_vl", tmp_path))
    with pytest.raises(Skip, match="every weight is tuned, so there are no adapters"):
        looked(model_folder, tuning="full")
    with pytest.raises(Skip, match=r"the LoRA targets are there; on a small clone they could not be tried"):
        looked(model_folder, lora_targets=["model.layers.29.self_attn.q_proj"])
