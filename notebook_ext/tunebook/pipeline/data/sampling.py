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
    """What the inspection says of a data set on the Hub that is too large to be fetched, so that its first rows were read.

    With `rows` the training draws its own of the whole data set, of which few are among those that were looked at.
    """
    assert held.large is not None
    there, drawn = held.large.rows, held.asked
    if drawn is not None and there is not None and drawn >= there:
        drawn = None
    read = f"first {held.every:,} of {there:,} rows" if there else f"first {held.every:,} rows"
    message = f"Only the {read} were read, as the data set has {held.large.bytes / 1e9:.1f} GB"
    message += "" if there else " and does not say how many rows"
    message += f", and {looked:,} of these were looked at" if looked < held.every else ""
    message += ": counts and checks are of these"
    message += f", while training draws {drawn:,} of all rows" if drawn is not None else ""
    remedy = "fetch the data set with `hf download` and name its folder instead"
    if there:
        unseen = round(held.whole * (1 - min(looked / there, 1.0)))
    elif drawn is not None:
        unseen = held.whole
    else:
        unseen, remedy = 0, f"say how many to train on with `rows`, or {remedy}"
    finding = Finding(
        id=CHECK,
        severity="warning",
        rows=unseen,
        share=unseen / held.whole,
        examples=[],
        message=message,
        remedy=remedy,
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
