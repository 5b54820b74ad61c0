"""How many rows fit into memory to be looked at closely, and what is said where that is not all of them."""

from __future__ import annotations

from dataclasses import replace

from tunebook.pipeline.data.report import Check, Finding
from tunebook.pipeline.data.rows import Held

CHECK = "sampled"
#: Bytes that a row takes while all checks look at it, beside several copies of its text: 4,100 were seen with short rows.
ROW_BYTES, COPIES = 4_000, 8
#: Of the memory that is free now; the rest is for the notebook and what else runs.
SHARE = 0.5


def fitting_rows(held: Held, available: int | None = None) -> int:
    """How many of the training rows can be looked at. `available` is free memory in bytes, asked of the machine if None."""
    import psutil

    rows = len(held.train)
    free = psutil.virtual_memory().available if available is None else available
    each = ROW_BYTES + COPIES * held.train.data.nbytes / rows
    return min(rows, max(1, int(SHARE * free / each)))


def sample(held: Held, rows: int, seed: int) -> Held:
    """So many of the training rows, drawn by `seed`, in the data set's order."""
    import random

    places = sorted(random.Random(seed).sample(range(len(held.train)), rows))
    return replace(held, train=held.train.select(places), numbers=[held.numbers[place] for place in places])


def told_first(looked: int, held: Held) -> tuple[Check, Finding]:
    """What the inspection says of a data set on the Hub that is too large to be fetched, so that its first rows were read."""
    assert held.large is not None
    size = f"{held.large.bytes / 1e9:.1f} GB"
    if held.large.rows is None:
        read, more = f"first {looked:,} rows", 0
        why = f"the data set has {size} and does not say how many rows"
    else:
        read, more = f"first {looked:,} of {held.whole:,} rows", held.whole - looked
        why = f"the data set has {size}"
    finding = Finding(
        id=CHECK,
        severity="warning",
        rows=more,
        share=more / held.whole,
        examples=[],
        message=f"Only the {read} were read, as {why}: counts and checks are of these",
        remedy="say how many to train on with `rows`, or fetch it and inspect its files",
    )
    return Check(id=CHECK, status="found", why=f"the {read}"), finding


def told(looked: int, rows: int) -> tuple[Check, Finding]:
    """What the inspection says of rows that it did not look at."""
    finding = Finding(
        id=CHECK,
        severity="warning",
        rows=rows - looked,
        share=(rows - looked) / rows,
        examples=[],
        message=f"Only {looked:,} of {rows:,} rows, drawn at random, fit into memory: counts and checks are of these",
        remedy="inspect it where more memory is free, or train on fewer rows with `rows`",
    )
    return Check(id=CHECK, status="found", why=f"{looked:,} of {rows:,} rows"), finding
