"""What stays of a run in a saved notebook: HTML without scripts and the loss curve as a PNG, in an output of its own.

Front ends without the widget's state show neither panel nor fallback, hence this second output. It is found again by
its display id and filled once, when the run has ended.
"""

from __future__ import annotations

import base64
import contextvars
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from tunebook.widgets.feed import Update, feed_of
from tunebook.widgets.snapshot import run_snapshot, stages
from tunebook.widgets.words import UNKNOWN, duration, loss, number, shortened, size

if TYPE_CHECKING:
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View

#: A curve takes a few points a pixel at most; what a saved notebook may weigh is counted in these bytes.
CURVE_MOST_BYTES = 100_000
TEXT_MOST = 600


def static_html(facts: Facts, curve: bytes | None) -> str:
    """The run in one page: a sentence a stage, the comparison, the answer, the files. All text is escaped."""
    state = run_snapshot(facts)
    parts = [f"<p><b>{_text(state['title'])}</b> {_text(state['subtitle'])}: {_text(_end(facts))}</p>"]
    if state["problem"]:
        parts.append("<p>" + "<br>".join(_text(state["problem"][part]) for part in ("what", "why", "now")) + "</p>")
    parts.append(_list([(stage["label"], _said(state, stage)) for stage in stages(facts)]))
    if curve:
        image = base64.b64encode(curve).decode()
        parts.append(f'<img alt="training and held-out values against the step" src="data:image/png;base64,{image}">')
    if state["compare"] and state["compare"]["rows"]:
        parts.append(_comparison(state["compare"]))
    if state["publish"]:
        parts.append(_published(state["publish"]))
    return f'<div class="tunebook-static tunebook-static-{_text(facts.run.run_id)}">{"".join(parts)}</div>'


def static_text(facts: Facts) -> str:
    """The same in one line, for front ends that show text only."""
    return f"tunebook {facts.run.run_id}: {_end(facts)}"


def _end(facts: Facts) -> str:
    run = facts.run
    took = f" in {duration(run.ended_at - run.created_at)}" if run.ended_at else ""
    return f"{ {'succeeded': 'finished'}.get(run.state, run.state) }{took}"


def _said(state: View, stage: View) -> str:
    view = state[stage["id"]]
    words = (
        view["sentence"] if view else {"skipped": "not done", "waiting": "not begun"}.get(stage["state"], stage["note"])
    )
    # The sentence of the run says itself how long it took.
    took = f" ({duration(stage['seconds'])})" if stage["seconds"] and stage["id"] != "run" else ""
    return f"{words or UNKNOWN}{took}"


def _comparison(view: View) -> str:
    rows = [
        [
            row["checkpoint"] + (" (best)" if row["checkpoint"] == view["best"] else ""),
            f"{row['passed']:,} of {row['total']:,}" if row["passed"] is not None else number(row["score"]),
            f"{number(row['ci'][0])} to {number(row['ci'][1])}",
            _against(row),
            loss(row["heldout_loss"]),
        ]
        for row in view["rows"]
    ]
    solved = "solved" if view["rows"][0]["passed"] is not None else view["metric"]
    return _table(["checkpoint", solved, "95 % interval", "against base", "held-out loss"], rows)


def _against(row: View) -> str:
    if not row["vs_base"]:
        return UNKNOWN
    delta, p = row["vs_base"]["delta"], row["vs_base"]["p"]
    shown = f"{delta * 100:+.3g} points" if row["passed"] is not None else f"{delta:+.3g}"
    return shown if p is None else f"{shown}, p {'< 0.001' if p < 0.001 else number(p, 2)}"


def _published(view: View) -> str:
    parts = []
    if answer := view["answer"]:
        expected = f" (expected: {_text(answer['expected'])})" if answer["expected"] else ""
        parts.append(
            f"<p>Asked: {_text(answer['prompt'])}<br>The GGUF answers: <b>{_text(answer['answer'])}</b>{expected}</p>"
        )
    rows = [
        [file["label"], file["path"], size(file["bytes"]) if file["bytes"] is not None else UNKNOWN]
        for file in view["files"]
    ]
    if rows:
        parts.append(_table(["file", "path", "size"], rows))
    if view["try_it"]:
        parts.append(f"<pre>{_text(view['try_it'])}</pre>")
    return "".join(parts)


def _list(items: list[tuple[str, str]]) -> str:
    return "<ul>" + "".join(f"<li><b>{_text(name)}</b>: {_text(words)}</li>" for name, words in items) + "</ul>"


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{_text(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    return escape(shortened(str(value), TEXT_MOST), quote=True)


def curve_png(facts: Facts) -> bytes | None:
    """The curve that the report drew, or one of the points that are there; None without a point."""
    from tunebook.pipeline.report import draw_curve
    from tunebook.pipeline.run_folder import RunFolder

    path = RunFolder(facts.run.run_id).curve
    if not path.exists() and not draw_curve(facts.series, path):
        return None
    drawn = path.read_bytes()
    return drawn if len(drawn) <= CURVE_MOST_BYTES else None


def static_bundle(facts: Facts) -> dict[str, Any]:
    """The MIME bundle of the static form."""
    curve = curve_png(facts)
    bundle: dict[str, Any] = {"text/plain": static_text(facts), "text/html": static_html(facts, curve)}
    if curve:
        bundle["image/png"] = base64.b64encode(curve).decode()
    return bundle


class StaticOutput:
    """The second output of a cell: next to nothing while the run goes on, its static form when it has ended."""

    def __init__(self, run_id: str) -> None:
        self._feed = feed_of(run_id)
        self._leave: Callable[[], None] | None = None
        facts = self._feed.look()
        if facts.run.finished:
            _display(static_bundle(facts))
            return
        self._display_id = f"tunebook-static-{run_id}-{id(self):x}"
        _display({"text/plain": ""}, display_id=self._display_id)
        # An update from a thread belongs to this cell, whatever cell runs by then.
        self._cell = contextvars.copy_context()
        self._leave = self._feed.listen(lambda update: self._cell.run(self._take, update))

    def _take(self, update: Update) -> None:
        if update.facts is None or not update.facts.run.finished or update.trouble or self._leave is None:
            return
        self._leave()
        self._leave = None
        _display(static_bundle(update.facts), display_id=self._display_id, update=True)


def _display(bundle: dict[str, Any], **settings: Any) -> None:
    from IPython.display import publish_display_data

    transient = {"display_id": settings["display_id"]} if "display_id" in settings else {}
    update = bool(settings.get("update", False))
    publish_display_data(bundle, transient=transient, update=update)  # type: ignore[no-untyped-call]
