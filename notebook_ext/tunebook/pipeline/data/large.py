"""Data sets on the Hub that are too large to be fetched only to be looked at: their first rows are read as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunebook.pipeline.data.hub import at_commit
from tunebook.pipeline.data.source import Source, load_call
from tunebook.pipeline.errors import CallError

#: Bytes of files that are fetched whole.
WHOLE_MOST = 4_000_000_000
#: Of a larger data set: rows, and bytes of rows, after which reading ends.
ROWS_MOST, BYTES_MOST = 20_000, 64_000_000
HELD_OUT_MOST = 1_000
_BATCH = 500


@dataclass(frozen=True)
class Large:
    """A data set that is not fetched whole: the bytes of its files, and the training rows as far as the Hub tells."""

    bytes: int
    rows: int | None


def too_large(source: Source) -> Large | None:
    """What there is to say of a data set that is too large; None for one that is not, and for files of this machine.

    Raises CallError where only a slice of such a split is wanted.
    """
    if source.builder is not None:
        return None
    found = at_commit(source.path, source.config, source.revision)
    if found.bytes <= WHOLE_MOST:
        return None
    split = source.train_split
    if "[" in split:
        problem = f"is {split!r}, and {source.path} has {found.bytes / 1e9:.1f} GB, too much to be cut into slices here"
        raise CallError("split", problem, f"name {split.split('[')[0]!r}, and say how many `rows` to train on")
    return Large(found.bytes, found.rows.get(split))


def first_rows(source: Source, split: str, most: int = ROWS_MOST) -> Any:
    """The first rows of a split as an arrow table, no more of them read than that takes. Raises what `datasets` raises."""
    import datasets
    import pyarrow as pa

    arguments, keywords = load_call(source, split)
    stream = datasets.load_dataset(*arguments, **keywords, streaming=True).with_format("arrow")
    parts: list[Any] = []
    rows = size = 0
    for part in stream.iter(batch_size=_BATCH):
        parts.append(part.slice(0, most - rows))
        rows += parts[-1].num_rows
        size += parts[-1].nbytes
        if rows >= most or size >= BYTES_MOST:
            break
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})
