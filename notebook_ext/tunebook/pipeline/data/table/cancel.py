"""A query that can be told to stop, at any moment, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tunebook.pipeline.errors import TunebookError

if TYPE_CHECKING:
    import duckdb


class Cancelled(TunebookError):
    """The work was stopped because nobody waits for it any more."""

    def __init__(self) -> None:
        super().__init__("cancelled")


class Cancel:
    """One request's stop button.

    An interrupt that comes before its query has begun is lost, so it is repeated until the query has ended.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._running: duckdb.DuckDBPyConnection | None = None

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def check(self) -> None:
        """Raise Cancelled if it was asked."""
        if self.asked:
            raise Cancelled

    def ask(self) -> None:
        """Stop what runs and what would run next. Returns at once."""
        if self.asked:
            return
        self._asked.set()
        threading.Thread(target=self._insist, name="tunebook-table-cancel", daemon=True).start()

    def _insist(self) -> None:
        while True:
            with self._lock:
                if self._running is None:
                    return
                self._running.interrupt()
            threading.Event().wait(0.02)

    @contextmanager
    def over(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Within this block `ask` interrupts the cursor's queries."""
        with self._lock:
            self.check()
            self._running = cursor
        try:
            yield
        finally:
            with self._lock:
                self._running = None
