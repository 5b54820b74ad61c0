"""What is written as text and is something else, a part of K24: whole conversations, scores, the label of KTO.

A CSV file and many an export make text of everything. An answer that is a number in letters is no mistake, so columns
that are trained are looked at for conversations only, and the others only where their name says that they are numbers.
"""

from __future__ import annotations

import re
from typing import Any

from tunebook.pipeline.data.checks import Examined
from tunebook.pipeline.data.layout import Layout
from tunebook.pipeline.data.report import Finding, Severity

#: As JSON writes a list of turns, as Python does, and as numpy does, which leaves the commas out.
TURNS = re.compile(r"""\s*\[\s*\{\s*(['"])(role|from|content|value)\1\s*:\s*['"]""")
BOTH = re.compile(r"""['"](?:role|from)['"]\s*:""")
NUMBERS = re.compile(r"(?:^|_)(?:scores?|ratings?|rewards?|margin|weight|rank|stars)(?:_|$)", re.IGNORECASE)
NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")
LABELS = ({"true", "false"}, {"0", "1"}, {"good", "bad"})


def values_written_as_text(examined: Examined) -> list[Finding]:
    """Conversations, scores and labels that nobody will read as such."""
    findings: list[Finding] = []
    if places := [place for place in range(len(examined.rows)) if _conversation(examined, place)]:
        message = (
            "{n} {hold conversations|holds a conversation} written out as text, brackets and all, which is learned"
        )
        severity: Severity = "error" if len(places) > len(examined.rows) / 2 else "warning"
        remedy = "read the column with json.loads (or ast.literal_eval) into a list of turns"
        findings.append(examined.finding("K24", severity, places, message, remedy))
    main = examined.layouts.main
    for column in examined.columns:
        if main is not None and column.name not in main.columns.values():
            findings += _column(examined, column.name, main)
    return findings


def _conversation(examined: Examined, place: int) -> bool:
    row, layout = examined.rows[place], examined.layouts.of_row[place]
    return any(
        isinstance(text := row.get(column), str) and TURNS.match(text) and BOTH.search(text) is not None
        for _, column in (layout.parts if layout else ())
    )


def _column(examined: Examined, name: str, main: Layout) -> list[Finding]:
    """Numbers in a column of scores, and a label that keeps the rows from being KTO's."""
    scores, label = NUMBERS.search(name) is not None, name == "label" and main.format == "prompt and completion"
    if not scores and not label:
        return []
    values: dict[int, Any] = {
        place: row[name] for place, row in enumerate(examined.rows) if row.get(name) not in (None, "")
    }
    if not values:
        return []
    if scores and all(isinstance(value, str) and NUMBER.fullmatch(value) for value in values.values()):
        message, remedy = (
            f"The column {name} holds numbers written as text, which are not compared",
            "make them numbers",
        )
        return [examined.finding("K24", "info", list(values), message, remedy)]
    written = {str(value).strip().lower() for value in values.values() if isinstance(value, str | int | float)}
    if label and written in LABELS:
        message = "The column label seems to say which answers are good, but not as true and false: SFT learns the bad ones too"
        remedy = "make label true and false, which KTO reads, or take the rows with bad answers out"
        return [examined.finding("K24", "warning", list(values), message, remedy)]
    return []
