"""Turns that teach something else than was meant: K14."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tunebook.pipeline.data.checks import Examined, Verdict, check
from tunebook.pipeline.data.layout import Layout
from tunebook.pipeline.data.mapping import ROLES
from tunebook.pipeline.data.report import Finding, Severity
from tunebook.pipeline.data.template import has_template

KNOWN = {"system", "developer", "user", "assistant", "tool", "function", "observation", "ipython"}

#: What can be wrong: severity, message, remedy.
PROBLEMS: dict[str, tuple[Severity, str, str]] = {
    "nothing": ("error", "{n} {hold|holds} nothing at all", "take {them|it} out"),
    "no answer": (
        "error",
        "{n} {have|has} an empty answer, so nothing but the end token is learned",
        "fill or remove {them|it}",
    ),
    "no assistant": (
        "error",
        "{n} {are conversations|is a conversation} without an answer",
        "take {them|it} out, or add the answer",
    ),
    "no prompt": ("warning", "{n} {have|has} an empty prompt", "fill or remove {them|it}"),
    "empty turn": ("warning", "{n} {have|has} an empty turn within the conversation", "fill or remove the turn"),
    "ends on user": ("warning", "{n} {end|ends} on the user, whose last words no answer follows", "cut the last turn"),
    "order": (
        "warning",
        "{n} {have|has} the same speaker twice in a row, or a system turn in the middle",
        "join such turns",
    ),
    "asked by nobody": (
        "info",
        "{n} {begin|begins} with an answer that no question stands before",
        "cut the first turn, unless the model is to speak first",
    ),
    "role": ("error", "{n} {have|has} a role that chat templates do not know", "use system, user, assistant and tool"),
}

#: What leaves nothing to learn; a mapping refuses some of these rows, and K14 tells of them all the same.
NOTHING_LEARNED = {"nothing", "no answer", "no assistant"}

#: What is mended within the row, and no reason to do without it.
MENDED_OTHERWISE = ("empty turn", "ends on user", "order", "asked by nobody")


@check("K14")
def turns_are_whole_and_in_order(examined: Examined) -> Verdict:
    """Empty or missing turns, roles out of order, a conversation that ends on the user."""
    found: dict[str, list[int]] = {}
    for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True)):
        for problem in dict.fromkeys(problems_of(row, layout)):
            found.setdefault(problem, []).append(place)
    findings = [
        examined.finding("K14", severity, found[problem], message, remedy, leave_out=problem not in MENDED_OTHERWISE)
        for problem, (severity, message, remedy) in PROBLEMS.items()
        if problem in found
    ]
    findings += _refused(examined)
    if findings:
        return Verdict(f"{len(examined.rows):,} rows looked at", findings)
    return Verdict(f"no empty turn and none out of order in {len(examined.rows):,} rows")


def _refused(examined: Examined) -> list[Finding]:
    """Rows that the model's chat template cannot render: training would end at the first of them."""
    failed = examined.summary.failed if examined.summary else {}
    if not failed or not has_template(examined.tokenizer):
        return []  # without a template it is the model that no row fits, and the methods say so
    message = "{n} {are|is} refused by the model's chat template, so no training could start"
    remedy = "give {them|it} the turns that the template expects, or take {them|it} out"
    return [
        examined.finding("K14", "error", list(failed), message, remedy, next(iter(failed.values())), leave_out=True)
    ]


def problems_of(row: dict[str, Any], layout: Layout | None) -> Iterator[str]:
    """The keys of PROBLEMS that hold for a row."""
    if layout is None:
        if all(value in (None, "", []) for value in row.values()):
            yield "nothing"
        return
    for part, column in layout.parts:
        value = row.get(column)
        if part in ("turns", "chosen", "rejected") and isinstance(value, list):
            yield from _conversation(value, answered=part == "turns" or "prompt" not in layout.columns)
        elif part == "prompt" and isinstance(value, list):
            yield from _turns(value)
        elif part == "completion" and isinstance(value, list):
            if not any(_said(turn) for turn in value):
                yield "no answer"
            yield from _roles(value)
        elif part in ("completion", "answer", "output", "chosen", "rejected", "text") and isinstance(value, str):
            if not value.strip():
                yield "no answer"
        elif part in ("prompt", "question", "instruction") and isinstance(value, str) and not value.strip():
            yield "no prompt"


def _conversation(turns: list[Any], *, answered: bool) -> Iterator[str]:
    yield from _turns(turns)
    roles = [_role(turn) for turn in turns]
    if answered and "assistant" not in roles:
        yield "no assistant"
    elif roles and roles[-1] == "user":
        yield "ends on user"
    if answered and next((role for role in roles if role not in ("system", "developer")), "") == "assistant":
        yield "asked by nobody"
    if roles and roles[-1] == "assistant" and not _said(turns[-1]):
        yield "no answer"


def _turns(turns: list[Any]) -> Iterator[str]:
    yield from _roles(turns)
    if any(not _said(turn) for turn in turns[:-1]) or (turns and _role(turns[-1]) == "user" and not _said(turns[-1])):
        yield "empty turn"
    roles = [_role(turn) for turn in turns]
    twice = any(left == right and left in ("user", "assistant") for left, right in pairwise(roles))
    if twice or "system" in roles[1:]:
        yield "order"


def _roles(turns: list[Any]) -> Iterator[str]:
    if any(_role(turn) not in KNOWN for turn in turns):
        yield "role"


def _role(turn: Any) -> str:
    if not isinstance(turn, dict):
        return ""
    role = turn.get("role") or turn.get("from") or ""
    return ROLES.get(role, role)


def _said(turn: Any) -> bool:
    if not isinstance(turn, dict):
        return False
    content = turn.get("content") if turn.get("content") is not None else turn.get("value")
    return bool(content.strip() if isinstance(content, str) else content) or bool(turn.get("tool_calls"))
