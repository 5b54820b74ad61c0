"""Read a job's events and log as they grow, from where the last look ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tunebook.pipeline.progress import MARKER, parse

#: The shared-disk copy of the events; where it is there, it wins over the log.
METRICS_FILE = "metrics.jsonl"


class LineTail:
    """Whole lines of a growing file; a line that is still being written waits for its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def new(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        end = data.rfind(b"\n") + 1
        self._offset += end
        return data[:end].decode("utf-8", "replace").splitlines()


class EventTail:
    """The events of one job folder, each once and in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = LineTail(folder / "log.txt")
        self._file = LineTail(folder / METRICS_FILE)
        self._nonce: str | None = None

    def new(self) -> list[dict[str, Any]]:
        if self._file.path.exists():
            return [event for line in self._file.new() if (event := _event(line)) is not None]
        if self._nonce is None:
            try:
                self._nonce = (self.folder / "nonce").read_text()
            except FileNotFoundError:
                return []
        return [event for line in self._log.new() if (event := parse(line, self._nonce)) is not None]


def _event(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None


def last_lines(path: Path, count: int, *, most_bytes: int = 200_000) -> list[str]:
    """The last lines of a log that people read: without event lines and without the blanks around them."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most_bytes))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip() and MARKER not in line][-count:]
