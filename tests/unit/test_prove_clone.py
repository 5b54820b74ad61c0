"""The clone of any causal model is small, of the same architecture, and starts from logits like a trained model's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from proving import check, data, script, settings, warm_prover

WORDS = 512
#: Type to what has to be left of it in the clone.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {"num_hidden_layers": 2, "hidden_size": 128},
    "qwen3": {"num_key_value_heads": 4, "head_dim": 32},
    "smollm3": {"no_rope_layers": [1, 0], "num_key_value_heads": 1},
    "gemma3_text": {"layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 32},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gpt2": {"n_layer": 2, "n_embd": 128},
}
MORE: dict[str, dict[str, Any]] = {
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2},
    "qwen3_next": {"layer_types": ["linear_attention", "full_attention"]},
    "gpt_oss": {"layer_types": ["sliding_attention", "full_attention"]},
    "gemma2": {"final_logit_softcapping": 30.0},
    "deepseek_v3": {"n_routed_experts": 4, "qk_rope_head_dim": 16},
    "phi3": {"hidden_size": 128}, "phi": {"hidden_size": 128}, "mistral": {"hidden_size": 128},
    "gpt_neox": {"hidden_size": 128}, "olmo2": {"hidden_size": 128}, "granite": {"hidden_size": 128},
    "falcon_h1": {"num_hidden_layers": 2}, "lfm2": {"hidden_size": 128}, "qwen2": {"hidden_size": 128},
    "cohere2": {"hidden_size": 128}, "glm4": {"hidden_size": 128}, "starcoder2": {"hidden_size": 128},
}  # fmt: skip


def shape(kind: str, **more: Any) -> Any:
    """The config of a real size, with few words."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    config = CONFIG_MAPPING[kind]().get_text_config()
    for name, value in ({"vocab_size": WORDS, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2} | more).items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize(
    "kind", [*ARCHITECTURES, *(pytest.param(kind, marks=pytest.mark.slow) for kind in MORE)]
)  # fmt: skip
def test_a_clone_keeps_what_makes_its_architecture(kind: str) -> None:
    import torch

    from tunebook.pipeline.prove.clone import DEVIATION, _built, _spread, calibrate

    real = shape(kind)
    model, _ = _built(real, WORDS)
    for name, value in {**ARCHITECTURES, **MORE}[kind].items():
        assert getattr(model.config, name) == value, name
    assert model.config.model_type == real.model_type
    assert model.config.tie_word_embeddings == real.tie_word_embeddings
    assert sum(one.numel() for one in model.parameters()) < 50e6
    with torch.no_grad():
        calibrate(model)
        assert _spread(model) == pytest.approx(DEVIATION, rel=0.2)


def test_a_clone_has_as_many_words_as_its_tokenizer_and_no_fewer_than_the_model() -> None:
    from tunebook.pipeline.prove.clone import small

    assert small(shape("llama"), WORDS + 7).vocab_size == WORDS + 7
    assert small(shape("llama"), WORDS - 7).vocab_size == WORDS


def test_factors_of_a_stretched_rope_are_as_many_as_the_small_head_has() -> None:
    from tunebook.pipeline.prove.clone import small

    stretched = shape("phi3")
    stretched.rope_parameters = {"rope_type": "longrope", "short_factor": [1.0] * 48, "long_factor": [2.0] * 48}
    assert len(small(stretched, WORDS).rope_parameters["short_factor"]) == 16


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen3", "gemma3_text", "mixtral"])
def test_clones_of_other_architectures_learn_by_heart_and_stop(
    kind: str, model_folder: Path, kinds: Path, tmp_path: Path
) -> None:
    real = tmp_path / "real"
    shape(kind, vocab_size=49152).save_pretrained(real)
    for file in model_folder.iterdir():
        if file.name.startswith(("tokenizer", "chat_template")):
            shutil.copy(file, real)
    train = script(tmp_path / "train.py", settings(real, data(kinds, tmp_path / "rows", "sft")))
    with warm_prover() as prover:
        proof = prover.prove(train, "run", "learn", "control")
    print(f"\n{kind} proved in {proof.seconds} s: {check(proof, 'runs').evidence}")
    assert proof.passed, proof
    assert kind in check(proof, "runs").evidence
