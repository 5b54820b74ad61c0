"""A tiny random Llama with the real tokenizer: a real training in seconds, for tests that start and kill many runs.

It learns nothing worth reading; tests that look at what was learned use the small form with the real model.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def tiny_model(real: Path, to: Path, *, broken: bool = False) -> Path:
    """A checkpoint folder of about 3 million random weights. `broken` puts an overflowing weight in: its loss is no number."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    model = LlamaForCausalLM(config)
    if broken:
        with torch.no_grad():
            model.model.layers[0].mlp.down_proj.weight[0, 0] = float("inf")
    model.save_pretrained(to)
    for file in real.iterdir():
        if file.name.startswith(("tokenizer", "chat_template")):
            shutil.copy(file, to)
    return to
