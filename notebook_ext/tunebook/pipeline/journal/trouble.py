"""What can be wrong with the journal's file or with the disk under it, each told in one line.

Who meets one of these has written nothing: SQLite keeps a transaction whole or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.pipeline.home import disk_is_full, full_disk

#: Of the schema in store.py. A newer tunebook that changes what is kept, or what it means, counts on from here.
VERSION = 1
_MAGIC = b"SQLite format 3\0"
_VERSION_AT = 60  # of the file's header, where `PRAGMA user_version` is kept: four bytes, the highest first


class JournalRefused(CallError):
    """The file is not one that this tunebook may touch: a newer one's, or none at all."""


class JournalUnusable(TunebookError):
    """The journal cannot be read or written now; the same call may work later."""


def require_ours(path: Path) -> None:
    """Raise JournalRefused for a file of a newer tunebook, and for what is no journal. Changes nothing, not a byte: an
    ordinary connection would move what a writer has left beside the file into it.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        return
    except OSError as failure:
        raise JournalUnusable(
            f"the journal {path} cannot be read ({failure.strerror}): mend that, and try again"
        ) from None
    if not header:
        return  # made, and its maker was killed before the first write
    if not header.startswith(_MAGIC) or len(header) < 100:
        raise damaged(path)
    require_version(path, int.from_bytes(header[_VERSION_AT : _VERSION_AT + 4], "big"))
    beside = path.with_name(f"{path.name}-wal")
    if not _size(beside):
        return
    try:  # the newest header may be there still
        with told(path), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as db:
            require_version(path, db.execute("PRAGMA user_version").fetchone()[0])
    except JournalUnusable:
        if _size(beside):
            raise
        require_ours(path)  # its last writer has gone meanwhile, and took it into the file


def _size(path: Path) -> int:
    """0 where it is not there: a journal's last writer takes the file beside it away."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def require_version(path: Path, version: int) -> None:
    if version > VERSION:
        raise JournalRefused(
            "journal",
            f"{path} has version {version}, and this tunebook knows no later one than {VERSION}; it is left as it is",
            "install a newer tunebook, or set TUNEBOOK_HOME to another folder",
        )


def damaged(path: Path) -> JournalRefused:
    return JournalRefused(
        "journal",
        f"{path} is damaged or no journal; it is left as it is",
        "put back a copy of it, or set TUNEBOOK_HOME to another folder",
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's failures in words for people. What can only be our own mistake goes on as it is."""
    try:
        yield
    except sqlite3.DatabaseError as failure:
        found = _in_words(failure, path)
        if found is None:
            raise
        raise found from None


def _in_words(failure: sqlite3.DatabaseError, path: Path) -> TunebookError | None:
    code = getattr(failure, "sqlite_errorcode", 0) & 0xFF  # the rest tells which kind of it
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path)
    # Of a full disk SQLite says so only where it writes the file itself; where it maps memory it tells of an I/O error.
    trouble = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    if code == sqlite3.SQLITE_FULL or (code in trouble and disk_is_full(path.parent)):
        return JournalUnusable(str(full_disk(path.parent)))
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        why = "cannot be opened for writing: make its folder writable, or set TUNEBOOK_HOME to another folder"
        return JournalUnusable(f"the journal {path} {why}")
    if code == sqlite3.SQLITE_IOERR:
        why = f"cannot be read or written ({failure}): see to the disk under {path.parent}, and try again"
        return JournalUnusable(f"the journal {path} {why}")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalUnusable(f"the journal {path} is held by another process: try again when that one is done")
    return None
