"""The SQLite file: events are appended, never changed; leases say which supervisor may write.

A supervisor's events carry the fencing token of its lease. The token is checked in the same transaction as the
write, so an owner that was replaced while it slept can no longer write.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.errors import TunebookError
from tunebook.pipeline.journal.trouble import VERSION, require_ours, require_version, told
from tunebook.pipeline.process import ProcessId

SCHEMA = """
CREATE TABLE IF NOT EXISTS plans (plan_id TEXT PRIMARY KEY, time REAL NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_run ON events (run_id, seq);
CREATE TABLE IF NOT EXISTS leases (run_id TEXT PRIMARY KEY, fence INTEGER NOT NULL, owner TEXT);
CREATE TABLE IF NOT EXISTS forgotten (
    seq INTEGER PRIMARY KEY, run_id TEXT NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
"""

#: What stays of a forgotten run that cost money: a month's spending must not shrink by tidying up.
MONEY = ("submitting", "attempt")

#: Write-ahead logs need shared memory, which these file systems do not offer between machines.
NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "lustre",
    "gpfs",
    "beegfs",
    "9p",
    "fuse.sshfs",
    "afs",
    "ceph",
}

#: What a person may write without holding the lease.
REQUESTS = frozenset(
    {"created", "revised", "planned", "confirmed", "stop_requested", "cancel_requested", "resume_requested"}
)


class StaleOwner(TunebookError):
    """Another supervisor has taken the run over; this one must stop without writing."""


class Event(BaseModel):
    seq: int
    run_id: str
    time: float
    kind: str
    data: dict[str, Any]


class Journal:
    """One journal file. Instances are cheap; each call opens its own connection, so threads need no lock.

    Every call raises JournalRefused for a file of a newer tunebook, and JournalUnusable where the disk does not let it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.sqlite"
        require_ours(self.path)
        with self._connect() as db:
            mode = "DELETE" if _file_system(folder) in NETWORK_FILE_SYSTEMS else "WAL"
            db.execute(f"PRAGMA journal_mode={mode}")
            db.executescript(SCHEMA)
            if db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                db.execute(f"PRAGMA user_version={VERSION}")  # new, or of the time before there were versions
        if stat.S_IMODE(self.path.stat().st_mode) != 0o600:
            os.chmod(self.path, 0o600)

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with told(self.path), closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            # A newer tunebook may have taken it over since this one opened it.
            require_version(self.path, db.execute("PRAGMA user_version").fetchone()[0])
            yield db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connect() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk may have ended it already
                    db.execute("ROLLBACK")
                raise

    # Plans

    def save_plan(self, plan_id: str, body: dict[str, Any]) -> None:
        """Keep a plan. The same id has the same consented content; its forecasts may be newer, so the last one stays."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO plans VALUES (?, ?, ?)", (plan_id, time.time(), json.dumps(body)))

    def plan(self, plan_id: str) -> dict[str, Any] | None:
        with self._connect() as db:
            row = db.execute("SELECT body FROM plans WHERE plan_id = ?", (plan_id,)).fetchone()
        return json.loads(row[0]) if row else None

    def plan_ids(self, prefix: str) -> list[str]:
        with self._connect() as db:
            rows = db.execute(
                "SELECT plan_id FROM plans WHERE substr(plan_id, 1, ?) = ?", (len(prefix), prefix)
            ).fetchall()
        return [row[0] for row in rows]

    # Runs and events

    def create_run(
        self,
        run_id: str,
        data: dict[str, Any],
        *,
        same_as: tuple[str, Any] | None,
        then: Sequence[tuple[str, dict[str, Any]]] = (),
    ) -> tuple[str, bool]:
        """Create a run, or find the unfinished one that equals it, in one transaction.

        `same_as` names a key of the run's folded identity (`spec_hash` or `plan_id`) and its value; None always creates.
        `then` are the events that a new run has from the first: of one that another machine has started.
        Returns the run's id and whether it was created.
        """
        from tunebook.pipeline.journal.fold import fold

        with self._transaction() as db:
            if same_as is not None:
                for other in _run_ids(db):
                    state = fold(_events(db, other))
                    if state.equals(*same_as) and not state.finished:
                        return other, False
            for kind, content in [("created", data), *then]:
                _insert(db, run_id, kind, content)
        return run_id, True

    def append(
        self,
        run_id: str,
        kind: str,
        *,
        fence: int | None = None,
        allowed: Callable[[list[Event]], None] | None = None,
        **data: Any,
    ) -> int:
        """Append one event and return its number. Without a fence only a person's requests are taken.

        `allowed` sees `all_events` in the same transaction; what it raises is raised, and nothing is written.
        Raises StaleOwner if the fence is no longer the run's newest.
        """
        if fence is None and kind not in REQUESTS:
            raise ValueError(f"{kind} is written by the supervisor only")
        with self._transaction() as db:
            if fence is not None:
                row = db.execute("SELECT fence FROM leases WHERE run_id = ?", (run_id,)).fetchone()
                if row is None or row[0] != fence:
                    raise StaleOwner(f"{run_id} has another supervisor")
            if allowed is not None:
                allowed(_all_events(db))
            return _insert(db, run_id, kind, data)

    def all_events(self) -> list[Event]:
        """The events of all runs in order, and what is kept of forgotten runs that cost money (see MONEY)."""
        with self._connect() as db:
            return _all_events(db)

    def events(self, run_id: str, since: int = 0) -> list[Event]:
        with self._connect() as db:
            return _events(db, run_id, since)

    def run_ids(self) -> list[str]:
        """All runs, the newest first."""
        with self._connect() as db:
            return _run_ids(db)

    def forget(self, run_id: str) -> None:
        """Remove a run's events (`clean` does so, for finished runs), but for what it cost."""
        with self._transaction() as db:
            events = _events(db, run_id)
            if any(event.data.get("usd") or event.data.get("max_usd") for event in events if event.kind in MONEY):
                db.execute(
                    f"INSERT INTO forgotten SELECT * FROM events WHERE run_id = ? AND kind IN {MONEY}", (run_id,)
                )
            db.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
            db.execute("DELETE FROM leases WHERE run_id = ?", (run_id,))

    # Leases

    def acquire(self, run_id: str, me: ProcessId) -> int | None:
        """Take the run's lease: a fencing token, or None while its owner lives."""
        with self._transaction() as db:
            row = db.execute("SELECT fence, owner FROM leases WHERE run_id = ?", (run_id,)).fetchone()
            if row and row[1] and ProcessId.model_validate_json(row[1]).alive():
                return None
            fence = (row[0] if row else 0) + 1
            db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", (run_id, fence, me.model_dump_json()))
            return fence

    def release(self, run_id: str, fence: int) -> None:
        with self._transaction() as db:
            db.execute("UPDATE leases SET owner = NULL WHERE run_id = ? AND fence = ?", (run_id, fence))

    def owner(self, run_id: str) -> ProcessId | None:
        """The living supervisor of a run, or None."""
        with self._connect() as db:
            row = db.execute("SELECT owner FROM leases WHERE run_id = ?", (run_id,)).fetchone()
        if not row or not row[0]:
            return None
        process = ProcessId.model_validate_json(row[0])
        return process if process.alive() else None


def _insert(db: sqlite3.Connection, run_id: str, kind: str, data: dict[str, Any]) -> int:
    cursor = db.execute(
        "INSERT INTO events (run_id, time, kind, data) VALUES (?, ?, ?, ?)",
        (run_id, time.time(), kind, json.dumps(data, ensure_ascii=False, allow_nan=False)),
    )
    return int(cursor.lastrowid or 0)


def _events(db: sqlite3.Connection, run_id: str, since: int = 0) -> list[Event]:
    rows = db.execute(
        "SELECT seq, run_id, time, kind, data FROM events WHERE run_id = ? AND seq > ? ORDER BY seq", (run_id, since)
    )
    return [_event(row) for row in rows]


def _all_events(db: sqlite3.Connection) -> list[Event]:
    columns = "seq, run_id, time, kind, data"
    rows = db.execute(f"SELECT {columns} FROM events UNION ALL SELECT {columns} FROM forgotten ORDER BY seq")
    return [_event(row) for row in rows]


def _event(row: tuple[Any, ...]) -> Event:
    return Event(seq=row[0], run_id=row[1], time=row[2], kind=row[3], data=json.loads(row[4]))


def _run_ids(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT run_id FROM events GROUP BY run_id ORDER BY min(seq) DESC")]


def _file_system(folder: Path) -> str:
    """The type of the file system that holds a folder ("" where the system does not tell)."""
    import psutil

    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        mount = partition.mountpoint
        if folder.resolve().is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, partition.fstype)
    return best[1]
