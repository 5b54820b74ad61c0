"""What a row says: the text it asks and the text it answers, and both as words that can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from tunebook.pipeline.data.layout import Layout
from tunebook.pipeline.data.mapping import ROLES

#: Parts of a row that ask, as against those that answer.
ASKED = ("prompt", "question", "instruction", "input", "context", "text")
#: Punctuation is no word, but 4 - 1 is not 4 + 1: a sign before a number is one.
WORD = re.compile(r"\w+|[-+*/^<>=×÷−](?=\s*[-+−(]*\d)")


def asked(row: dict[str, Any], layout: Layout | None) -> str:
    """What a row asks: everything before its last answer; of plain text everything."""
    return " ".join(_pieces(row, layout, asks=True))


def answered(row: dict[str, Any], layout: Layout | None) -> str:
    """What a row answers: the last turn of a conversation, the parts that are no prompt. Empty for plain text."""
    return " ".join(_pieces(row, layout, asks=False))


def whole(row: dict[str, Any], layout: Layout | None) -> str:
    """All that a row says, in the order of its parts."""
    return " ".join(text for part, column in (layout.parts if layout else ()) for text in texts(row.get(column)))


def apart(row: dict[str, Any], layout: Layout | None) -> list[str]:
    """All that a row says, each text by itself."""
    return [text for _, column in (layout.parts if layout else ()) for text in texts(row.get(column))]


def everything(row: dict[str, Any]) -> str:
    """All text in all columns of a row, also those that no part of its format names."""
    return "\n".join(text for value in row.values() for text in strings(value))


def normalised(text: str) -> str:
    """Lower case, one Unicode form, one blank between words: letters, digits, and the signs between numbers."""
    return " ".join(words(text))


def words(text: str) -> list[str]:
    """Letters and digits in lower case and one Unicode form, word by word, and the signs between numbers."""
    return WORD.findall((text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold())


def texts(value: Any) -> Iterator[str]:
    """What is said in a cell: a text, the contents of turns, or a value written out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        content = value.get("content") if value.get("content") is not None else value.get("value")
        yield from texts(content)
    elif value is not None:
        yield str(value)


def strings(value: Any) -> Iterator[str]:
    """Every text inside a cell, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def role_of(turn: Any) -> str:
    """Who speaks, in the words of chat templates; empty for what is no turn."""
    if not isinstance(turn, dict):
        return ""
    role = turn.get("role") or turn.get("from") or ""
    return ROLES.get(role, role)


def _pieces(row: dict[str, Any], layout: Layout | None, *, asks: bool) -> Iterator[str]:
    for part, column in layout.parts if layout else ():
        value = row.get(column)
        if part == "turns" and isinstance(value, list):
            last = _last_answer(value)
            yield from texts(value[:last] if asks else value[last:])
        elif (part in ASKED) is asks:
            yield from texts(value)


def _last_answer(turns: list[Any]) -> int:
    answers = (at for at, turn in enumerate(turns) if isinstance(turn, dict) and role_of(turn) != "user")
    return max(answers, default=len(turns))
