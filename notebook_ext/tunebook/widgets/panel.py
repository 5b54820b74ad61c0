"""What the five panels share: their bundle, their snapshot, and the run that some of them follow."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from tunebook.pipeline.errors import TunebookError, WorkFailed
from tunebook.widgets.feed import Feed, PointsMessage, Update, feed_of

if TYPE_CHECKING:
    from tunebook.widgets.facts import Facts
    from tunebook.widgets.views import View

STATIC = Path(__file__).parent / "static"


def bundle(name: str) -> str:
    """The JavaScript of a panel. Raises WorkFailed where it was not built (a checkout without its bundles)."""
    path = STATIC / f"{name}.js"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WorkFailed(
            f"the panel's bundle {path.name} is missing: run `npm run build` in the project's folder"
        ) from None


def parts() -> dict[str, str]:
    """What a panel's bundle leaves out until it is looked at, by name: the texts of `static/NAME.part.js`."""
    return {path.name.removesuffix(".part.js"): path.read_text(encoding="utf-8") for path in STATIC.glob("*.part.js")}


class Panel(anywidget.AnyWidget):
    """A panel that draws its `snapshot`, a JSON object of widgets/shared/types.ts.

    `bundle_name` names the panel's file in static/. The text is read once for each class, when the first one is made.
    """

    bundle_name = ""
    #: What is true whatever went wrong in the panel itself.
    after_trouble = "Run the cell again."
    #: Read together with the bundle, so that both are of one build however long the kernel lives.
    _parts: ClassVar[dict[str, str]] = {}
    snapshot = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self) -> None:
        if "_esm" not in type(self).__dict__:
            type(self)._esm = bundle(self.bundle_name)
            type(self)._parts = parts()
        self._state_lock = threading.RLock()
        self._seq = 0
        # What the panel sends later belongs to the cell that made it, whatever cell runs by then.
        self._cell = contextvars.copy_context()
        super().__init__()
        self.on_msg(lambda _, content, buffers: self._received(content))

    def show(self, snapshot: View) -> None:
        """Send a new state. From any thread."""
        with self._state_lock:
            self._seq += 1
            self.snapshot = {**snapshot, "seq": self._seq}

    def _received(self, content: Any) -> None:
        """A request of the browser; other kinds are of a newer version and mean nothing here."""
        if not isinstance(content, dict):
            return
        try:
            self.answer(content)
        except TunebookError as error:
            self.trouble(str(error))
        except Exception as error:  # noqa: BLE001  whatever it is, the person who clicked must see it
            self.trouble(f"{type(error).__name__}: {error}")

    def answer(self, request: dict[str, Any]) -> None:
        """Do what the browser asks. "hello" is sent with the first drawing: it gets the state of that moment."""
        kind, name = request.get("kind"), str(request.get("name"))
        if kind == "hello":
            self.send_state("snapshot")
        elif kind == "part":
            missing = "it was not built, run `npm run build` in the project's folder"
            told = {"text": self._parts[name]} if name in self._parts else {"error": missing}
            self.send({"kind": "part", "name": name, **told})

    def trouble(self, why: str) -> None:
        """Show that something went wrong in the panel itself."""
        with self._state_lock:
            told = {"what": "The panel could not do that.", "why": why, "now": self.after_trouble}
            self.show({**(self.snapshot or {}), "problem": told})


class RunPanel(Panel):
    """A panel that follows a run until it has ended or the panel is closed."""

    after_trouble = "The run itself is not touched."

    def __init__(self, run: str) -> None:
        self._feed: Feed = feed_of(run)
        super().__init__()
        self._leave: Callable[[], None] | None = None
        self.updated(Update(self._feed.look()))
        self._leave = self._feed.listen(lambda update: self._cell.run(self._took, update))

    def draw(self, facts: Facts) -> View:
        """The snapshot of these facts."""
        raise NotImplementedError

    def updated(self, update: Update) -> None:
        """Show what is new. Called on the feed's thread."""
        if update.facts is not None:
            snapshot = self.draw(update.facts)
            if update.trouble:
                told = {"what": "The run cannot be read right now.", "why": update.trouble}
                snapshot["problem"] = {**told, "now": "What is shown is the last that was known; it is tried again."}
            self.show(snapshot)
        if update.points is not None:
            self._send_points(update.points)

    def _took(self, update: Update) -> None:
        try:
            self.updated(update)
        except Exception as error:  # noqa: BLE001  one panel's fault must not end the thread that others listen to
            self.trouble(f"{type(error).__name__}: {error}")

    def _send_points(self, message: PointsMessage) -> None:
        self.send(message.content, buffers=message.buffers)

    def answer(self, request: dict[str, Any]) -> None:
        if request.get("kind") == "since":
            seq = request.get("seq")
            for message in self._feed.since(seq if isinstance(seq, int) else 0):
                self._send_points(message)
        else:
            super().answer(request)

    def close(self) -> None:
        """Stop following; the run goes on."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        super().close()


def run_id_of(run: Any) -> str:
    """The id of a run that is given as its id, the beginning of it, or anything with a `run_id`."""
    from tunebook.pipeline.control import find_run

    return find_run(str(getattr(run, "run_id", run)))
