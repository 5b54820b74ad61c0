"""Where tunebook keeps what it makes: one folder, TUNEBOOK_HOME or the platform's user data folder."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


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
