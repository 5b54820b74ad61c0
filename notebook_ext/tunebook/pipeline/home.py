"""Where tunebook keeps what it makes: one folder, TUNEBOOK_HOME or the platform's user data folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tunebook.pipeline.errors import TunebookError

#: With less than this a disk counts as full: SQLite needs some pages to do anything at all.
LEAST_FREE = 256 * 1024


def home() -> Path:
    """The folder, made if it is not there, readable by its owner only."""
    named = os.environ.get("TUNEBOOK_HOME")
    if named:
        folder = Path(named).expanduser()
    else:
        import platformdirs

        folder = Path(platformdirs.user_data_dir("tunebook", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.resolve()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all: a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any | None:
    """The file's value, or None where it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def sha256(path: Path) -> str:
    """Of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Unwritable(TunebookError):
    """The disk takes nothing more. What was there is as it was, and the same call may work later."""


def full_disk(folder: Path) -> Unwritable:
    return Unwritable(
        f"the disk under {folder} is full, so nothing more can be kept there: make room and try again; "
        "`tunebook resume` goes on with a run that was interrupted by it"
    )


def disk_is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE
    except OSError:
        return False


def unwritable(failure: Exception) -> Unwritable | None:
    """A disk that is full or may not be written to, in one line; None for any other failure."""
    named = getattr(failure, "filename", None)
    where = Path(os.fsdecode(named)).parent if isinstance(named, str | bytes) else home()
    number = failure.errno if isinstance(failure, OSError) else None
    # The Hub's client downloads in a library that tells of the system's error in its text only.
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or os.strerror(errno.ENOSPC) in str(failure):
        return full_disk(where)
    if number == errno.EROFS:
        return Unwritable(f"the disk under {where} may only be read: make it writable, or set TUNEBOOK_HOME elsewhere")
    return None
