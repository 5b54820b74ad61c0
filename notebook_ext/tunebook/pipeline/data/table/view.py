"""Which rows are shown and in what order: row numbers, found once, so that every page of them is as quick."""

from __future__ import annotations

import threading
from typing import Any


class View:
    """Row numbers in their order. A search adds to them while it runs; `done` says when it has ended."""

    def __init__(self, count: int, ids: Any | None = None, *, done: bool = True) -> None:
        self._whole = ids is None  # all rows as they lie need no list of their numbers
        self._parts: list[Any] = [] if ids is None else [ids]
        self._count = count
        self._lock = threading.Lock()
        self.done = done

    @property
    def count(self) -> int:
        """How many rows are known so far."""
        return self._count

    @property
    def whole(self) -> bool:
        """Whether it is all rows in the order of the data set."""
        return self._whole

    def add(self, ids: Any) -> None:
        """More rows, after those there are."""
        with self._lock:
            self._parts.append(ids)
            self._count += len(ids)

    def slice(self, start: int, length: int) -> list[int]:
        """The numbers of the rows from `start` on; fewer than `length` at the end."""
        start = max(start, 0)
        end = min(start + max(length, 0), self._count)
        if self._whole:
            return list(range(start, end))
        found: list[int] = []
        for part in self._joined():
            if start < end and start < len(part):
                found += [int(number) for number in part[start : min(end, len(part))]]
            start, end = max(start - len(part), 0), end - len(part)
        return found

    def _joined(self) -> list[Any]:
        import numpy as np

        with self._lock:
            if len(self._parts) > 64:
                self._parts = [np.concatenate(self._parts)]
            return list(self._parts)


def all_rows(count: int) -> View:
    """Every row, in the order of the data set."""
    return View(count)
