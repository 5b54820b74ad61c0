"""A data set as a trainer sees it, alone in a cell: `DatasetInspector(dataset, model=None)`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.table_panel import TablePanel
from tunebook.widgets.views import data_view

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection
    from tunebook.pipeline.data.source import Source
    from tunebook.widgets.views import View


class DatasetInspector(TablePanel):
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
        self._found: Inspection | None = None
        super().__init__()
        self._say({"view": None, "working": f"Reading {self._name}", "problem": None})
        self.open_table()
        threading.Thread(target=self._cell.run, args=(self._inspect,), name="tunebook-inspect", daemon=True).start()

    def source(self) -> Source:
        from tunebook.pipeline.data import locate

        spec = self._spec
        if not spec.dataset:
            raise CallError("dataset", "is missing", "name a file, a folder or a data set on the Hub")
        return locate(spec.dataset, config=spec.dataset_config, split=spec.split, revision=spec.dataset_revision)

    def inspection(self) -> Inspection | None:
        return self._found

    def _say(self, state: View) -> None:
        with self._state_lock:
            if not self._closed:
                self.show(state)

    def _inspect(self) -> None:
        try:
            self._found = found = self._look_at_it()
            self._say({"view": data_view(found) | {"dataset": self._name}, "working": "", "problem": None})
        except TunebookError as error:
            self._failed(str(error), error.remedy if isinstance(error, CallError) else "")
        except Exception as error:  # noqa: BLE001  on a thread of its own nobody else would hear of it
            self._failed(f"{type(error).__name__}: {error}", "")

    def _look_at_it(self) -> Inspection:
        from tunebook.pipeline.plan.checkpoint_model import find_model
        from tunebook.pipeline.plan.make import Watched, inspect_for

        model = find_model(self._spec.model, None) if self._spec.model else None
        return inspect_for(self._spec, model, Watched(check=self._check))

    def _check(self) -> None:
        if self._closed:
            raise TunebookError("the panel was closed")

    def _failed(self, why: str, now: str) -> None:
        problem = {"what": "The data set could not be looked at.", "why": why, "now": now}
        self._say({"view": None, "working": "", "problem": problem})
