"""Readers of how often to evaluate and save, and of the share of rows kept from training."""

from __future__ import annotations

from collections.abc import Iterator

from tunebook.pipeline.instruction.amounts import Amount, duration, number, share
from tunebook.pipeline.instruction.claims import Read, doubt, reads
from tunebook.pipeline.instruction.settings import EVALUATING, LINKS, UNITS
from tunebook.pipeline.instruction.text import Phrases, Text, words

_SAVE = words("save,saving,saved,checkpoint,checkpoints,checkpointing,snapshot,saves,snapshots")
_LOG = words("log,logs,logging,print,report")


def intervals(text: Text) -> Iterator[Read]:
    """ "evaluate every 100 steps", "save every 50", "every 100 steps evaluate and save"."""
    for at in range(len(text)):
        if text.key(at) not in ("every", "each") or not text.free(at):
            continue
        if time := duration(text, at + 1):
            yield doubt(text, "eval_steps", at, time.end, "is a time: every how many steps?")
            continue
        if text.key(at + 1) in ("epoch", "epochs", "half"):
            fields = _verbs(text, at, at + 2) or ("eval_steps",)
            for field in fields:
                yield doubt(text, field, at, at + 2, "is not a number of steps: every how many steps?")
            continue
        amount = number(text, at + 1)
        if amount is None:
            continue
        found = text.phrase(amount.end, UNITS)
        end = found[1] if found and found[0] == "max_steps" else amount.end
        if found and found[0] in ("epochs", "rows"):
            yield doubt(text, "eval_steps", at, found[1], "is not a number of steps: every how many steps?")
            continue
        named = _verbs(text, at, end)
        if named is None:
            yield doubt(text, "eval_steps", at, end, "may be for evaluating or for saving: which?")
        elif not named:
            yield Read(None, at, end, aside=True)  # how often to log is no field
        for field in named or ():
            yield reads(text, field, amount.exact, at, end)


_KINDS = {**dict.fromkeys(EVALUATING, "eval_steps"), **dict.fromkeys(_SAVE, "save_steps"), **dict.fromkeys(_LOG, "")}


def _verbs(text: Text, at: int, end: int) -> tuple[str, ...] | None:
    """The fields that the verbs near "every" mean: the nearest before it, and those joined to that one by "and"."""
    found: list[str] = []
    for back in text.before(at):
        key = text.key(back)
        if key in _KINDS and (not found or text.key(back + 1) in ("and", "&", "/")):
            found.append(_KINDS[key])
        elif (
            (found and key not in ("and", "&", "/"))
            or key in ("steps", "step", "every")
            or (not found and key == "," and text.key(back - 1) in ("steps", "step"))
        ):
            break
    if not found:
        for after in range(text.skip(end, (",",), 1), end + 4):
            if text.key(after) in _KINDS:
                found.append(_KINDS[text.key(after)])
            elif text.key(after) not in ("and", "&"):
                break
    if not found:
        return None
    return tuple(dict.fromkeys(field for field in reversed(found) if field))


_HOLD = words(
    "hold out,hold back,holdout,held out,held back,keep,reserve,set aside,leave out,validation,validation split,validation set,"
    "eval share,evaluation share,test size,eval split,test split,test set,evaluation,eval,testing,validation share,for validation"
)
_HOLD_PHRASES = Phrases(dict.fromkeys(_HOLD, ""))
_SPLIT = {"90/10": 0.1, "80/20": 0.2, "95/5": 0.05, "70/30": 0.3, "99/1": 0.01, "85/15": 0.15, "75/25": 0.25}


def held_out(text: Text) -> Iterator[Read]:
    """The share of rows that is kept from training: "hold out 10%", "5% for validation", "90/10 split"."""
    for at in range(len(text)):
        if not text.free(at):
            continue
        if text.tokens[at].text in _SPLIT:
            end = text.skip(at + 1, ("train", "test", "validation", "split"), 3)
            yield reads(text, "eval_share", _SPLIT[text.tokens[at].text], at, end)
        elif part := share(text, at):
            yield from _share(text, at, part)
        elif (found := text.phrase(at, _HOLD_PHRASES)) and (amount := number(text, text.skip(found[1], LINKS, 3))):
            if 0 <= amount.value < 1 and "".join(text.keys[at : found[1]]) != "keep":
                yield reads(text, "eval_share", amount.exact, at, amount.end)
            elif (unit := text.phrase(amount.end, UNITS)) and unit[0] == "rows":
                yield doubt(text, "eval_share", at, unit[1], "is a number of rows: which share of them, such as 10%?")


def _share(text: Text, at: int, part: Amount) -> Iterator[Read]:
    value = round(part.value, 12)
    first, end = at, part.end
    for back in range(at - 1, max(at - 5, -1), -1):
        if not text.free(back) or text.tokens[back].text in (",", "(", "and"):
            break
        if text.phrase(back, _HOLD_PHRASES):
            first = back
    if text.key(at - 1) == "hold" and text.key(end) in ("out", "back"):
        first, end = at - 1, end + 1
    after = text.skip(end, words("of,the,rows,data,examples,it,is,as,a,an,for,dataset,set,samples,to,be,in"), 6)
    if found := text.phrase(after, _HOLD_PHRASES):
        end = found[1]
    if first != at or end != part.end:
        yield reads(text, "eval_share", value, first, end)
    elif any(
        text.key(index) in UNITS and UNITS[text.key(index)] == "rows" for index in range(end, end + 3)
    ) or text.key(text.skip(end, ("of", "the"), 2)) in ("data", "dataset"):
        last = text.skip(end, ("of", "the"), 2) + 1
        yield doubt(text, "rows", at, min(last, len(text)), "is a share of the rows: how many rows?")
