"""Whether all rows have one format and every column one type: K07, K24."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tunebook.pipeline.data.checks import Examined, Verdict, check
from tunebook.pipeline.data.checks.as_text import values_written_as_text
from tunebook.pipeline.data.checks.turns import NOTHING_LEARNED, problems_of
from tunebook.pipeline.data.layout import cell
from tunebook.pipeline.data.report import Finding


@check("K07")
def one_format(examined: Examined) -> Verdict:
    """TRL decides by the first row; here every row is looked at."""
    layouts = examined.layouts
    findings: list[Finding] = []
    empty = {place for place, row in enumerate(examined.rows) if all(cell(value) is None for value in row.values())}
    unreadable = [place for place in layouts.unreadable if place not in empty]
    if unreadable:
        message = "{n} {have|has} no format that the others have, or that TRL reads"
        remedy = "give {them|it} the columns of the other rows, or take {them|it} out"
        findings.append(examined.finding("K07", "error", unreadable, message, remedy, leave_out=True))
    refused = [
        place
        for place in examined.unmapped
        if not NOTHING_LEARNED.intersection(problems_of(examined.rows[place], layouts.of_row[place]))
    ]
    if refused:
        first, why = refused[0], examined.unmapped[refused[0]]
        message = "{n} cannot be brought into the trainer's format, so no training could start"
        remedy = "fill in what is missing, or take {them|it} out"
        evidence = f"row {examined.numbers[first]} {why}"
        findings.append(examined.finding("K07", "error", refused, message, remedy, evidence, leave_out=True))
    if layouts.mixed:
        places = [place for place, layout in enumerate(layouts.of_row) if layout not in (None, layouts.main)]
        main = layouts.main.words() if layouts.main else ""
        if not examined.fits:
            message = f"{{n}} {{are|is}} not {main} as the others are, and cannot be brought into their format"
            remedy = "split the data set by format, or leave {these rows|this row} out"
            findings.append(examined.finding("K07", "error", places, message, remedy, leave_out=True))
        elif places := [place for place in places if place not in examined.unmapped]:
            message = f"{{n}} {{are|is}} not {main} as the others are; each is read by its own format"
            findings.append(
                examined.finding("K07", "info", places, message, "nothing, if the mapping reads them right")
            )
    if findings:
        return Verdict(layouts.words(), findings)
    return Verdict(f"all {len(examined.rows):,} rows are {layouts.words()}")


@check("K24")
def one_type_a_column(examined: Examined) -> Verdict:
    """Columns that hold nothing, several types in one column, content that is a list of parts, values kept as text."""
    findings: list[Finding] = []
    everything = list(range(len(examined.rows)))
    for column in examined.columns:
        if column.nulls == len(examined.rows):
            message = f"The column {column.name} is empty in every row"
            findings.append(examined.finding("K24", "info", everything, message, "leave the column out"))
            continue
        kinds: dict[str, list[int]] = {}
        for place, row in enumerate(examined.rows):
            kind = cell(row[column.name])
            if kind is not None:
                kinds.setdefault(kind, []).append(place)
        if len(kinds) > 1 and set(kinds) != {"turns", "from-value turns"}:
            most = max(kinds, key=lambda kind: len(kinds[kind]))
            odd = sorted(place for kind, places in kinds.items() if kind != most for place in places)
            said = ", ".join(f"{kind} in {len(places):,}" for kind, places in kinds.items())
            message = f"The column {column.name} has several types: {said} rows"
            findings.append(examined.finding("K24", "warning", odd, message, f"make every {column.name} a {most}"))
    findings += _contents(examined)
    findings += values_written_as_text(examined)
    if findings:
        return Verdict(f"{len(examined.columns)} columns looked at", findings)
    return Verdict(f"each of {len(examined.columns)} columns has one type and holds something")


def _contents(examined: Examined) -> list[Finding]:
    """Turns whose content is no text."""
    odd: dict[int, str] = {}
    for place, row in enumerate(examined.rows):
        for value in row.values():
            if cell(value) == "turns":
                for turn in value:
                    content = turn.get("content") if isinstance(turn, dict) else None
                    if content is not None and not isinstance(content, str):
                        odd[place] = type(content).__name__
    if not odd:
        return []
    name: Any = Counter(odd.values()).most_common(1)[0][0]
    message = f"{{n}} {{have|has}} turns whose content is a {name}, not text"
    return [examined.finding("K24", "warning", sorted(odd), message, "join the parts of the content into one text")]
