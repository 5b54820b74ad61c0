"""What readers hand in, and how many claims about one field become a value or a question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.instruction.text import Text
from tunebook.pipeline.spec import make_spec

#: Fields whose values are few enough that ruling some out can leave one.
_CHOICES: dict[str, tuple[Any, ...]] = {
    "method": ("sft", "dpo", "grpo", "kto", "reward"),
    "tuning": ("full", "lora", "qlora"),
    "private": (True, False),
    "packing": (True, False),
}
_EXAMPLES = {
    "model": "no model was named: name one on the Hub, such as Qwen/Qwen3-0.6B, or a local checkpoint folder",
    "dataset": "no data set was named: name one on the Hub, such as tatsu-lab/alpaca, or a local file such as data/chats.jsonl",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about one field, made by the words source[start:end].

    A claim with a `problem` says what is unclear or impossible; it has no value. `excluded` values are ruled out ("not DPO").
    `nothing` says that the thing is not wanted ("do not push"). `weak` problems give way to any value found elsewhere.
    """

    field: str
    value: Any
    start: int
    end: int
    problem: str = ""
    excluded: tuple[Any, ...] = ()
    nothing: bool = False
    weak: bool = False

    def text(self, source: str) -> str:
        return source[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Read:
    """The tokens [first, end) that a reader understood, which no later reader sees, and the claim they make.

    Words that are understood but are no field ("log every 10 steps") are set `aside`, to be shown among what is ignored.
    """

    claim: Claim | None
    first: int
    end: int
    aside: bool = False


def reads(text: Text, field: str, value: Any, first: int, end: int) -> Read:
    """The tokens [first, end) give a field its value."""
    return Read(Claim(field, value, *text.span(first, end)), first, end)


def doubt(text: Text, field: str, first: int, end: int, why: str, weak: bool = False) -> Read:
    """The tokens [first, end) speak of a field, but leave it open."""
    start, stop = text.span(first, end)
    return Read(
        Claim(field, None, start, stop, problem=f"{quoted(text.source[start:stop])} {why}", weak=weak), first, end
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of one field: the claim that gives its value, or the question that stays. Neither: not said."""

    claim: Claim | None = None
    question: str = ""


def checked(claim: Claim) -> Claim:
    """The claim with its value as a Spec holds it, or, where a Spec refuses it, with that reason as its problem."""
    if claim.problem or claim.excluded or claim.nothing:
        return claim
    try:
        return replace(claim, value=make_spec(**{claim.field: claim.value}).said()[claim.field])
    except CallError as refusal:
        return replace(claim, value=None, problem=str(refusal).rstrip("."))


def typed_values(claims: Iterable[Claim], source: str) -> dict[str, Claim]:
    """One claim a field from the `key: value` lines. Raises CallError where two lines disagree."""
    typed: dict[str, Claim] = {}
    for claim in claims:
        first = typed.setdefault(claim.field, claim)
        if not _same(first, claim):
            both = f"is given twice, as `{_short(first.text(source))}` and `{_short(claim.text(source))}`"
            raise CallError(claim.field, both, "keep one of the lines")
    return typed


def settle(field: str, said: list[Claim], typed: Claim | None, source: str) -> Outcome:
    """Decide one field.

    A `key: value` line is the precise way to say something, so it answers whatever the prose leaves open: a problem, or
    several values. Prose that plainly says one other value contradicts the line, and a contradiction is asked about.
    """
    ruled_out = [value for claim in said for value in claim.excluded]
    values = _distinct([claim for claim in said if not claim.problem and not claim.excluded])
    problems = [claim for claim in said if claim.problem and not (claim.weak and (values or typed))]
    if typed is not None:
        if len(values) == 1 and not problems and not _same(values[0], typed):
            return Outcome(question=_contradiction([values[0], typed], source))
        if typed.value in ruled_out:
            refusal = next(claim for claim in said if typed.value in claim.excluded)
            return Outcome(question=_contradiction([refusal, typed], source))
        return Outcome(claim=typed)
    if problems:
        return Outcome(question=problems[0].problem)
    if len(values) > 1:
        return Outcome(question=_contradiction(values, source))
    if values:
        if values[0].value in ruled_out:
            refusal = next(claim for claim in said if values[0].value in claim.excluded)
            return Outcome(question=_contradiction([values[0], refusal], source))
        return Outcome(claim=values[0])
    if ruled_out:
        return _remainder(field, [claim for claim in said if claim.excluded], ruled_out, source)
    return Outcome(question=_EXAMPLES.get(field, ""))


def _remainder(field: str, refusals: list[Claim], ruled_out: list[Any], source: str) -> Outcome:
    left = [choice for choice in _CHOICES.get(field, ()) if choice not in ruled_out]
    if len(left) == 1:
        return Outcome(claim=replace(refusals[0], value=left[0], excluded=()))
    said = quoted(refusals[0].text(source))
    choices = f": {' or '.join(map(str, left))}?" if left else ": say what it should be"
    return Outcome(question=f"{said} says what it must not be{choices}")


def _same(one: Claim, other: Claim) -> bool:
    if one.nothing or other.nothing:
        return one.nothing and other.nothing
    if one.field in ("model", "dataset", "push_to") and isinstance(one.value, str) and isinstance(other.value, str):
        return one.value.casefold() == other.value.casefold()
    if isinstance(one.value, list) and isinstance(other.value, list):
        return set(one.value) == set(other.value)
    return bool(one.value == other.value)


def _distinct(claims: list[Claim]) -> list[Claim]:
    if claims and claims[0].field == "gguf" and not any(claim.nothing for claim in claims):
        files = [quant for claim in claims for quant in claim.value]  # "Q4_K_M and Q8_0" asks for both
        last = max(claim.end for claim in claims)
        return [replace(claims[0], value=list(dict.fromkeys(files)), end=last)]
    kept: list[Claim] = []
    for claim in claims:
        if not any(_same(claim, one) for one in kept):
            kept.append(claim)
            if len(kept) > 4:  # a question names a few; the rest would only be noise
                break
    return kept


def _contradiction(claims: list[Claim], source: str) -> str:
    said = [quoted(claim.text(source)) for claim in claims]
    return f"{', '.join(said[:-1])} and {said[-1]} cannot both hold: which one?"


def quoted(text: str) -> str:
    """Words of the user as a question shows them, cut where they are long."""
    return f'"{_short(text)}"'


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}..."
