"""Merge an adapter into its full-precision base, and prove on real texts that the merged model says the same.

The sum is made in float32 where memory allows and rounded once, to what the base is stored in: a merged model is as
large as its base and loads the same way, and the rounding is no coarser than the one the base already went through.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.export.files import link_or_copy
from tunebook.pipeline.export.request import TOKENIZER_FILES, Source

if TYPE_CHECKING:
    import torch

#: Nats a token between adapter and merged model, both in float32, before rounding: measured 1.5e-8 (SmolLM2-135M).
EXACT_KL = 1e-5
#: The same after rounding to the base's type. Measured 7e-5; computing in bfloat16 instead of float32 costs 1.3e-3.
ROUNDED_KL = 1e-2
#: Tokens of each text that are compared here; the certificate looks at more.
LOOK = 32


@dataclass
class Merged:
    """The model in memory as it is on the disk, and what was measured on the way."""

    model: Any
    exact_kl: float | None = None  # nats a token, adapter against merged, before rounding
    rounded_kl: float | None = None  # after rounding
    notes: list[str] = field(default_factory=list)


def load(source: Source) -> Any:
    """The whole model on the CPU, for inference, in float32 where that fits into memory, else as it is stored."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    dtype = torch.float32 if _fits_float32(source) else getattr(torch, source.dtype)
    model = AutoModelForCausalLM.from_pretrained(source.weights, dtype=dtype, local_files_only=True)
    return model.eval()


def merge(source: Source, folder: Path, ids: list[list[int]]) -> Merged:
    """Write the merged model with its tokenizer into the new `folder`; `ids` are tokenised texts to prove it with.

    Raises WorkFailed where the merged model does not say what the adapter says.
    """
    import torch
    from peft import PeftModel

    model = load(source)
    exact = next(model.parameters()).dtype == torch.float32
    look = [one[:LOOK] for one in ids[:2] if one]
    try:
        adapted = PeftModel.from_pretrained(model, source.checkpoint, local_files_only=True).eval()
        before = log_probabilities(adapted, look)
        model = adapted.merge_and_unload(safe_merge=False)
    except (RuntimeError, ValueError, KeyError) as failure:
        reason = str(failure).strip().splitlines()[0][:300]
        raise WorkFailed(f"the adapter cannot be merged into {source.base}: {reason}") from failure
    merged = Merged(model)
    merged.exact_kl = mean_kl(before, log_probabilities(model, look))
    if not merged.exact_kl <= (EXACT_KL if exact else ROUNDED_KL):  # NaN fails too
        raise WorkFailed(
            f"the merged model does not say what the adapter says ({merged.exact_kl:.2g} nats a token apart): "
            "is this the base it was trained on?"
        )
    model.to(getattr(torch, source.dtype))
    model.save_pretrained(folder)
    copy_tokenizer(source, folder)
    if exact:
        model.float()  # exact: the rounded weights, ready for a reference in float32
    merged.rounded_kl = mean_kl(before, log_probabilities(model, look))
    if not merged.rounded_kl <= ROUNDED_KL:
        raise WorkFailed(
            f"rounding the merged model to {source.dtype} changes it by {merged.rounded_kl:.2g} nats a token"
        )
    merged.notes.append(
        f"merged in {'float32' if exact else source.dtype}, stored in {source.dtype} as the base is: "
        f"{_told(merged.exact_kl)} nats a token from the adapter before rounding, {_told(merged.rounded_kl)} after"
    )
    return merged


def take_whole(source: Source, folder: Path) -> None:
    """A full checkpoint needs no merge: in the new `folder` its weights get a second name, small files are copied."""
    folder.mkdir()
    for file in source.checkpoint.glob("*.safetensors*"):
        link_or_copy(file, folder / file.name)
    for name in ("config.json", "generation_config.json"):
        if (source.checkpoint / name).is_file():
            shutil.copyfile(source.checkpoint / name, folder / name)
    copy_tokenizer(source, folder)


def copy_tokenizer(source: Source, folder: Path) -> None:
    """The tokenizer's own files, the chat template with them, and the checkpoint's generation config if it has one."""
    for name in TOKENIZER_FILES:
        if (source.tokenizer / name).is_file():
            shutil.copyfile(source.tokenizer / name, folder / name)
    if (source.checkpoint / "generation_config.json").is_file():
        shutil.copyfile(source.checkpoint / "generation_config.json", folder / "generation_config.json")


def log_probabilities(model: Any, ids: list[list[int]]) -> list[torch.Tensor]:
    """For each text the log-probabilities of the next token: float32 tensors of shape (tokens, vocabulary)."""
    import torch

    with torch.inference_mode():
        return [model(torch.tensor([one]), use_cache=False).logits[0].float().log_softmax(-1) for one in ids]


def mean_kl(truth: list[torch.Tensor], other: list[torch.Tensor]) -> float:
    """Mean Kullback-Leibler divergence, nats a token, over all positions of all texts. NaN stays NaN."""
    total = sum(float((p.exp() * (p - q)).sum()) for p, q in zip(truth, other, strict=True))
    mean = total / sum(len(p) for p in truth)
    return 0.0 if -1e-6 < mean < 0 else mean  # equal models differ by the rounding of the sum


def _fits_float32(source: Source) -> bool:
    import psutil

    float32_bytes = source.weight_bytes * (1 if source.dtype == "float32" else 2)
    return bool(float32_bytes * 1.5 < psutil.virtual_memory().available)


def _told(kl: float) -> str:
    """A divergence in words; below a millionth it is the noise of adding up in float32."""
    return f"{kl:.1e}" if kl >= 1e-6 else "less than 1e-06"
