"""A data set as a trainer sees it, alone in a cell: `DatasetInspector(dataset, model=None)`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.panel import Panel
from tunebook.widgets.views import data_view

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection


class DatasetInspector(Panel):
    """The findings and a page of rows. The rows are read in a job of their own, so the cell returns at once.

    `dataset` is a Hub id or a local path, `model` the one whose tokenizer and template to use. Raises CallError for
    values that can be neither.
    """

    bundle_name = "dataset-inspector"

    def __init__(self, dataset: str, model: str | None = None) -> None:
        from tunebook.pipeline.control import anchored
        from tunebook.pipeline.spec import make_spec

        self._spec = anchored(make_spec(dataset=dataset, **({"model": model} if model else {})))
        self._closed = threading.Event()
        super().__init__()
        self.show({"view": None, "working": f"Reading {dataset}", "problem": None})
        threading.Thread(target=self._cell.run, args=(self._inspect,), name="tunebook-inspect", daemon=True).start()

    def _inspect(self) -> None:
        try:
            self.show({"view": data_view(self._inspection()), "working": "", "problem": None})
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
        self.show({"view": None, "working": "", "problem": problem})

    def close(self) -> None:
        """Close the panel; an inspection under way is ended."""
        self._closed.set()
        super().close()
