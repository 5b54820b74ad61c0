"""Following runs in this kernel: one thread and one `Live` for each run, however many panels show it.

The thread looks at the run a few times a second, hands new facts to whoever listens when something has changed, and
ends by itself when the run has ended and everybody was told, or when nobody listens any more.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.watch import Live, Point
from tunebook.widgets.facts import Facts, Gatherer
from tunebook.widgets.rented import hardware_view, rented_facts

if TYPE_CHECKING:
    from tunebook.widgets.views import View

#: Seconds between two looks at a run that works: people need no more, and servers drop what comes too fast.
POLL_S = 0.25
#: Seconds between two looks at a run that waits for a person, or that cannot be read right now.
QUIET_S = 1.0
#: How many lost messages can be sent again one by one; who missed more gets everything.
MARKS_KEPT = 512
#: The browser's messages stop at 10 MiB; a message of points stays far below.
POINTS_A_MESSAGE = 20_000


@dataclass(frozen=True)
class PointsMessage:
    """`content` and `buffers` as widgets/shared/types.ts describes them."""

    content: View
    buffers: list[bytes]


@dataclass(frozen=True)
class Update:
    """What changed since the last update. `points` is None when no metric came.

    `trouble` says why the run could not be read just now; `facts` are then the last that were known, if any.
    """

    facts: Facts | None
    points: PointsMessage | None = None
    trouble: str = ""


Listener = Callable[[Update], None]


class PointLog:
    """Numbers the messages of points, and says again what came after any of them. Its owner locks."""

    def __init__(self) -> None:
        self.seq = 0
        self._began = 0.0
        self._generation = 0
        self._sent: dict[str, int] = {}
        self._series: dict[str, list[Point]] = {}
        #: (seq, how many points of each series had been sent with it), the oldest first.
        self._marks: deque[tuple[int, dict[str, int]]] = deque([(0, {})], maxlen=MARKS_KEPT)

    def take(self, live: Live, began: float) -> PointsMessage | None:
        """The message with what is new in `live`, or None. `began` is the run's begin in seconds since the epoch."""
        reset = live.generation != self._generation
        self._generation, self._began = live.generation, began
        self._series = {name: list(points) for name, points in (live.series | live.hardware.series).items()}
        if reset:
            self._sent = {}
            self._marks.clear()
        sizes = {name: len(points) for name, points in self._series.items()}
        if not reset and sizes == self._sent:
            return None
        message = self._message(self._sent, self.seq + 1, reset=reset)
        self.seq, self._sent = self.seq + 1, sizes
        self._marks.append((self.seq, sizes))
        return message

    def since(self, seq: int) -> list[PointsMessage]:
        """What came after message `seq`; everything, with `reset`, for 0 or one that is too old to be known."""
        known = next((sizes for mark, sizes in self._marks if mark == seq), None) if seq > 0 else None
        if known is not None:
            return [self._message(known, self.seq, reset=False)]
        return self._everything()

    def _everything(self) -> list[PointsMessage]:
        """All points in as few messages as their size allows; only the first resets."""
        messages: list[PointsMessage] = []
        start: dict[str, int] = {}
        while not messages or any(start.get(name, 0) < len(points) for name, points in self._series.items()):
            end = {
                name: min(len(points), start.get(name, 0) + POINTS_A_MESSAGE // max(1, len(self._series)))
                for name, points in self._series.items()
            }
            messages.append(self._message(start, self.seq, reset=not messages, until=end))
            start = end
        return messages

    def _message(
        self, after: dict[str, int], seq: int, *, reset: bool, until: dict[str, int] | None = None
    ) -> PointsMessage:
        series: list[View] = []
        buffers: list[bytes] = []
        for name, points in self._series.items():
            fresh = points[after.get(name, 0) : until[name] if until else None]
            if fresh:
                series.append({"name": name, "n": len(fresh)})
                buffers.append(b"".join(map(self._packed, fresh)))
        return PointsMessage({"kind": "points", "seq": seq, "reset": reset, "series": series}, buffers)

    def _packed(self, point: Point) -> bytes:
        value = float("nan") if point.value is None else point.value
        return struct.pack("<3d", point.step, value, point.time - self._began)


class Feed:
    """One run, looked at for all its listeners. Listeners are called on the feed's own thread, one after another."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._live = Live(run_id)
        self._gatherer = Gatherer(self._live)
        self._log = PointLog()
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: Facts | None = None
        self._troubled = False

    def look(self) -> Facts:
        """Look now, on the calling thread, and tell everybody what is new."""
        with self._lock:
            self._look()
            assert self._last is not None
            return self._last

    def since(self, seq: int) -> list[PointsMessage]:
        with self._lock:
            return self._log.since(seq)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on; the returned function ends that."""
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None and not (self._last and self._last.run.finished):
                self._thread = threading.Thread(target=self._follow, name=f"tunebook-{self.run_id}", daemon=True)
                self._thread.start()

        def leave() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)
            self._wake.set()

        return leave

    def nudge(self) -> None:
        """Look again at once: somebody has just asked for something."""
        self._wake.set()

    def _follow(self) -> None:
        while True:
            with self._lock:
                gone = False
                try:
                    self._look()
                except CallError as error:  # it was cleaned away
                    gone = True
                    self._tell(Update(self._last, trouble=str(error)))
                except Exception as error:  # noqa: BLE001  a full disk, a locked file: told, and tried again
                    self._troubled = True
                    self._tell(Update(self._last, trouble=f"{type(error).__name__}: {error}"))
                if gone or not self._listeners or (self._last is not None and self._last.run.finished):
                    self._thread = None
                    return
                pause = POLL_S if self._at_work() else QUIET_S
            self._wake.wait(pause)
            self._wake.clear()

    def _at_work(self) -> bool:
        if self._troubled or self._last is None:
            return False
        run = self._last.run
        waits = run.state == "draft" and run.plan_id is not None and not self._last.proving
        return run.state in ("confirmed", "running", "cancelling", "draft") and not waits

    def _look(self) -> None:
        self._live.poll()
        facts = self._gatherer.gather()
        message = self._log.take(self._live, facts.run.confirmed_at or facts.run.created_at)
        changed = self._troubled or message is not None or self._last is None or _moving(facts) != _moving(self._last)
        self._last, self._troubled = facts, False
        if changed:
            self._tell(Update(facts, message))

    def _tell(self, update: Update) -> None:
        for listener in list(self._listeners):
            listener(update)


def _moving(facts: Facts) -> tuple[object, ...]:
    """What a panel draws anew when it changes, small enough to compare."""
    progress = facts.progress
    return (
        facts.run,
        facts.supervised,
        facts.inspection is not None,
        facts.proof,
        facts.step,
        len(facts.checkpoints),
        len(facts.scores),
        (progress.text, progress.done, progress.total),
        facts.log,
        facts.comparison is not None,
        facts.export is not None,
        facts.report,
        # Time and money that pass while nothing else happens: as they are written, so that a second alone changes nothing.
        rented_facts(facts),
        hardware_view(facts),
    )


_feeds: dict[str, Feed] = {}
_feeds_lock = threading.Lock()


def feed_of(run_id: str) -> Feed:
    """The feed of a run, shared by everything that follows it in this process. Raises CallError for an unknown run."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.watch import look

    look(Journal(home()), run_id)
    with _feeds_lock:
        key = f"{home()}\n{run_id}"
        feed = _feeds.get(key)
        if feed is None:
            feed = _feeds[key] = Feed(run_id)
        return feed
