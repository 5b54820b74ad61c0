"""The reader of quantised files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read, doubt
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.text import Text
from tunebook.pipeline.spec import QUANTS

_QUANT_LIKE = re.compile(r"I?Q[2-8](?:_[A-Z0-9]{1,2}){0,3}|F32|FP16", re.IGNORECASE)


def gguf(text: Text) -> Iterator[Read]:
    """Quantised files. "GGUF" alone leaves the quantisation open, which is asked, since a spec cannot say "some GGUF"."""
    spots = [
        at
        for at in range(len(text))
        if text.key(at)
        in (
            "gguf",
            "ggufs",
            "quantise",
            "quantize",
            "quantised",
            "quantized",
            "quantisation",
            "quantization",
            "quant",
            "quants",
        )
        and text.free(at)
    ]
    close = {near for at in spots for near in range(at - 8, at + 9)}
    quants: list[int] = []
    for at in range(len(text)):
        name = text.tokens[at].text.upper()
        if not text.free(at) or not (name in QUANTS or _QUANT_LIKE.fullmatch(name)):
            continue
        if name in ("F16", "BF16", "F32", "FP16") and at not in close:
            continue  # a number type in training, unless a file is spoken of
        quants.append(at)
        no = negated(text, at)
        if name not in QUANTS:
            near = [quant for quant in QUANTS if quant.startswith(name[:2])] or list(QUANTS)
            yield doubt(text, "gguf", at, at + 1, f"is no quantisation here: {', '.join(near)}?")
        elif no is None:
            first, end = at, at + 1
            first -= text.key(at - 1) == "gguf" and text.free(at - 1)
            end += text.key(end) == "gguf" and text.free(end)
            yield Read(Claim("gguf", [name], *text.span(first, end)), first, end)
        else:
            yield Read(Claim("gguf", None, *text.span(no, at + 1), nothing=True), no, at + 1)
    for at in spots:
        if not text.free(at):
            continue
        no = negated(text, at)
        key = text.key(at)
        if no is not None:
            yield Read(Claim("gguf", None, *text.span(no, at + 1), nothing=True), no, at + 1)
            if not key.startswith("gguf"):  # a quantised base is ruled out as well
                yield Read(Claim("tuning", None, *text.span(no, at + 1), excluded=("qlora",)), no, at + 1)
        elif key.startswith("gguf") and not quants:
            yield from _plain_gguf(text, at)
        elif (
            not quants
            and key in ("quantise", "quantize")
            and not any(text.key(other).startswith("gguf") for other in spots)
        ):
            yield doubt(text, "gguf", at, at + 1, "leaves the quantisation open: which one, such as Q4_K_M?", weak=True)
        else:
            yield Read(None, at, at + 1)


def _plain_gguf(text: Text, at: int) -> Iterator[Read]:
    bits = {"8bit": ["Q8_0"], "6bit": ["Q6_K"]}
    for start, width in ((at - 2, 2), (at - 1, 1), (at + 1, 1), (at + 1, 2)):
        joined = "".join(text.keys[max(start, 0) : start + width]).replace("-", "")
        if joined in bits and text.free(start):
            first, end = min(start, at), max(start + width, at + 1)
            yield Read(Claim("gguf", bits[joined], *text.span(first, end)), first, end)
            return
        if joined in ("4bit", "5bit", "3bit", "2bit", "16bit") and text.free(start):
            first, end = min(start, at), max(start + width, at + 1)
            near = [quant for quant in QUANTS if joined[:-3] in quant]
            yield doubt(text, "gguf", first, end, f"may be {', '.join(near)}: which one?")
            return
    yield doubt(text, "gguf", at, at + 1, "leaves the quantisation open: which one, such as Q4_K_M?")
