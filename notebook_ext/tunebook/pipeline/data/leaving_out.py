"""Training without the rows that a check found: the one remedy that is safe for many findings (`leave_out: K13, K14`).

Rows are named by their numbers in the data set, so that the script leaves out exactly those that were looked at.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from tunebook.pipeline.data.report import Finding, Fix, Inspection
from tunebook.pipeline.errors import CallError

MOST = 20_000  # rows that a training script names
FIELD = "leave_out"


def leaves_out(finding: Finding) -> bool:
    """Whether the fix of a finding is to train without its rows."""
    return finding.fix is not None and FIELD in finding.fix.fields


def offered(findings: list[Finding], rows: int, *, drawn: bool = False) -> list[Finding]:
    """The findings, each with the button that says how many of the `rows` it leaves out; none where that cannot be done.

    A spec names the check, so all findings of one check whose rows can be left out are mended together. Of rows that are
    `drawn` from more nobody knows yet how many there are in all.
    """
    every: dict[str, list[Finding]] = {}
    for finding in filter(leaves_out, findings):
        every.setdefault(finding.id, []).append(finding)
    fixes: dict[str, Fix | None] = {}
    for id, together in every.items():
        numbers = {number for finding in together for number in finding.every}
        named = all(len(finding.every) == finding.rows for finding in together)
        possible = named and 0 < len(numbers) <= MOST and len(numbers) < rows
        label = "Leave this row out" if len(numbers) == 1 else f"Leave these {len(numbers):,} rows out"
        if len(together) > 1:
            label = f"Leave out the {len(numbers):,} rows of {id}"
        if drawn:
            label = "Leave such rows out"
        fixes[id] = Fix(fields={FIELD: [id]}, label=label) if possible else None
    return [
        finding.model_copy(update={"fix": fixes[finding.id]}) if leaves_out(finding) else finding
        for finding in findings
    ]


def rows_of(inspection: Inspection, checks: Iterable[str]) -> list[int]:
    """The numbers of the rows that `leave_out` with these checks means, in order; of the inspection of all rows.

    Raises CallError for a name that is no check's, and for a check that found rows which cannot be left out by name.
    """
    report = inspection.report
    numbers: set[int] = set()
    for id in checks:
        found = [finding for finding in report.findings if finding.id == id]
        ways = [finding for finding in found if leaves_out(finding)]
        if not found and id not in {check.id for check in report.checks}:
            raise CallError(FIELD, f"names {id}, which is no check", "name a check that found rows, such as K13")
        if found and not ways:
            problem = f"names {id}, which found rows that cannot be left out by their numbers"
            raise CallError(FIELD, problem, f"{found[0].remedy} (in the data itself), or leave {id} out of this line")
        numbers.update(number for finding in ways for number in inspection.rows_found.get(finding.key, []))
    return sorted(numbers)


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in order, neighbours as one.

    >>> ranges([3, 17, 18, 19, 204])
    '3 17-19 204'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def code(numbers: Sequence[int], of: int) -> list[str]:
    """Python lines that leave these rows out of `train_rows`, and stop where it is not the data set that was looked at."""
    if not numbers:
        return []
    named = textwrap.wrap(ranges(numbers), 100)
    listed = [f'left_out = "{named[0]}"'] if len(named) == 1 else ['left_out = """', *named, '"""']
    return [
        f"if len(train_rows) != {of}:",
        f'    raise SystemExit("The data set has changed: {of:,} rows were looked at, so which to leave out is not known.")',
        *listed,
        'bounds = [part.partition("-")[::2] for part in left_out.split()]',
        "numbers = {row for first, last in bounds for row in range(int(first), int(last or first) + 1)}",
        "train_rows = train_rows.select([row for row in range(len(train_rows)) if row not in numbers])",
    ]
