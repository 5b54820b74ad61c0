"""Work that the browser asks for, off the kernel's thread: one lane a kind, the newest request ends the one before."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from tunebook.pipeline.data.table import Cancel

Work = Callable[[Cancel], None]


class Lane:
    """One thread that does the newest work it was given. Work that was overtaken is cancelled, or never begun.

    What it sends belongs to the cell whose `context` this is. Work must not raise.
    """

    def __init__(self, name: str, context: contextvars.Context) -> None:
        self._name, self._context = name, context.copy()  # a context can be entered by one thread at a time
        self._wake = threading.Condition()
        self._waiting: tuple[Work, Cancel] | None = None
        self._current: Cancel | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def do(self, work: Work) -> None:
        """Take on work; returns at once."""
        with self._wake:
            if self._closed:
                return
            overtaken, self._waiting = self._waiting, (work, Cancel())
            if self._current:
                self._current.ask()
            if self._thread is None:
                run = (self._run,)
                self._thread = threading.Thread(target=self._context.run, args=run, name=self._name, daemon=True)
                self._thread.start()
            self._wake.notify()
        if overtaken:
            # It says itself that it was cancelled, so that whoever asked does not wait.
            overtaken[1].ask()
            overtaken[0](overtaken[1])

    def cancel(self) -> None:
        """End what is being done; what waits behind it is not begun."""
        with self._wake:
            if self._waiting:
                self._waiting[1].ask()
            if self._current:
                self._current.ask()

    def close(self) -> None:
        """Cancel, and end the thread as soon as that is done."""
        self.cancel()
        with self._wake:
            self._closed = True
            self._waiting = None
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                self._current = None
                while self._waiting is None and not self._closed:
                    self._wake.wait()
                if self._closed or self._waiting is None:
                    return
                work, cancel = self._waiting
                self._waiting, self._current = None, cancel
            work(cancel)
