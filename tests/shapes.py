"""Models of which only the config.json is needed: folders for the memory oracle, and what others measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

#: hidden, layers, heads, key heads, intermediate, vocabulary, tied
QWEN = {
    "0.5B": (896, 24, 14, 2, 4864, 151936, True),
    "1.5B": (1536, 28, 12, 2, 8960, 151936, True),
    "3B": (2048, 36, 16, 2, 11008, 151936, True),
    "7B": (3584, 28, 28, 4, 18944, 152064, False),
    "72B": (8192, 80, 64, 8, 29568, 152064, False),
}
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
         "vocab_size", "tie_word_embeddings")  # fmt: skip

#: max_memory_allocated of an RTX 4080, GiB: rank 16 on q, k, v and o, bf16, transformers' own loss, one row. The kernel of
#: attention is not told of: with checkpointing both give the same peak, without it only plain attention fits.
PUBLISHED = (
    ("1.5B", "qlora", 512, True, "efficient", 2.794),
    ("1.5B", "qlora", 2048, True, "efficient", 6.530),
    ("1.5B", "qlora", 1024, False, "math", 9.341),
    ("0.5B", "lora", 1024, True, "efficient", 3.032),
    ("3B", "qlora", 1024, True, "efficient", 5.174),
)


def config(folder: Path, **fields: Any) -> str:
    """A folder that holds only a config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fields), encoding="utf-8")
    return str(folder)


def qwen(parent: Path, size: str, **more: Any) -> str:
    return config(parent / size, model_type="qwen2", **dict(zip(SIZES, QWEN[size], strict=True)) | more)
