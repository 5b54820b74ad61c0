"""The few rows of a run in miniature: short ones, and each with another prompt."""

from __future__ import annotations

import json
from typing import Any

LOOKED_AT = 256
TEXTS = ("prompt", "completion", "messages", "chosen", "rejected", "text")


def some_rows(rows: Any) -> Any:
    """Rows from all over a data set: one that is sorted by label would else show one label only."""
    if len(rows) <= LOOKED_AT:
        return rows
    return rows.select(range(0, len(rows), -(-len(rows) // LOOKED_AT)))


def few_rows(rows: Any, count: int, characters: int) -> tuple[Any, int]:
    """The shortest rows of some, no two alike and of both labels where there are labels; and how many texts were cut."""
    some = list(some_rows(rows))
    order = sorted(range(len(some)), key=lambda place: (len(_said(some[place])), place))
    chosen: list[int] = []
    taken: set[str] = set()
    labels = {row.get("label") for row in some if isinstance(row.get("label"), bool)}
    room = {label: count // len(labels) for label in labels}
    for place in order:
        row = some[place]
        about = json.dumps(row.get("prompt", row.get("messages", row)), default=str)[: 4 * characters]
        label = row.get("label")
        if about in taken or (label in room and room[label] == 0) or not usable(row):
            continue
        taken.add(about)
        chosen.append(place)
        if label in room:
            room[label] -= 1
        if len(chosen) == count:
            break
    cut = [0]
    made = [{name: _cut(value, characters, cut) if name in TEXTS else value for name, value in some[place].items()}
            for place in chosen]  # fmt: skip
    if not made:
        return rows, 0
    from datasets import Dataset

    return (Dataset.from_list(made, features=rows.features) if cut[0] else _picked(rows, chosen)), cut[0]


def usable(row: dict[str, Any]) -> bool:
    """Whether it can teach anything: a pair of two equal answers cannot, nor can an empty answer."""
    if "chosen" in row and row["chosen"] == row.get("rejected"):
        return False
    return all(row[name] not in ("", [], None) for name in ("completion", "messages", "text", "chosen") if name in row)


def users(row: dict[str, Any]) -> list[str]:
    """What the row's user says: the texts that must not be trained."""
    turns = row.get("messages") or row.get("prompt") or []
    if isinstance(turns, str):
        return [turns]
    return [one["content"] for one in turns if one.get("role") == "user" and isinstance(one.get("content"), str)]


def _picked(rows: Any, places: list[int]) -> Any:
    step = 1 if len(rows) <= LOOKED_AT else -(-len(rows) // LOOKED_AT)
    return rows.select([place * step for place in places])


def _said(row: dict[str, Any]) -> str:
    return json.dumps([row[name] for name in TEXTS if name in row], default=str)


def _cut(value: Any, characters: int, cut: list[int]) -> Any:
    if isinstance(value, list):
        return [{**turn, "content": _cut(turn["content"], characters, cut)}
                if isinstance(turn, dict) and isinstance(turn.get("content"), str) else turn for turn in value]  # fmt: skip
    if isinstance(value, str) and len(value) > characters:
        cut[0] += 1
        return value[:characters]
    return value
