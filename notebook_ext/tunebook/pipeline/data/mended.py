"""A jsonl source without the lines that cannot be read: copies of its files, and beside them what `datasets` makes of these.

A folder for each set of files and in it one for their sizes and times of change: the next look finds its copies, and those
of files that have changed since go. Kept under TUNEBOOK_HOME, so that `clean` removes them, and an ended process leaves
nothing elsewhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.broken import BadLine, bad_lines, damaged, without_bad_lines
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.home import home

KEEP_SECONDS = 30 * 86_400


def mended_rows() -> Path:
    """The folder of all copies."""
    return home() / "mended"


def mended(source: Source, folder: Path) -> tuple[Source, list[BadLine], Path]:
    """The source by copies in `folder`, the lines that these lack, and where `datasets` shall keep what it makes of them.

    There are no such lines where something else is wrong.
    """
    nothing: tuple[Source, list[BadLine], Path] = source, [], folder
    if source.builder != "json" or source.data_files is None:
        return nothing
    every = [file for part in source.data_files.values() for file in part]
    files: dict[str, list[str]] = {}
    try:
        bad = {file: list(bad_lines(Path(file))) for file in every}
        if not any(bad.values()):
            return nothing
        of = folder / _key(every)
        place = of / _key([[(stat := os.stat(file)).st_size, stat.st_mtime_ns] for file in every])
        place.mkdir(parents=True, exist_ok=True)
        with (of / "lock").open("w") as lock:  # opened to write, so that its time tells when it was last used
            fcntl.flock(lock, fcntl.LOCK_EX)
            _forget(folder, of, place)
            for split, paths in source.data_files.items():
                for number, path in enumerate(paths):
                    copy = without_bad_lines(Path(path), bad[path], place / split / str(number))
                    if copy is None:  # whatever is wrong with the whole is told of the file itself
                        shutil.rmtree(of)
                        return nothing
                    files.setdefault(split, []).append(str(copy))
    except damaged():  # a compressed file that ends too early is no matter of lines
        return nothing
    return replace(source, data_files=files), [line for lines in bad.values() for line in lines], place / "datasets"


def _key(what: Any) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]


def _forget(folder: Path, of: Path, place: Path) -> None:
    """Remove what was made of these files before they changed, and what nobody has used for a month."""
    old = [entry for entry in of.iterdir() if entry.is_dir() and entry != place]
    for lock in folder.glob("*/lock"):
        if lock.stat().st_mtime < time.time() - KEEP_SECONDS:
            old.append(lock.parent)
    for entry in old:
        shutil.rmtree(entry, ignore_errors=True)
