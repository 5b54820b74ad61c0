"""The held-out rows of a run, read from the jsonl that its training script wrote."""

from __future__ import annotations

import json
import random
from typing import Any

from tunebook.pipeline.benchmarks.base import Context
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
