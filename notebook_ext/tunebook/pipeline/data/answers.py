"""What is to be answered in each row, and whether a program could check an answer: what makes GRPO possible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Literal

from tunebook.pipeline.data.layout import OPTIONS, TESTS, Layouts, cell
from tunebook.pipeline.data.mapping import WITH_OPTIONS
from tunebook.pipeline.data.said import role_of

SHORT_ANSWER = 40  # characters; 99 of 100 answers must be at most this long for exact match to make sense
NEARLY_ALL = 0.99  # of the rows must have what a program checks them by
Row = dict[str, Any]

#: A number as people write it, with its unit or sign: 1,234.5, -3, 2/3, $12, 40 %.
NUMBER = re.compile(r"[-+−]?\s*[$€£]?\s*\d[\d,. ]*(?:/\d+)?(?:e[-+]?\d+)?\s*%?\.?", re.IGNORECASE)
#: How published solutions mark their final answer: GSM8K, MATH.
FINAL = re.compile(r"####\s*(.+)|\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")


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
            said = [turn for turn in value if role_of(turn) == "assistant"]
            value = (said[-1].get("content") or said[-1].get("value")) if said else None
        if value is not None and cell(value) in ("string", "number", "boolean"):
            result.append(str(value))
    return result


def answers_a_row(train: list[Row], layouts: Layouts) -> list[int]:
    """How many turns of each conversation are answers; nothing for rows that are no conversation."""
    counts: list[int] = []
    for row, layout in zip(train, layouts.of_row, strict=True):
        if layout is not None and "turns" in layout.columns:
            counts.append(sum(role_of(turn) == "assistant" for turn in row[layout.columns["turns"]]))
    return counts


def kind_of_answers(answers: Sequence[str]) -> Literal["short", "long", "none"]:
    """ "short" if nearly all could be compared word for word, "long" if not, "none" if there are none."""
    if not answers:
        return "none"
    lengths = sorted(len(answer.strip()) for answer in answers)
    short = lengths[min(len(lengths) - 1, int(0.99 * len(lengths)))] <= SHORT_ANSWER
    return "short" if short and not any("\n" in answer.strip() for answer in answers) else "long"


def checked_by(train: list[Row], answers: Sequence[str], columns: Sequence[str]) -> str | None:
    """What a program could check an answer by, as the end of a sentence; None if by nothing that is in the rows."""
    names = {name.lower(): name for name in columns}
    for name in (names[word] for word in TESTS if word in names):
        if _nearly_all(bool(row.get(name)) for row in train):
            return f"the column {name} holds tests that an answer can be run against"
    for name in (names[word] for word in OPTIONS if word in names):
        if (
            answers
            and len(answers) == len(train)
            and _nearly_all(map(_among, answers, (row.get(name) for row in train)))
        ):
            return f"each answer is one of its options, in the column {name}"
    if not answers:
        return None
    if _nearly_all(NUMBER.fullmatch(answer.strip()) for answer in answers):
        return "each answer is a number"
    if _nearly_all(FINAL.search(answer) for answer in answers):
        return "each answer marks its result, which can be compared"
    if kind_of_answers(answers) == "short":
        return "the answers are short enough to be compared"
    return None


def _nearly_all(found: Iterable[object]) -> bool:
    kept = [bool(one) for one in found]
    return bool(kept) and sum(kept) >= NEARLY_ALL * len(kept)


def _among(answer: str, options: Any) -> bool:
    """Whether an answer names one of the options: by its letter, its text, or its place."""
    if not isinstance(options, list | dict):
        return False
    try:
        _naming()(answer, options)
    except (ValueError, KeyError, TypeError):
        return False
    return True


@cache
def _naming() -> Callable[[Any, Any], str]:
    names: dict[str, Any] = {}
    exec(WITH_OPTIONS, names)  # the very lines that a script carries, so that both decide alike
    function: Callable[[Any, Any], str] = names["option_named"]
    return function
