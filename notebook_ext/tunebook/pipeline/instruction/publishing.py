"""The reader of where the result goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read
from tunebook.pipeline.instruction.names import HUB, NOT_NAMES, whole_name
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.text import Text, words

_PUSH = words("push,pushing,pushed,publish,publishing,published,upload,uploading,uploaded,release,deploy,pushes")


def push(text: Text) -> Iterator[Read]:
    """Where the result goes: the name after "push ... to", "publish ... as"; "do not push" wants nothing pushed."""
    for at in range(len(text)):
        if not text.free(at) or text.key(at) not in _PUSH:
            continue
        no = negated(text, at)
        target, end = _target(text, at)
        if no is not None:
            last = end if target else at + 1
            yield Read(Claim("push_to", None, *text.span(no, last), nothing=True), no, last)
        elif target:
            yield Read(Claim("push_to", target, *text.span(at, end)), at, end)
        else:
            after = text.skip(
                at + 1,
                words(
                    "it,the,model,result,results,everything,adapter,weights,them,to,on,hub,hugging,face,huggingface,hf,my,account,a,gguf,final,that,this"
                ),
                9,
            )
            if after > at + 1 or text.breaks(after) or text.key(after) in (",", "and", "then"):
                shown = text.source[text.tokens[at].start : text.tokens[after - 1].end]
                why = f'"{shown}" names no place: push to which OWNER/NAME?'
                yield Read(Claim("push_to", None, *text.span(at, after), problem=why), at, after)


def _target(text: Text, at: int) -> tuple[str, int]:
    """The repository that a push verb speaks of, with the index after it."""
    direct = True
    for here in range(at + 1, min(at + 12, len(text))):
        token = text.tokens[here]
        if text.breaks(here):
            break
        if not text.free(here):
            continue  # "publicly" has been read already
        joined = text.key(here - 1) in ("to", "as", "at", "under", "into", ":", "repo", "on")
        if token.kind == "url" and (hub := HUB.fullmatch(token.text)) and not hub["kind"]:
            return hub["repo"], here + 1
        if (joined or direct) and token.kind == "word":
            whole, end = whole_name(text, here)
            if "/" in whole and token.text.casefold() not in NOT_NAMES and not whole.startswith((".", "/", "~")):
                return whole.removeprefix("datasets/"), end
            if (
                joined
                and text.key(here - 1) in ("to", "as", "under")
                and re.fullmatch(r"[\w.-]+", token.text, re.ASCII)
            ):
                if text.key(here) not in (
                    "the",
                    "hub",
                    "my",
                    "our",
                    "a",
                    "hugging",
                    "hf",
                    "huggingface",
                    "public",
                    "private",
                    "gguf",
                    "it",
                    "this",
                    "repo",
                ):
                    return token.text, here + 1
        direct = direct and text.key(here) in (
            "it",
            "the",
            "model",
            "result",
            "everything",
            "to",
            "final",
            "as",
            "merged",
        )
    return "", at
