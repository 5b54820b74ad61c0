"""The held-out rows of a run, read from the jsonl that its training script wrote."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from tunebook.pipeline.benchmarks.base import Context, Item
from tunebook.pipeline.errors import CallError

Row = dict[str, Any]


def held_out_rows(context: Context) -> list[tuple[str, Row]]:
    """(id, row) in the file's order; the id is the row's own `id`, else its number from 0.

    A limit takes a random sample, because files are often sorted; the same seed takes the same rows.
    """
    path = context.rows_file
    if path is None:
        raise CallError(
            "rows_file", "is missing", "name a jsonl of held-out rows, or evaluate a run, which has its own"
        )
    rows: list[tuple[str, Row]] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = _row(line, number, path.name)
                    rows.append((str(row.get("id", len(rows))), row))
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "not UTF-8"
        raise CallError("rows_file", f"{path} cannot be read ({reason})", "name a jsonl of held-out rows") from None
    if not rows:
        raise CallError("rows_file", f"{path} has no rows", "hold some rows out, such as `eval_share: 0.1`")
    if len({name for name, _ in rows}) < len(rows):
        rows = [(str(number), row) for number, (_, row) in enumerate(rows)]
    limit = context.limit
    if limit is not None and limit < 1:
        raise CallError("limit", f"is {limit}", "give a whole number of at least 1")
    if limit is None or limit >= len(rows):
        return rows
    return [rows[number] for number in sorted(random.Random(context.seed).sample(range(len(rows)), limit))]


def _row(line: str, number: int, name: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise CallError("rows_file", f"{name} has no JSON object in line {number}", "write one object a line")
    return row


def pair_items(context: Context, benchmark: str) -> list[Item]:
    """One item for each held-out pair: {prompt, chosen, rejected}, or the prompt within both answers."""
    rows = held_out_rows(context)
    check_shape(rows, pair_parts(rows), benchmark)
    return [
        Item(id=name, prompt=row.get("prompt") or "", expected=last_text(row["chosen"]), row=row) for name, row in rows
    ]


def pair_parts(rows: Sequence[tuple[str, Row]]) -> tuple[str, ...]:
    """The columns of a pair: its prompt may stand apart, or within both answers."""
    return ("prompt", "chosen", "rejected") if "prompt" in rows[0][1] else ("chosen", "rejected")


def check_shape(rows: Sequence[tuple[str, Row]], names: Sequence[str], benchmark: str) -> None:
    """Raises CallError unless each row has all of these, as text in every row or as turns in every row."""
    kind = str if isinstance(rows[0][1].get(names[0]), str) else list
    wanted = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    for name, row in rows:
        for part in names:
            value = row.get(part)
            if not isinstance(value, str | list):
                raise needs(benchmark, wanted, part, name)
            turns = isinstance(value, list) and all(isinstance(turn, dict) and "role" in turn for turn in value)
            if not isinstance(value, kind) or not (turns or kind is str):
                raise CallError(
                    "rows_file",
                    f"has {part!r} of row {name} in another form than other columns or rows",
                    "write all of them as text, or all of them as turns with role and content",
                )
            if kind is list and not value:
                raise needs(benchmark, wanted, part, name)


def needs(benchmark: str, wanted: str, missing: str, name: str) -> CallError:
    return CallError(
        "rows_file", f"has no {missing!r} in row {name}", f"{benchmark} needs {wanted} in every held-out row"
    )


def apart(row: Row) -> Row:
    """The pair with its prompt apart from its answers, as TRL takes it out where it is written within both."""
    if "prompt" in row:
        return row
    from trl.data_utils import extract_prompt

    return {**row, **extract_prompt(row)}


def last_text(answer: Any) -> str:
    """What an answer says, for people: the text, or that of the last turn."""
    content = answer[-1].get("content") if isinstance(answer, list) and answer else answer
    return content if isinstance(content, str) else ""
