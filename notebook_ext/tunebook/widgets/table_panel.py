"""A panel beside whose findings stands a table of all rows, and of each row what the trainer sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError
from tunebook.widgets.panel import Panel
from tunebook.widgets.table_desk import TableDesk
from tunebook.widgets.views import NO_TABLE

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Fix, Inspection, Lens
    from tunebook.pipeline.data.source import Source
    from tunebook.widgets.views import View


class TablePanel(Panel):
    """What is to be said of the table is laid over every snapshot; the rows themselves never are in one."""

    _of_table = NO_TABLE
    _desk: TableDesk | None = None
    _closed = False

    def source(self) -> Source:
        """Where the rows lie. Called off the kernel's thread. Raises TunebookError in one line."""
        raise NotImplementedError

    def inspection(self) -> Inspection | None:
        """What was found, as soon as that is known."""
        raise NotImplementedError

    def open_table(self) -> None:
        """Begin to open it, once, or anew after it has failed; returns at once."""
        with self._state_lock:
            failed = bool(self._of_table["table_problem"])
            if self._closed or (self._desk and not failed):
                return
            if self._desk:
                self._desk.close()
                self._tell(NO_TABLE)
            # A copy, for another thread may be at work in the cell's own.
            make = self._cell.copy().run
            self._desk = make(TableDesk, self.source, self.send, self._tell, self._rows_of, self._lens)

    def show(self, snapshot: View) -> None:
        with self._state_lock:
            super().show({**snapshot, **self._of_table})

    def answer(self, request: dict[str, Any]) -> None:
        """Requests of the table go to its desk, which answers from threads of its own."""
        if request.get("kind") == "look":
            self.open_table()
        elif not (self._desk and self._desk.answer(request)):
            super().answer(request)

    def close(self) -> None:
        """Close the panel, the table, and the process that labels its rows."""
        with self._state_lock:
            self._closed = True
        if self._desk:
            self._desk.close()
        super().close()

    def _tell(self, changes: View) -> None:
        with self._state_lock:
            self._of_table = {**self._of_table, **changes}
            if not self._closed and self.snapshot is not None:
                self.show(self.snapshot)

    def fix_of(self, request: View) -> Fix:
        """The remedy that a click asks for. Raises CallError if what is found now has no such one."""
        inspection = self.inspection()
        found = inspection.report.findings if inspection else []
        fix = next((one.fix for one in found if one.key == request.get("finding")), None)
        if fix is None:
            raise CallError("finding", "is no longer what was found", "look at what is found now")
        return fix

    def _rows_of(self, finding: str) -> list[int]:
        inspection = self.inspection()
        return inspection.rows_found.get(finding, []) if inspection else []

    def _lens(self) -> Lens | None:
        inspection = self.inspection()
        return inspection.lens if inspection else None
