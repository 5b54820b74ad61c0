"""Where the rows lie and how a query reaches them: Parquet files in place, or a copy that DuckDB made.

A scan gives SQL for any range of row numbers, which reads no more of the file than that range needs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.table.cells import literal, quoted

if TYPE_CHECKING:
    import duckdb

ROW = "__tunebook_row__"  # the row's number in the data set, from 0, as a column of every scan

#: Names that DuckDB would take for a pattern of many files.
PATTERN = re.compile(r"[*?\[\]{}]")


class NotInPlace(Exception):
    """These Parquet files can only be read by copying them first."""


@dataclass(frozen=True)
class ParquetScan:
    """Parquet files as one table, each with its number of rows."""

    files: tuple[str, ...]
    counts: tuple[int, ...]
    names: tuple[str, ...]
    coarse: bool  # so many rows in a group that even a page in order is slow to reach

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def paths(self) -> list[str]:
        return list(self.files)

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Nothing to do: the files are named in the queries."""

    def sql(self, low: int, high: int) -> str:
        """A query that gives the rows numbered from `low` up to `high`."""
        parts: list[str] = []
        before = 0
        names = ", ".join(quoted(name) for name in self.names)
        for file, count in zip(self.files, self.counts, strict=True):
            first, last = max(low - before, 0), min(high - before, count)
            if first < last:
                number = f"file_row_number + {before}" if before else "file_row_number"
                part = f"select {names}, {number} as {ROW} from read_parquet({literal(file)}, file_row_number=true)"
                if first > 0 or last < count:
                    part += f" where file_row_number between {first} and {last - 1}"
                parts.append(part)
            before += count
        if not parts:
            part = f"select {names}, file_row_number as {ROW} from read_parquet({literal(self.files[0])}"
            return f"{part}, file_row_number=true) where false"
        return " union all ".join(parts)

    def among(self, ids: str) -> str:
        """A query that gives the rows whose numbers the query `ids` gives, in any order."""
        if len(self.files) > 1:
            return f"select * from ({self.sql(0, self.count)}) where {ROW} in ({ids})"
        names = ", ".join(quoted(name) for name in self.names)
        return (
            f"select {names}, file_row_number as {ROW} from read_parquet({literal(self.files[0])}, "
            f"file_row_number=true) where file_row_number in ({ids})"
        )


@dataclass(frozen=True)
class StoreScan:
    """The copy: one table of a DuckDB file, opened for reading only."""

    file: str
    count: int
    names: tuple[str, ...]
    coarse: bool = False

    @property
    def paths(self) -> list[str]:
        return []  # it is attached before the lock, and no query may name it

    def attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"attach {literal(self.file)} as store (read_only)")

    def sql(self, low: int, high: int) -> str:
        names = ", ".join(quoted(name) for name in self.names)
        part = f"select {names}, rowid as {ROW} from store.main.rows"
        return part if low <= 0 and high >= self.count else f"{part} where rowid between {low} and {high - 1}"

    def among(self, ids: str) -> str:
        names = ", ".join(f"r.{quoted(name)}" for name in self.names)
        return (
            f"select {names}, r.rowid as {ROW} from ({ids}) as wanted(id) join store.main.rows r on r.rowid = wanted.id"
        )


Scan = ParquetScan | StoreScan


def parquet_scan(files: list[Path]) -> ParquetScan:
    """Parquet files as they lie. Raises NotInPlace where they differ or have names that would be misread."""
    import duckdb

    if any(PATTERN.search(str(file)) for file in files) or len(files) > 200:
        raise NotInPlace
    connection = duckdb.connect()
    counts, groups = [], []
    shape: list[tuple[str, str]] | None = None
    for file in files:
        path = literal(str(file))
        rows, parts = one(connection, f"select num_rows, num_row_groups from parquet_file_metadata({path})")
        counts.append(int(rows))
        groups.append(int(parts))
        found = shape_of(connection, f"select * from read_parquet({path})")
        if shape is not None and found != shape:
            raise NotInPlace
        shape = found
    names = tuple(name for name, _ in shape or [])
    if {"file_row_number", ROW} & {name.lower() for name in names}:
        raise NotInPlace
    coarse = any(count > 300_000 * max(parts, 1) for count, parts in zip(counts, groups, strict=True))
    connection.close()
    return ParquetScan(tuple(str(file) for file in files), tuple(counts), names, coarse)


def shape_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    """Names and types of the columns that a query gives."""
    return [(row[0], row[1]) for row in connection.execute(f"describe {query}").fetchall()]


def one(connection: duckdb.DuckDBPyConnection, query: str, parameters: Any = None) -> tuple[Any, ...]:
    """The one row that a query gives."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return tuple(row)


def locked(scan: Scan, folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in memory that can read this scan's rows and nothing else, and whose settings can't be changed.

    What does not fit into its memory is put into `folder`.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:", config=settings(folder))
    scan.attach(connection)
    connection.execute("set global parquet_metadata_cache = true")
    allowed = ", ".join(literal(path) for path in scan.paths)
    connection.execute(f"set allowed_paths = [{allowed}]")
    connection.execute("set enable_external_access = false")
    connection.execute(f"create view data as select * from ({scan.sql(0, scan.count)})")
    connection.execute("set allowed_configs = ['memory_limit']")  # a condition is no statement: it cannot set it
    connection.execute("set lock_configuration = true")
    return connection


def settings(folder: Path, memory: str = "256MB") -> dict[str, Any]:
    """Of every connection: little memory, for it is the kernel's, and no call outside."""
    return {
        "memory_limit": memory,
        "temp_directory": str(folder / f"spill-{os.getpid()}"),
        "max_temp_directory_size": "20GB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "preserve_insertion_order": "true",
    }
