"""A data set as a trainer sees it, alone in a cell: `DatasetInspector(dataset, model=None)`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.panel import Panel
from tunebook.widgets.table_desk import TableDesk
from tunebook.widgets.views import data_view

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection
    from tunebook.pipeline.data.source import Source


class DatasetInspector(Panel):
    """The table of all rows at once, and the findings as soon as the inspection, a job of its own, has made them.

    `dataset` is a Hub id, a local path, a datasets.Dataset or DatasetDict, or a pandas or polars frame; `model` the one
    whose tokenizer and template to use. Raises CallError for values that can be none of these.
    """

    bundle_name = "dataset-inspector"

    def __init__(self, dataset: Any, model: str | None = None) -> None:
        from tunebook.pipeline.control import anchored
        from tunebook.pipeline.data.memory import placed
        from tunebook.pipeline.data.rows import name_of
        from tunebook.pipeline.spec import make_spec

        self._spec = anchored(make_spec(dataset=placed(dataset), **({"model": model} if model else {})))
        self._name = name_of(dataset)
        self._found: dict[str, list[int]] = {}
        self._closed = threading.Event()
        super().__init__()
        self._said: dict[str, Any] = {
            "view": None,
            "working": f"Reading {self._name}",
            "problem": None,
            "table": None,
            "opening": "",
            "table_problem": "",
        }
        self.show(self._said)
        self._desk = TableDesk(self._located, self.send, self._say, self._rows_of)
        threading.Thread(target=self._cell.run, args=(self._inspect,), name="tunebook-inspect", daemon=True).start()

    def _say(self, changes: dict[str, Any]) -> None:
        with self._state_lock:
            if not self._closed.is_set():
                self._said = {**self._said, **changes}
                self.show(self._said)

    def _located(self) -> Source:
        from tunebook.pipeline.data import locate

        spec = self._spec
        if not spec.dataset:
            raise CallError("dataset", "is missing", "name a file, a folder or a data set on the Hub")
        return locate(spec.dataset, config=spec.dataset_config, split=spec.split, revision=spec.dataset_revision)

    def _rows_of(self, finding: str) -> list[int]:
        return self._found.get(finding, [])

    def answer(self, request: dict[str, Any]) -> None:
        """Requests of the table go to its desk, which answers from a thread of its own."""
        if not self._desk.answer(request):
            super().answer(request)

    def _inspect(self) -> None:
        try:
            inspection = self._inspection()
            self._found = inspection.rows_found
            view = data_view(inspection) | {"dataset": self._name}
            self._say({"view": view, "working": "", "problem": None})
        except TunebookError as error:
            if not self._closed.is_set():
                self._failed(str(error), error.remedy if isinstance(error, CallError) else "")
        except Exception as error:  # noqa: BLE001  on a thread of its own nobody else would hear of it
            self._failed(f"{type(error).__name__}: {error}", "")

    def _inspection(self) -> Inspection:
        from tunebook.pipeline.plan.checkpoint_model import find_model
        from tunebook.pipeline.plan.make import Watched, inspect_for

        model = find_model(self._spec.model, None) if self._spec.model else None
        return inspect_for(self._spec, model, Watched(check=self._check))

    def _check(self) -> None:
        if self._closed.is_set():
            raise TunebookError("the panel was closed")

    def _failed(self, why: str, now: str) -> None:
        problem = {"what": "The data set could not be looked at.", "why": why, "now": now}
        self._say({"view": None, "working": "", "problem": problem})

    def close(self) -> None:
        """Close the panel; what is under way for it is ended."""
        self._closed.set()
        self._desk.close()
        super().close()
