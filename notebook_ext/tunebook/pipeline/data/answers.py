"""What is to be answered in each row, and whether a program could check it by comparing."""

from __future__ import annotations

from typing import Any, Literal

from tunebook.pipeline.data.layout import Layouts, cell
from tunebook.pipeline.data.mapping import ROLES

SHORT_ANSWER = 40  # characters; 99 of 100 answers must be at most this long for exact match to make sense
Row = dict[str, Any]


def answers_of(train: list[Row], layouts: Layouts) -> list[str]:
    """The text that is to be learned as an answer in each row that has one."""
    result: list[str] = []
    for row, layout in zip(train, layouts.of_row, strict=True):
        if layout is None:
            continue
        parts = layout.columns
        value: Any = None
        for part in ("completion", "output", "answer", "chosen", "turns"):
            if part in parts:
                value = row.get(parts[part])
                break
        if isinstance(value, list):
            said = [
                turn for turn in value if isinstance(turn, dict) and (turn.get("role") or turn.get("from")) != "user"
            ]
            value = (said[-1].get("content") or said[-1].get("value")) if said else None
        if value is not None and cell(value) in ("string", "number", "boolean"):
            result.append(str(value))
    return result


def answers_a_row(train: list[Row], layouts: Layouts) -> list[int]:
    """How many turns of each conversation are answers; nothing for rows that are no conversation."""
    counts: list[int] = []
    for row, layout in zip(train, layouts.of_row, strict=True):
        if layout is not None and "turns" in layout.columns:
            turns = [turn for turn in row[layout.columns["turns"]] if isinstance(turn, dict)]
            roles = [str(turn.get("role") or turn.get("from")) for turn in turns]
            counts.append(sum(ROLES.get(role, role) == "assistant" for role in roles))
    return counts


def kind_of_answers(answers: list[str]) -> Literal["short", "long", "none"]:
    """ "short" if nearly all could be compared word for word, "long" if not, "none" if there are none."""
    if not answers:
        return "none"
    lengths = sorted(len(answer.strip()) for answer in answers)
    short = lengths[min(len(lengths) - 1, int(0.99 * len(lengths)))] <= SHORT_ANSWER
    return "short" if short and not any("\n" in answer.strip() for answer in answers) else "long"
