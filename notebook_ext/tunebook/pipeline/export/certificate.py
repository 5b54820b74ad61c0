"""Whether a GGUF says what the merged model says: the same token ids, nearly the same probabilities."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.export.llama import Gguf
from tunebook.pipeline.export.quants import KNOWN
from tunebook.pipeline.export.result import Certificate
from tunebook.pipeline.export.texts import POSITIONS_A_TEXT, Text

if TYPE_CHECKING:
    import torch

#: Nats. Two tokens whose probabilities the merged model holds within 1 % of each other are equally likely: which of them
#: comes first is chance, and a template repeats such a place in every text (6 of 256 positions of a near exact file).
TIE = 0.01


def why_not() -> str | None:
    """The reason why no certificate can be made here, or None."""
    if importlib.util.find_spec("llama_cpp") is None:
        return "no certificate: it needs llama-cpp-python, which shows a GGUF's logits (`pip install llama-cpp-python`)"
    return None


def certify(
    file: Path,
    quant: str,
    tokenizer: Any,
    texts: list[Text],
    compared: list[Text],
    reference: list[torch.Tensor],
    threads: int,
) -> tuple[Certificate, list[str]]:
    """The certificate of one GGUF, and what a person should know about it.

    `reference` holds the merged model's log-probabilities on `compared`: float32 tensors of shape (tokens, vocabulary).
    """
    import torch

    notes: list[str] = []
    agreed, kl, positions = 0, 0.0, 0
    with Gguf(file, context=POSITIONS_A_TEXT, threads=threads) as gguf:
        different = [text for text in texts if _server_ids(gguf, tokenizer, text) != text.ids]
        if different:
            notes.append(
                f"{quant}: {len(different)} of {len(texts)} texts get other token ids, such as "
                f"{different[0].text[:60]!r}"
            )
        same_template = gguf.chat_template == (getattr(tokenizer, "chat_template", None) or None)
        if not same_template:
            notes.append(f"{quant}: the chat template in the GGUF is not the model's own")
        for text, truth in zip(compared, reference, strict=True):
            common = min(truth.shape[1], gguf.vocabulary)  # either side may pad its vocabulary
            ours = torch.from_numpy(gguf.logits(text.ids)[:, :common]).log_softmax(-1)
            theirs = truth[:, :common]
            kl += float((theirs.exp() * (theirs - ours)).sum())
            lost = theirs.max(-1).values - theirs.gather(-1, ours.argmax(-1, keepdim=True))[:, 0]
            agreed += int((lost < TIE).sum())
            positions += len(text.ids)
    mean_kl, top1 = kl / positions, agreed / positions
    if not math.isfinite(mean_kl):
        raise WorkFailed(f"{file.name} gives probabilities that are not numbers")
    bar = KNOWN[quant]
    close = mean_kl <= bar.max_kl and top1 >= bar.min_top1
    notes.append(
        f"{quant}: at {positions} positions of {len(compared)} texts the same most likely token in {top1:.1%} "
        f"(bar {bar.min_top1:.0%}), {mean_kl:.4f} nats a token apart (bar {bar.max_kl})"
    )
    certificate = Certificate(
        passed=close and not different and same_template,
        token_ids_equal=not different,
        top1_agreement=top1,
        mean_kl=max(0.0, mean_kl),
    )
    return certificate, notes


def _server_ids(gguf: Gguf, tokenizer: Any, text: Text) -> list[int]:
    """The ids llama.cpp's server would work with: a BOS that both the template and the vocabulary add is taken once."""
    bos = str(getattr(tokenizer, "bos_token", None) or "")
    return gguf.tokens(text.text.removeprefix(bos) if text.rendered and gguf.adds_bos else text.text)
