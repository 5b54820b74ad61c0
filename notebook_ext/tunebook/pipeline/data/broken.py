"""Lines of a jsonl file that no reader can read: which ones, why, and the file without them."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tunebook.pipeline.data.report import Check, Finding
from tunebook.pipeline.data.source import COMPRESSED

#: The check that tells of them; it has no number of its own among the silent killers, since nothing is silent about it.
CHECK = "unreadable"
NAMED = 3
NO_OBJECT = "is no JSON object"


@dataclass(frozen=True)
class BadLine:
    """One line, numbered from 1 as editors do."""

    file: str
    number: int
    why: str

    def __str__(self) -> str:
        return f"line {self.number} {self.why}"


def bad_lines(path: Path) -> Iterator[BadLine]:
    """The lines that are no JSON object. None where the file is one JSON document or cannot be unpacked here."""
    for number, _, why in _lines(path):
        if why:
            yield BadLine(path.name, number, why)


def first_bad_line(path: Path) -> BadLine | None:
    """The first of them; None also for a compressed file that ends too early, which is no matter of lines."""
    try:
        return next(bad_lines(path), None)
    except damaged():
        return None


def damaged() -> tuple[type[Exception], ...]:
    """What reading a compressed file raises that ends too early or is damaged."""
    from zstandard import ZstdError

    return OSError, EOFError, lzma.LZMAError, ZstdError


def without_bad_lines(path: Path, bad: Sequence[BadLine], folder: Path) -> Path | None:
    """A copy in `folder`, where it is made once, of all but the bad lines; the file itself where it has none of them.

    None for a file with more bad lines than good ones: it is no jsonl at all.
    """
    if not bad:
        return path
    copy, good = folder / f"{path.name.partition('.')[0]}.jsonl", 0
    if copy.is_file():
        return copy
    folder.mkdir(parents=True, exist_ok=True)
    part = copy.with_suffix(".part")
    with part.open("wb") as file:
        for _, line, why in _lines(path):
            if not why:
                good += file.write(line) > 0
    if good < len(bad):
        part.unlink()
        return None
    os.replace(part, copy)
    return copy


def _zst(path: Path, mode: str) -> IO[Any]:
    import zstandard

    opened: IO[Any] = zstandard.open(path, mode)
    return opened


_OPEN: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zst,
}


def _lines(path: Path) -> Iterator[tuple[int, bytes, str]]:
    """(number from 1, bytes, "" or what is wrong) of each line that holds something."""
    packed = path.suffix.lower() in COMPRESSED
    plain = path.with_suffix("") if packed else path
    if plain.suffix.lower() == ".json":
        return
    with _OPEN[path.suffix.lower()](path, "rb") if packed else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.lstrip().startswith(b"[") and _wrong(line) != NO_OBJECT:
                return  # the list goes on in the next line: one JSON document
            if line.strip():
                yield number, line if line.endswith(b"\n") else line + b"\n", _wrong(line)


def _wrong(line: bytes) -> str:
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return "is not UTF-8"
    except json.JSONDecodeError as failure:
        return f"is not JSON ({failure.msg[:1].lower()}{failure.msg[1:]} at its character {failure.pos + 1:,})"
    except (ValueError, RecursionError) as failure:
        return f"is not JSON ({failure})"
    return "" if isinstance(value, dict) else NO_OBJECT


def told(bad: list[BadLine], rows: int) -> tuple[Check, Finding]:
    """What the inspection says of lines that it left out. `rows` are those that could be read."""
    named = "; ".join(f"{line.file} {line}" for line in bad[:NAMED])
    more = f"; and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
    lines = "1 line" if len(bad) == 1 else f"{len(bad):,} lines"
    finding = Finding(
        id=CHECK,
        severity="error",
        rows=len(bad),
        share=len(bad) / (len(bad) + rows),
        examples=[],
        message=f"{lines} cannot be read, so no training could start ({named}{more})",
        remedy="mend or remove these lines; the other rows were inspected",
    )
    return Check(id=CHECK, status="found", why=f"{lines} of {len(bad) + rows:,}"), finding
