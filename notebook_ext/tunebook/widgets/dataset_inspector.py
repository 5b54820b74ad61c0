"""A data set as a trainer sees it, alone in a cell: `DatasetInspector(dataset, model=None)`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.snapshot import ended
from tunebook.widgets.table_panel import TablePanel
from tunebook.widgets.views import data_view

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import Inspection
    from tunebook.pipeline.data.source import Source
    from tunebook.pipeline.spec import Spec
    from tunebook.widgets.views import View

#: Seconds between two words on the progress: every one sends the panel's whole state.
TOLD_EVERY_S = 0.5


class DatasetInspector(TablePanel):
    """The table of all rows at once, and the findings as soon as the inspection, a job of its own, has made them.

    `dataset` is a Hub id, a local path, a datasets.Dataset or DatasetDict, or a pandas or polars frame; `model` the one
    whose tokenizer and template to use, which can be named in the panel too. What is chosen there is in `spec`; the data
    itself is never changed. Raises CallError for values that can be none of these.
    """

    bundle_name = "dataset-inspector"
    after_trouble = "The data is not touched."

    def __init__(self, dataset: Any, model: str | None = None) -> None:
        from tunebook.pipeline.data.memory import placed
        from tunebook.pipeline.data.rows import name_of

        self._asked: dict[str, Any] = {"dataset": placed(dataset), **({"model": model} if model else {})}
        self._chosen: dict[str, Any] = {}
        self._seen_with: dict[str, Any] = {}  # what was chosen for the look whose findings are shown
        self._spec = _spec_of(self._asked)
        self._name = name_of(dataset)
        self._found: Inspection | None = None
        self._looks = 0
        super().__init__()
        self._look(f"Reading {self._name}")

    @property
    def spec(self) -> dict[str, Any]:
        """What was given and what was chosen, as `tunebook.plan(instruction, **inspector.spec)` takes it."""
        return self._spec.said()

    def source(self) -> Source:
        from tunebook.pipeline.data import locate

        spec = self._spec
        if not spec.dataset:
            raise CallError("dataset", "is missing", "name a file, a folder or a data set on the Hub")
        return locate(spec.dataset, config=spec.dataset_config, split=spec.split, revision=spec.dataset_revision)

    def inspection(self) -> Inspection | None:
        return self._found

    def answer(self, request: dict[str, Any]) -> None:
        """A click on a remedy or on what was chosen, or another model or method to look with."""
        kind = request.get("kind")
        if kind == "fix":
            self._choose(self.fix_of(request).fields)
        elif kind == "take_back":
            self._choose({str(request.get("field")): None})
        elif kind == "see_as":
            self._choose({name: request[name] or None for name in ("model", "method") if name in request})
        elif kind == "cancel" and request.get("of") == "inspection":
            self._stop()
        else:
            super().answer(request)

    def _choose(self, fields: dict[str, Any]) -> None:
        """Look again with these fields: None takes one back, a list is added to the one that is there.

        A wrong one is only said: a look that is under way goes on.
        """
        chosen = dict(self._chosen)
        for name, value in fields.items():
            before = chosen.pop(name, None)
            if isinstance(value, list) and isinstance(before, list):
                value = list(dict.fromkeys([*before, *value]))
            if value is not None and value != self._asked.get(name):
                chosen[name] = value
        if chosen == self._chosen and (self._working() or self._settled()):
            return
        try:
            spec = _spec_of(self._asked | chosen)
        except CallError as error:
            self._say(self._looks, {"problem": _problem("That cannot be chosen.", error)})
            return
        self._spec, self._chosen = spec, chosen
        self._look("Looking again")

    def _working(self) -> bool:
        return bool((self.snapshot or {}).get("working"))

    def _settled(self) -> bool:
        """Whether another look with the same fields could show nothing new."""
        shown = self.snapshot or {}
        return self._found is not None and not shown.get("problem") and not shown.get("table_problem")

    def _stop(self) -> None:
        """End the look that is under way; what was seen before stays, and so does the table."""
        if self._working():
            with self._state_lock:
                self._looks += 1
                self._chosen = self._seen_with
                self._spec = _spec_of(self._asked | self._chosen)
            now = f"{'What was found before stays. ' if self._found else ''}Look checks the rows again."
            problem = {"what": "The checks were stopped.", "why": "", "now": now}
            self._say(self._looks, {"working": "", "problem": problem})

    def _look(self, why: str) -> None:
        with self._state_lock:
            self._looks += 1
            number = self._looks
        self._say(number, {"working": why, "problem": None})
        self.open_table()
        # A copy of the cell's context: an earlier look may still be ending in it.
        threading.Thread(
            target=self._cell.copy().run, args=(self._inspect, number), name="tunebook-inspect", daemon=True
        ).start()

    def _say(self, number: int, changes: View) -> None:
        """Show it, unless another look has begun since."""
        with self._state_lock:
            if not self._closed and number == self._looks:
                fields = self._asked | self._chosen
                seen_as = {name: fields.get(name) or "" for name in ("model", "method")}
                self.show({"view": None, **(self.snapshot or {}), **seen_as, **changes})

    def _inspect(self, number: int) -> None:
        try:
            found = self._look_at_it(number)
            with self._state_lock:
                if number != self._looks:
                    return
                self._found, self._seen_with = found, self._chosen
            view = data_view(found, self._remedies(), decides=True) | {"dataset": self._name}
            self._say(number, {"view": view, "working": ""})
        except Exception as error:  # noqa: BLE001  on a thread of its own nobody else would hear of it
            # What was seen before stays, so that what is wrong can be put right.
            self._say(number, {"working": "", "problem": _problem("The data set could not be looked at.", error)})

    def _remedies(self) -> dict[str, Any]:
        """What was chosen among the remedies; model and method have fields of their own."""
        return {name: value for name, value in self._chosen.items() if name not in ("model", "method")}

    def _look_at_it(self, number: int) -> Inspection:
        from tunebook.pipeline.plan.checkpoint_model import find_model
        from tunebook.pipeline.plan.looking import Watched, inspect_for

        told = 0.0

        def still_wanted() -> None:
            if self._closed or number != self._looks:
                raise TunebookError("nobody waits for it any more")

        def tell(event: dict[str, Any]) -> None:
            nonlocal told
            if event["event"] == "progress" and time.monotonic() - told >= TOLD_EVERY_S:
                told = time.monotonic()
                self._say(number, {"working": str(event.get("text") or "Looking at the rows")})

        spec, model = self._spec, self._spec.model
        watched = Watched(check=still_wanted, on_event=tell)
        return inspect_for(spec, find_model(model, None) if model else None, watched)


def _problem(what: str, error: Exception) -> View:
    now = ""
    if isinstance(error, CallError):
        why, now = f"{error.field} {error.problem}", error.remedy
    elif isinstance(error, TunebookError):
        why = str(error)
    else:
        why = f"{type(error).__name__}: {error}"
    return {"what": what, "why": ended(why), "now": ended(now)}


def _spec_of(fields: dict[str, Any]) -> Spec:
    from tunebook.pipeline.control import anchored
    from tunebook.pipeline.spec import make_spec

    return anchored(make_spec(**fields))
