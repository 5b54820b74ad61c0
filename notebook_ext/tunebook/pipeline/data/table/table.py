"""The table: pages of a view, views by search, condition, order or given rows, and what a column holds."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tunebook.pipeline.data.table import measures
from tunebook.pipeline.data.table.cancel import Cancel, Cancelled
from tunebook.pipeline.data.table.cells import as_text, cut, kind_of, literal, quoted
from tunebook.pipeline.data.table.model import Cell, Column, Histogram, Page, Profile, Sort
from tunebook.pipeline.data.table.scan import ROW, Scan, locked, shape_of
from tunebook.pipeline.data.table.view import View, all_rows
from tunebook.pipeline.data.table.where import checked, refused
from tunebook.pipeline.errors import CallError, WorkFailed

if TYPE_CHECKING:
    import duckdb

    Cursor = duckdb.DuckDBPyConnection

Found = TypeVar("Found")

CELL_MOST = 300  # characters of a cell on a page
#: A search looks at so many rows first, then at more and more: the first hits are there at once, the end comes soon.
FIRST_ROWS, MOST_ROWS = 250_000, 2_000_000
MORE_MEMORY = "2GB"
Seen = Callable[[View, float], None]


class Table:
    """Rows of any number, read and never written. Every method may be called from any thread.

    `cancel` stops a method, which then raises Cancelled. Work that DuckDB cannot do raises WorkFailed.
    """

    def __init__(self, scan: Scan, folder: Path) -> None:
        self._lock = threading.Lock()
        self._folder = folder
        self._use(scan)
        shape = shape_of(self._root, f"select * exclude {ROW} from data")
        self.columns = [Column(name, type_name, kind_of(type_name)) for name, type_name in shape]
        self.count = scan.count

    @property
    def in_place(self) -> bool:
        """Whether it reads Parquet where it lies, so that a page of scattered rows takes longer."""
        return bool(self._scan.paths)

    def use(self, scan: Scan) -> None:
        """Read the same rows from another place from now on. Raises WorkFailed if they are not the same."""
        if scan.count != self.count or list(scan.names) != [column.name for column in self.columns]:
            raise WorkFailed("the copy of the rows is not of the same rows")
        self._use(scan)

    def _use(self, scan: Scan) -> None:
        root = locked(scan, self._folder)
        with self._lock:
            # A query that runs keeps its own hold of the place it reads.
            self._root, self._scan = root, scan

    def _run(self, cancel: Cancel | None, work: Callable[[Cursor, Scan], Found], where: str | None = None) -> Found:
        """Do `work` with a connection of its own; where little memory is too little, again with more."""
        import duckdb

        with self._lock:
            cursor, scan = self._root.cursor(), self._scan
        try:
            with (cancel or Cancel()).over(cursor), told(where):
                try:
                    return work(cursor, scan)
                except duckdb.OutOfMemoryException:
                    cursor.execute(f"set global memory_limit = '{MORE_MEMORY}'")
                    return work(cursor, scan)
        except duckdb.InterruptException:
            raise Cancelled from None
        finally:
            cursor.close()

    def column(self, name: str) -> Column:
        """Raises CallError for a name that no column has."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            raise CallError("column", f"{name!r} is not there", "choose one of the table's columns")
        return found

    # Pages

    def page(
        self,
        view: View,
        start: int,
        length: int,
        columns: Sequence[int] | None = None,
        *,
        most: int = CELL_MOST,
        cancel: Cancel | None = None,
    ) -> Page:
        """`length` rows of the view from its place `start` on, with cells of at most `most` characters.

        `columns`: which ones, by their place; else all.
        """
        places = [at for at in (range(len(self.columns)) if columns is None else columns) if at < len(self.columns)]
        start, ids = max(start, 0), view.slice(start, length)
        if not ids:
            return Page(start, list(places), [])
        parts = [part for at in places for part in cut(self.columns[at], most)]
        low, high = min(ids), max(ids) + 1

        def read(cursor: Cursor, scan: Scan) -> list[tuple[Any, ...]]:
            if high - low <= 4 * len(ids):
                rows, parameters = scan.sql(low, high), None
            else:
                rows, parameters = scan.among("select unnest($1::bigint[])"), [sorted(ids)]
            return cursor.execute(f"select {', '.join([ROW, *parts])} from ({rows})", parameters).fetchall()

        found = self._run(cancel, read)
        by_number = {values[0]: _cells(values) for values in found}
        return Page(start, list(places), [(number, by_number[number]) for number in ids if number in by_number])

    def row(self, number: int, *, most: int = 100_000, cancel: Cancel | None = None) -> list[Cell]:
        """All cells of one row, each with up to `most` characters. Raises CallError for a row that is not there."""
        import numpy as np

        if not 0 <= number < self.count:
            raise CallError("row", f"{number} is not there", f"rows go from 0 to {self.count - 1:,}")
        page = self.page(View(1, np.array([number], dtype=np.int64)), 0, 1, most=most, cancel=cancel)
        if not page.rows:
            raise WorkFailed(f"row {number} cannot be read: the file has changed since it was opened")
        return page.rows[0][1]

    # Views

    def view(
        self,
        *,
        search: str | None = None,
        where: str | None = None,
        sort: Sort | None = None,
        rows: Sequence[int] | None = None,
        cancel: Cancel | None = None,
        seen: Seen | None = None,
    ) -> View:
        """The rows that hold `search` in any cell, meet the condition `where` and are among `rows`, sorted.

        A search without an order calls `seen(view, share)` with its hits so far. Raises CallError for a condition that
        does not work.
        """
        if not search and not where and not sort and rows is None:
            return all_rows(self.count)
        conditions = [checked(where)] if where else []
        if search:
            conditions.append(self._holds(search))
        if rows is not None:
            numbers = sorted({number for number in rows if 0 <= number < self.count})
            if not conditions and not sort:
                return View(len(numbers), _numbers(numbers))
            conditions.append(f"{ROW} in (select unnest({numbers}::bigint[]))")
        meets = " and ".join(conditions) or "true"
        number = f"{ROW}::uinteger" if self.count < 2**32 else ROW
        if search and not sort:
            return self._run(
                cancel, lambda cursor, scan: self._searched(cursor, scan, number, meets, cancel, seen), where
            )
        order = ""
        if sort:
            direction = "desc" if sort.descending else "asc"
            order = f" order by {quoted(self.column(sort.column).name)} {direction} nulls last, {ROW}"

        def find(cursor: Cursor, scan: Scan) -> View:
            query = f"select {number} from ({scan.sql(0, self.count)}) as data where {meets}{order}"
            ids = _fetch(cursor, query, ordered=sort is None)
            return View(len(ids), ids)

        return self._run(cancel, find, where)

    def _searched(
        self, cursor: Cursor, scan: Scan, number: str, meets: str, cancel: Cancel | None, seen: Seen | None
    ) -> View:
        view = View(0, _numbers([]), done=False)
        for low, high in _stretches(self.count):
            if cancel:
                cancel.check()
            hits = f"select {number} from ({scan.sql(low, high)}) as data where {meets}"
            view.add(_fetch(cursor, hits, ordered=True))
            view.done = high >= self.count
            if seen:
                seen(view, high / self.count)
        view.done = True
        return view

    def _holds(self, search: str) -> str:
        """SQL that is true for a row one of whose cells holds the text, in any case."""
        plain = f"lower({literal(search)})"
        in_json = f"lower({literal(json.dumps(search, ensure_ascii=False)[1:-1])})"
        numeric = re.fullmatch(r"[-+.:\deE ]+", search) is not None
        parts = [
            f"contains(lower({as_text(column)}), {in_json if column.kind == 'nested' else plain})"
            for column in self.columns
            if column.kind in ("text", "nested", "bool") or (numeric and column.kind in ("number", "time"))
        ]
        return f"({' or '.join(parts) or 'false'})"

    # What a column holds

    def histogram(self, column: str, bins: int = 40, *, cancel: Cancel | None = None) -> Histogram:
        """How the values, or the lengths of texts and lists, are spread over all rows."""
        found = self.column(column)
        return self._run(cancel, lambda cursor, scan: measures.histogram(cursor, scan.sql(0, self.count), found, bins))

    def profile(self, column: str, *, cancel: Cancel | None = None) -> Profile:
        """Nulls, distinct values, extremes, quantiles and the most frequent values of a column over all rows."""
        found, count = self.column(column), self.count
        return self._run(cancel, lambda cursor, scan: measures.profile(cursor, scan.sql(0, count), count, found))

    def close(self) -> None:
        """Let go of the files. A query that runs ends first."""
        with self._lock:
            self._root.close()


