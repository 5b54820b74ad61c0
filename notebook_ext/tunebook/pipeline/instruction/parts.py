"""Readers of what belongs to a data set or model: split, configuration, revision, and the system prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read, doubt
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.text import Text, words

PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}")
_SPLIT_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}(?:\[[\w:%+-]{1,40}\])?")
_LINK = words("is,=,:,of,the,a,called,named")
_SPLITS = words("train,test,validation,dev,train_sft,test_sft,train_prefs,test_prefs,train_gen,eval,valid,val")


def split_and_config(text: Text) -> Iterator[Read]:
    for at in range(len(text)):
        if not text.free(at):
            continue
        key = text.key(at)
        named = {
            "config": "dataset_config",
            "configuration": "dataset_config",
            "subset": "dataset_config",
            "split": "split",
        }.get(key)
        if re.fullmatch(r"[a-z_]{2,20}\[[\w:%+-]{1,40}\]", text.tokens[at].text):  # train[:1000]
            end = at + 1 + (text.key(at + 1) == "split")
            yield Read(Claim("split", text.tokens[at].text, *text.span(at, end)), at, end)
        if named is None:
            continue
        after = text.skip(at + 1, _LINK, 3)
        pattern = _SPLIT_NAME if named == "split" else PLAIN
        wants = _SPLITS if named == "split" else None
        before = text.tokens[at - 1] if at else None
        if before and text.free(at - 1) and text.key(at - 1) in (wants or words("main,default,all,socratic")):
            judged = any(
                text.key(back) in ("evaluate", "eval", "test", "score", "benchmark") for back in text.before(at - 1, 4)
            )
            claim = None if judged else Claim(named, before.text, *text.span(at - 1, at + 1))
            yield Read(claim, at - 1, at + 1, aside=claim is None)
        elif text.free(after) and text.tokens[after].kind == "word" and pattern.fullmatch(text.tokens[after].text):
            if (
                after > at + 1
                or (wants and text.key(after) in wants)
                or (named == "dataset_config" and text.key(after) not in _NO_CONFIG)
            ):
                yield Read(Claim(named, text.tokens[after].text, *text.span(at, after + 1)), at, after + 1)


_NO_CONFIG = words("and,for,with,to,on,from,in,or,then,by,it,should,file,at,as,please,not")
_REVISION = words("revision,rev,commit,branch,tag")


def revision_words(text: Text) -> Iterator[tuple[int, int, int]]:
    """Where "revision X" stands: its first token, the token of X, and the end."""
    for at in range(len(text)):
        if text.free(at) and text.key(at) in _REVISION:
            after = text.skip(at + 1, _LINK, 2)
            if text.free(after) and text.tokens[after].kind == "word" and PLAIN.fullmatch(text.tokens[after].text):
                yield at, after, after + 1


def system_prompt(text: Text) -> Iterator[Read]:
    for at in range(len(text)):
        if text.key(at) != "system" or text.key(at + 1) not in ("prompt", "message") or not text.free(at):
            continue
        after = text.skip(at + 2, words("is,:,=,of,as,to,should,be,use,that,says,saying,reads,reading,with,the,set"), 4)
        no = negated(text, at)
        if no is not None:
            yield Read(Claim("system_prompt", None, *text.span(no, at + 2), nothing=True), no, at + 2)
        elif after < len(text) and text.source[text.tokens[after].start - 1 : text.tokens[after].start] in (
            "'",
            '"',
            "`",
            "“",
            "«",
        ):
            yield Read(Claim("system_prompt", text.tokens[after].text, *text.span(at, after + 1)), at, after + 1)
        elif after < len(text) and text.tokens[after].kind == "quoted":
            inner = text.tokens[after].text[1:-1].strip()
            yield Read(Claim("system_prompt", inner, *text.span(at, after + 1)), at, after + 1)
        else:
            why = "is not followed by a quoted text: what should it say? Write it as `system prompt: ...` on a line of its own"
            yield doubt(text, "system_prompt", at, at + 2, why)
