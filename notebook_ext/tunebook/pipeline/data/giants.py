"""Rows of a size that no model reads: a file that got into a cell, not something to learn from.

They are set aside before anything looks closer: shingles or tokens of 100 MB of text take more memory than there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tunebook.pipeline.data.report import Check, Finding, Fix

CHECK = "oversized"
#: Characters of a row. About 250,000 tokens, twice what the longest contexts hold.
MOST = 1_000_000
EXAMPLES = 3


def giants(rows: Sequence[dict[str, Any]]) -> dict[int, int]:
    """Place to characters of each row that has more than MOST of them."""
    return {place: size for place, row in enumerate(rows) if (size := characters(row)) > MOST}


def characters(value: Any) -> int:
    """Characters of all the texts in a value, however deep."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(characters, value.values()))
    if isinstance(value, list):
        return sum(map(characters, value))
    return 0


def told(found: dict[int, int], held_out: dict[int, int], numbers: Sequence[int], total: int) -> tuple[Check, Finding]:
    """What the inspection says of training rows and held-out rows. `numbers` are the training rows' in the data set."""
    count = len(found) + len(held_out)
    where = "" if found else " held-out"
    most = max([*found.values(), *held_out.values()])
    rows = f"1{where} row has {most:,}" if count == 1 else f"{count:,}{where} rows have up to {most:,}"
    them = "it" if count == 1 else "them"
    finding = Finding(
        id=CHECK,
        severity="error",
        rows=count,
        share=count / total,
        examples=[numbers[place] for place in list(found)[:EXAMPLES]],
        every=[numbers[place] for place in found],
        message=f"{rows} characters, more than any model reads; nothing else was looked at in {them}",
        remedy=f"take {them} out, or cut {them} into pieces",
        fix=None if held_out else Fix(fields={"leave_out": [CHECK]}, label="Leave these rows out"),
    )
    return Check(id=CHECK, status="found", why=f"more than {MOST:,} characters in a row"), finding
