"""Answers what the inspector's table asks for: views, pages, rows and columns of a data set of any size.

Each request has an `id` that its answers carry. An answer is `{kind: "table", of, id, ...}` and stays under 1 MB; one
that could not be given has `error`, one line for a person, or `cancelled`. table-types.ts says what the rest is.
"""

from __future__ import annotations

import contextvars
import dataclasses
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from tunebook.pipeline.data.lookout import Lookout
from tunebook.pipeline.data.report import Lens
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.data.table import Cancel, Cancelled, Cell, Sort, Table, View, open_table
from tunebook.pipeline.data.table.files import improve
from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.widgets.lanes import Lane

Reply = dict[str, Any]

ROWS_MOST, COLUMNS_MOST = 400, 64
CELL_MOST = 300
REPLY_BYTES = 900_000
VIEWS_KEPT = 4
BARS = 32
#: Views of a search that runs are told so often a second at most.
TOLD_EVERY = 0.1
#: Below so many rows even scattered ones are quick to reach where they lie.
COPY_FROM = 100_000
KINDS = {
    "view": "view",
    "page": "page",
    "row": "row",
    "tokens": "tokens",
    "profile": "column",
    "histogram": "bars",
}
#: Rows that are likely to be opened next and labelled with the one that is.
NEAR_MOST = 12


