"""Files that are not Parquet, as arrow rows: by `datasets`, as the trainer will read them, so that the numbers agree. Of
a data set on the Hub that is too large to be fetched, the first ones.

Where `datasets` gives up on a file, a plainer reader goes on: a broken line is left out, the rest can be looked at.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from tunebook.pipeline.data.hub_files import here
from tunebook.pipeline.data.large import first_rows, too_large
from tunebook.pipeline.data.source import Source, load_call

_BATCH = 20_000
Row = dict[str, Any]


def reader_of(source: Source, split: str) -> Any:
    """An arrow table, or a reader of arrow batches, of a split's rows in their order. Raises what `datasets` raises."""
    import datasets

    datasets.disable_progress_bars()
    arguments, keywords = load_call(source, split)
    if too_large(source):
        return first_rows(source, split)
    try:
        rows = datasets.load_dataset(*arguments, **keywords).data.table
        rows.validate(full=True)  # the JSON reader lets bytes through that are not UTF-8
        return rows
    except Exception:
        source = here(source) if source.builder is None else source
        files = [Path(file) for file in (source.data_files or {}).get(split, [])]
        if source.builder not in ("json", "text", "csv") or not files:
            raise
        try:
            return _plainly(files, source.builder)
        except ValueError:
            pass  # nothing to be read in a plainer way either: what `datasets` says is better
        raise


def _plainly(files: list[Path], builder: str) -> Any:
    import pyarrow as pa

    def rows() -> Iterator[Row]:
        for file in files:
            yield from {"json": _json_lines, "text": _lines, "csv": _records}[builder](file)

    kinds: dict[str, set[type]] = {}
    for row in rows():
        for name, value in row.items():
            kinds.setdefault(name, set()).add(type(value))
    if not kinds:
        raise ValueError("no row can be read")
    makes = {name: _column(found - {type(None)}) for name, found in kinds.items()}
    schema = pa.schema([(name, kind) for name, (kind, _) in makes.items()])

    def batches() -> Iterator[Any]:
        waiting: list[Row] = []
        for row in rows():
            waiting.append({name: make(row[name]) for name, (_, make) in makes.items() if row.get(name) is not None})
            if len(waiting) == _BATCH:
                yield pa.RecordBatch.from_pylist(waiting, schema)
                waiting = []
        if waiting:
            yield pa.RecordBatch.from_pylist(waiting, schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _column(kinds: set[type]) -> tuple[Any, Callable[[Any], Any]]:
    import pyarrow as pa

    if kinds == {bool}:
        return pa.bool_(), bool
    if kinds and kinds <= {int, float}:
        return pa.float64(), float
    return pa.large_string(), lambda value: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(file: Path, errors: str = "replace") -> IO[str]:
    unpack: dict[str, Callable[[Path], Any]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile}
    opened: Any
    if file.suffix.lower() == ".zst":
        import pyarrow as pa

        opened = pa.CompressedInputStream(pa.OSFile(str(file)), "zstd")
    else:
        opened = unpack.get(file.suffix.lower(), io.FileIO)(file)
    return io.TextIOWrapper(io.BufferedReader(opened), encoding="utf-8", errors=errors, newline="\n")


def _lines(file: Path, errors: str = "replace") -> Iterator[Row]:
    try:
        with _text(file, errors) as lines:
            for line in lines:
                yield {"text": line.rstrip("\r\n")}
    except (EOFError, OSError):
        return  # a stream that ends too early: what came before it counts


def _json_lines(file: Path) -> Iterator[Row]:
    """Without the lines that the inspection leaves out as well, so that both count rows alike."""
    for line in _lines(file, "surrogateescape"):
        try:
            line["text"].encode()  # fails where bytes were not UTF-8
            value = json.loads(line["text"])
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _records(file: Path) -> Iterator[Row]:
    csv.field_size_limit(2**31 - 1)
    separator = "\t" if ".tsv" in file.name.lower() else ","
    records = csv.reader((line["text"] + "\n" for line in _lines(file)), delimiter=separator)
    try:
        names = next(records, [])
        for record in records:
            yield dict(zip(names, [*record, *[None] * len(names)], strict=False))
    except csv.Error:
        return