@contextmanager
def told(where: str | None = None) -> Iterator[None]:
    """DuckDB's failures as ours: one line, the person's if it is their condition's fault."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException:
        raise
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise WorkFailed(f"the table cannot be read ({str(error).splitlines()[0][:300]})") from None
    except duckdb.Error as error:
        if where:
            raise refused(error) from None
        raise WorkFailed(f"the table cannot be read ({str(error).splitlines()[0][:300]})") from None


def _fetch(cursor: duckdb.DuckDBPyConnection, query: str, *, ordered: bool) -> Any:
    """The row numbers that a query gives, as 4 bytes each where that is enough.

    `ordered`: they are to ascend, in whatever order several threads gave them.
    """
    import numpy as np

    found = np.asarray(next(iter(cursor.execute(query).fetchnumpy().values())))
    if ordered and len(found) > 1 and bool((found[1:] < found[:-1]).any()):
        found.sort()
    return found


def _numbers(numbers: list[int]) -> Any:
    import numpy as np

    return np.array(numbers, dtype=np.int64)


def _cells(values: tuple[Any, ...]) -> list[Cell]:
    pairs = zip(values[1::2], values[2::2], strict=True)
    return [text if length is None or text is None else (text, length) for text, length in pairs]


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    low, size = 0, FIRST_ROWS
    while low < count:
        high = min(low + size, count)
        yield low, high
        low, size = high, min(size * 2, MOST_ROWS)