class TableDesk:
    """One table and those who look at it.

    `send` takes a reply, `tell` what the panel is to say of the table itself: {"table", "opening", "table_problem"}.
    Both are called on threads of the desk. `rows_of` knows the rows of a finding by its key, `lens` through what a row
    becomes what the trainer sees.
    """

    def __init__(
        self,
        find: Callable[[], Source],
        send: Callable[[Reply], None],
        tell: Callable[[Reply], None],
        rows_of: Callable[[str], list[int]],
        lens: Callable[[], Lens | None],
    ) -> None:
        self._find, self._send, self._tell, self._rows_of, self._lens = find, send, tell, rows_of, lens
        context = contextvars.copy_context()
        self._lanes = {name: Lane(f"tunebook-table-{name}", context) for name in ("open", *set(KINDS.values()))}
        self._opened = threading.Event()
        self._source: Source | None = None
        self._table: Table | None = None
        self._lookout = Lookout()
        self._views: OrderedDict[str, View] = OrderedDict()
        self._lanes["open"].do(self._open)

    def answer(self, request: dict[str, Any]) -> bool:
        """Take on a request of the browser and return at once; False if it is none for the table."""
        kind, asked = request.get("kind"), request.get("id")
        if kind == "cancel" and "of" in request:
            lane = self._lanes.get(KINDS.get(str(request["of"]), str(request["of"])))
            if lane:
                lane.cancel()
            return True
        if kind not in KINDS or not isinstance(asked, str):
            return False
        work = {
            "view": self._view,
            "page": self._page,
            "row": self._row,
            "tokens": self._tokens,
            "profile": self._profile,
            "histogram": self._histogram,
        }[str(kind)]
        self._lanes[KINDS[str(kind)]].do(lambda cancel: self._reply(str(kind), asked, request, work, cancel))
        return True

    def close(self) -> None:
        """End all that is under way."""
        for lane in self._lanes.values():
            lane.close()
        self._lookout.close()
        if self._table:
            self._table.close()

    # Opening

    def _open(self, cancel: Cancel) -> None:
        def told(share: float) -> None:
            self._tell({"opening": f"Preparing the table, {share:.0%}"})

        try:
            self._source = source = self._find()
            self._tell({"opening": "Preparing the table"})
            self._table = table = open_table(source, cancel=cancel, progress=told)
            columns = [dataclasses.asdict(column) for column in table.columns]
            self._opened.set()
            self._tell({"table": {"columns": columns, "rows": table.count}, "opening": "", "table_problem": ""})
            if table.in_place and table.count >= COPY_FROM:
                improve(table, source, cancel=cancel)
        except Cancelled:
            self._tell(
                {"opening": "", "table_problem": "" if self._table else "The table was not prepared: cancelled."}
            )
        except Exception as error:  # noqa: BLE001  on a thread of its own nobody else would hear of it
            # A copy that fails only leaves the table as quick as it was.
            if self._table is None:
                self._tell({"opening": "", "table_problem": line(error)})
        finally:
            self._opened.set()

    # Requests

    def _reply(
        self,
        kind: str,
        asked: str,
        request: dict[str, Any],
        work: Callable[[Table, dict[str, Any], Cancel], Reply],
        cancel: Cancel,
    ) -> None:
        try:
            cancel.check()
            while not self._opened.wait(0.05):
                cancel.check()
            if self._table is None:
                raise TunebookError("the table could not be prepared")
            found = work(self._table, request, cancel)
        except Cancelled:
            found = {"cancelled": True}
        except Exception as error:  # noqa: BLE001  whatever it is, the person who asked must see it
            found = {"error": line(error)}
        self._send({"kind": "table", "of": kind, "id": asked, **found})

    def _view(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        asked, last = str(request["id"]), 0.0

        def seen(view: View, share: float) -> None:
            nonlocal last
            self._keep(asked, view)
            if time.monotonic() - last >= TOLD_EVERY and view.count:
                last = time.monotonic()
                self._send({"kind": "table", "of": "view", "id": asked, "count": view.count, "share": share})

        sort, rows, finding = request.get("sort"), request.get("rows"), request.get("finding")
        if isinstance(finding, str):
            rows = self._rows_of(finding) or rows
        view = table.view(
            search=text(request, "search"),
            where=text(request, "where"),
            sort=Sort(str(sort.get("column")), bool(sort.get("descending"))) if isinstance(sort, dict) else None,
            rows=[row for row in rows if isinstance(row, int)] if isinstance(rows, list) else None,
            cancel=cancel,
            seen=seen,
        )
        self._keep(asked, view)
        return {"count": view.count, "share": 1}

    def _keep(self, name: str, view: View) -> None:
        self._views[name] = view
        while len(self._views) > VIEWS_KEPT:
            self._views.popitem(last=False)

    def _page(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        name = text(request, "view")
        view = self._views.get(name) if name else table.view()
        if view is None:
            return {"gone": True}
        start, length = whole(request, "start"), min(whole(request, "length"), ROWS_MOST)
        columns = request.get("columns")
        wanted = [at for at in columns if isinstance(at, int)] if isinstance(columns, list) else None
        wanted = (wanted if wanted is not None else list(range(len(table.columns))))[:COLUMNS_MOST]
        most = CELL_MOST
        while True:
            page = table.page(view, start, length, wanted, most=most, cancel=cancel)
            reply = {"start": page.start, "columns": page.columns, "rows": [[row, *cells] for row, cells in page.rows]}
            if size(reply) <= REPLY_BYTES or most < 8:
                return reply
            most //= 4

    def _row(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        number, most = whole(request, "row"), REPLY_BYTES // 2
        while True:
            cells: list[Cell] = table.row(number, most=most, cancel=cancel)
            reply = {"row": number, "cells": cells[:1000]}
            if size(reply) <= REPLY_BYTES or most < 8:
                return reply
            most //= 4

    def _tokens(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        lens = self._lens()
        if lens is None or self._source is None:
            raise TunebookError("the trainer's tokens are known only with a model and a method that fits")
        near = request.get("near")
        more = [row for row in near if isinstance(row, int)][:NEAR_MOST] if isinstance(near, list) else []
        told = {"kind": "table", "of": "tokens", "id": request["id"]}
        seen, *others = self._lookout.look(
            self._source,
            [whole(request, "row"), *more],
            lens,
            cancel,
            lambda why: self._send({**told, "waiting": why}),
        )
        while size({"seen": seen, "near": others}) > REPLY_BYTES and others:
            others.pop()
        return {"seen": seen, "near": others}

    def _profile(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        return {"profile": dataclasses.asdict(table.profile(text(request, "column") or "", cancel=cancel))}

    def _histogram(self, table: Table, request: dict[str, Any], cancel: Cancel) -> Reply:
        bars = table.histogram(text(request, "column") or "", BARS, cancel=cancel)
        return {"histogram": dataclasses.asdict(bars)}


def line(error: Exception) -> str:
    """One line for a person."""
    told = str(error) if isinstance(error, TunebookError) else f"{type(error).__name__}: {error}"
    told = " ".join(told.split())
    return told[:1].upper() + told[1:600]


def text(request: dict[str, Any], name: str) -> str | None:
    """A text of a request that is not empty."""
    value = request.get(name)
    return value if isinstance(value, str) and value else None


def whole(request: dict[str, Any], name: str) -> int:
    """A number of a request. Raises CallError for what is none."""
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise CallError(name, f"is {value!r}", "give a number")
    return max(0, int(min(value, 2**53)))


def size(reply: Reply) -> int:
    """Bytes of a reply on its way, at the least."""
    return len(json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace"))
