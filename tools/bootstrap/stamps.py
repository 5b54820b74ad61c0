"""Stamps: a step whose inputs hash to what its stamp says is done. A stamp lies inside what it vouches for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(*parts: str, files: Iterable[Path] = ()) -> str:
    """A hash over words and the names and contents of files."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.encode() + b"\0")
    for file in sorted(files):
        total.update(str(file).encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


class Stamp:
    """`with` no ceremony: `if not stamp.valid(): work(); stamp.set()`."""

    def __init__(self, path: Path, *parts: str, files: Iterable[Path] = ()) -> None:
        self.path = path
        self._wanted = digest(*parts, files=files)

    def valid(self) -> bool:
        return self.path.is_file() and self.path.read_text() == self._wanted

    def set(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self._wanted)
