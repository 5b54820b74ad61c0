"""From an instruction in plain words to a spec, by rule: what was said and where, what must be asked, what was ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.instruction import (
    choices,
    files,
    intervals,
    judging,
    limits,
    machines,
    parts,
    publishing,
    rest,
    roles,
    settings,
)
from tunebook.pipeline.instruction.claims import Claim, Read, checked, settle, typed_values
from tunebook.pipeline.instruction.lines import split_lines
from tunebook.pipeline.instruction.text import Text
from tunebook.pipeline.instruction.values import claim_of
from tunebook.pipeline.spec import FIELDS, Spec, make_spec


class Span(BaseModel):
    """The words instruction[start:end] that a value was read from."""

    text: str
    start: int
    end: int


class Question(BaseModel):
    """What must be known about a field, or be resolved, before there can be a plan."""

    field: str
    why: str


class Reading(BaseModel):
    """An instruction as understood; `spec` holds only what was said, and each of its fields has a span in `provenance`."""

    model_config = ConfigDict(frozen=True)

    spec: dict[str, Any]
    provenance: dict[str, Span]
    questions: list[Question]
    ignored: list[str]

    def make_spec(self) -> Spec:
        return make_spec(**self.spec)


#: In this order: what reads longer or more telling phrases comes before what would read a part of them.
READERS: tuple[Callable[[Text], Iterable[Read]], ...] = (
    rest.foreign,
    parts.system_prompt,
    files.gguf,
    choices.privacy,
    publishing.push,
    parts.split_and_config,
    intervals.intervals,
    choices.tuning,
    judging.benchmark,
    roles.models_and_datasets,
    limits.spending,
    limits.time_limit,
    intervals.held_out,
    settings.labelled,
    choices.method,
    machines.backend,
)
LAST_READERS: tuple[Callable[[Text], Iterable[Read]], ...] = (choices.packing, rest.goal)


def read(instruction: str) -> Reading:
    """Read an instruction; touches neither disk nor network.

    `key: value` lines are typed: a wrong value, an unknown key, or two lines that disagree raise CallError. In prose, what is
    missing, ambiguous or impossible becomes a question and stays out of the spec. A line answers what the prose leaves
    open; where it contradicts what the prose plainly says, that is asked. Raises CallError for an empty instruction.
    """
    if not instruction.strip():
        raise CallError(
            "instruction",
            "is empty",
            "say what to train on what, such as `Fine-tune Qwen/Qwen3-0.6B on tatsu-lab/alpaca`",
        )
    if any("\ud800" <= char <= "\udfff" for char in instruction):
        raise CallError("instruction", "has half a character in it", "type it again as plain text")
    lines, prose, comments = split_lines(instruction)
    typed = typed_values((claim_of(line) for line in lines), instruction)
    text = Text(prose)
    said = _read_prose(text)
    spec: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    questions: list[Question] = []
    unused: list[tuple[int, int]] = []
    for field in FIELDS:
        outcome = settle(field, said.get(field, []), typed.get(field), instruction)
        if outcome.question:
            questions.append(Question(field=field, why=outcome.question))
        elif outcome.claim and not outcome.claim.nothing:
            claim = outcome.claim
            spec[field] = claim.value
            unused += [(one.start, one.end) for one in said.get(field, []) if _idle(one, claim, instruction)]
            spans[field] = Span(text=instruction[claim.start : claim.end], start=claim.start, end=claim.end)
    if spec.get("tuning") == "full" and "lora_rank" in spec:
        why = f'"{spans.pop("lora_rank").text}" belongs to LoRA, but "{spans["tuning"].text}" trains every weight: which one?'
        del spec["lora_rank"]
        questions.append(Question(field="lora_rank", why=why))
    return Reading(spec=spec, provenance=spans, questions=questions, ignored=rest.ignored(text, unused) + comments)


def _idle(one: Claim, chosen: Claim, instruction: str) -> bool:
    """Whether a doubt about a field was settled by other words, so that its own words came to nothing."""
    return bool(one.problem) and one.text(instruction) not in str(chosen.value)


def _read_prose(text: Text) -> dict[str, list[Claim]]:
    said: dict[str, list[Claim]] = {}

    def collect(reads: Iterable[Read]) -> None:
        for read_one in reads:
            text.take(read_one.first, read_one.end)
            if read_one.aside:
                text.aside.append((read_one.first, read_one.end))
            if read_one.claim:
                said.setdefault(read_one.claim.field, []).append(checked(read_one.claim))

    for reader in READERS:
        collect(reader(text))
    local = any(claim.value == "local" for claim in said.get("backend", []))
    collect(machines.flavor(text, local))
    for reader in LAST_READERS:
        collect(reader(text))
    return said
