"""Readers of words that choose: method, tuning, packing and privacy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tunebook.pipeline.instruction.claims import Claim, Read, doubt
from tunebook.pipeline.instruction.negation import negated, switched_off
from tunebook.pipeline.instruction.text import Phrases, Text, table, words

METHODS = table(
    {
        "sft": "sft,supervised fine-tuning,supervised fine-tune,supervised finetuning,instruction tuning,instruction-tune",
        "dpo": "dpo,direct preference optimization,direct preference optimisation,preference tuning,preference training,"
        "preference optimization,preference optimisation,preference-tune,preference learning",
        "grpo": "grpo,group relative policy optimization,group relative policy optimisation",
        "kto": "kto,kahneman-tversky optimization",
        "reward": "reward model,reward modelling,reward modeling,reward model training,reward models",
    }
)
_OTHER_METHODS = table(
    {"": "ppo,orpo,rloo,rlhf,cpo,simpo,ipo,gkd,rlaif,rlvr,rl,reinforcement learning,reinforce,distillation"}
)
_FOUR_BITS = table({"": "4bit,4bits,nf4"})
TUNINGS = table(
    {
        "lora": "lora,loras,lora adapter,lora adapters,low-rank adaptation,low rank adapters,low rank adapter",
        "qlora": "qlora,4-bit lora,4 bit lora,four bit lora,4-bit qlora,lora in 4-bit,lora in 4 bit,lora in 4 bits,lora in four bits,"
        "quantized lora,quantised lora,lora 4-bit,lora 4bit,lora with 4-bit,lora at 4-bit",
        "full": "full fine-tune,full fine-tuning,fully fine-tune,full tuning,full tune,full training,every weight,all weights,"
        "all the weights,all of the weights,every parameter,all parameters,all the parameters,full parameter,full-param,"
        "full weights,full-weight,full fine-tuned,fully fine-tuned,fully tune,full parameters,full model fine-tune,fft",
    }
)
_TUNING_DOUBTS = table(
    {
        "qlora, or a quantised file at the end": "4-bit,4 bit,four bit,in 4-bit,8-bit lora,lora in 8-bit,8-bit,8 bit,int8,int4,nf4",
        "lora or qlora": "peft,adapter,adapters,dora,prefix tuning,prompt tuning",
    }
)
_PERHAPS_PRIVATE = {
    True: words("private,privately,hidden,secret"),
    False: words("public,publicly"),
}


def _pick(text: Text, field: str, entries: Phrases[Any]) -> Iterator[Read]:
    """Every phrase of a table as a claim; a denied one is ruled out instead."""
    for at in range(len(text)):
        if text.free(at) and (found := text.phrase(at, entries, longest=5)):
            yield choice(text, field, found[0], at, found[1])


def choice(text: Text, field: str, value: Any, first: int, end: int) -> Read:
    no = negated(text, first)
    if no is None:
        return Read(Claim(field, value, *text.span(first, end)), first, end)
    return Read(Claim(field, None, *text.span(no, end), excluded=(value,)), no, end)


def method(text: Text) -> Iterator[Read]:
    yield from _pick(text, "method", METHODS)
    for at in range(len(text)):
        if text.free(at) and (found := text.phrase(at, _OTHER_METHODS, 2)) and negated(text, at) is None:
            yield doubt(text, "method", at, found[1], "is no method here: sft, dpo, grpo, kto or reward?", weak=True)


def tuning(text: Text) -> Iterator[Read]:
    for at in range(len(text)):
        if not text.free(at):
            continue
        if text.key(at) == "full" and text.key(at + 1) in METHODS and text.free(at + 1):
            yield choice(text, "tuning", "full", at, at + 1)
        elif found := text.phrase(at, TUNINGS, longest=5):
            value, end = found
            rest = text.skip(end, (",", "(", "in", "with"), 2)
            if value == "lora" and (bits := text.phrase(rest, _FOUR_BITS, 2)):
                value, end = "qlora", bits[1]
                end += text.key(end) == ")" and text.key(rest - 1) == "("
            yield choice(text, "tuning", value, at, end)
        elif found_doubt := text.phrase(at, _TUNING_DOUBTS):
            if "gguf" in (text.key(found_doubt[1]), text.key(at - 1)) or negated(text, at) is not None:
                continue
            yield doubt(
                text, "tuning", at, found_doubt[1], f"may mean {found_doubt[0]}: full, lora or qlora?", weak=True
            )


def packing(text: Text) -> Iterator[Read]:
    for at in range(len(text)):
        if text.free(at) and text.key(at) in ("packing", "pack", "packed", "unpacked"):
            no, off = negated(text, at), switched_off(text, at + 1)
            first, end = at if no is None else no, off or at + 1
            yes = no is None and off is None and text.key(at) != "unpacked"
            yield Read(Claim("packing", yes, *text.span(first, end)), first, end)


def privacy(text: Text) -> Iterator[Read]:
    """Whether what is pushed is private; "our private data" says nothing about that."""
    for at in range(len(text)):
        for private, listed in _PERHAPS_PRIVATE.items():
            if (
                not text.free(at)
                or text.key(at) not in listed
                or text.key(at + 1) in ("data", "dataset", "tickets", "chats")
            ):
                continue
            no = negated(text, at)
            first = at if no is None else no
            end = at + 1
            yield Read(Claim("private", private if no is None else not private, *text.span(first, end)), first, end)
