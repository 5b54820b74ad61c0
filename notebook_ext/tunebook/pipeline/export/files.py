"""Files that get their final name only when they are whole, in a folder that one export at a time writes to."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.export.quants import KNOWN

WORK_PREFIX = ".unfinished-"
LOCK = ".export.lock"
#: Small models quantise less well than the nominal bits: rows that do not divide by 256 fall back to larger types
#: (SmolLM2-135M as Q4_K_M takes 6.2 bits a weight, not 4.9).
FALLBACK = 1.5


@contextmanager
def work_folder(out: Path) -> Iterator[Path]:
    """A new folder inside `out`, on the same disk, removed at the end; what a killed export left goes first.

    Each has a name of its own, so that a converter which outlived its export cannot write into the next one's files.
    The lock file stays: removing it would let two exports hold two locks. Raises CallError while another export runs.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / LOCK).open("w")
    except OSError as failure:
        raise CallError("out", f"{out} cannot be written ({failure.strerror})", "choose another folder") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CallError(
                "out", f"{out} is being written by another export", "wait, or choose another folder"
            ) from None
        for left in out.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=out))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def publish(made: Path, final: Path, work: Path) -> Path:
    """Give a whole file or folder its final name; an older one of that name goes with the work folder."""
    if final.is_dir():
        final.rename(work / f"replaced-{final.name}")
    os.replace(made, final)
    return final


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same bytes where the disk can, else a copy."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def need_room(out: Path, weight_bytes: int, quants: list[str], *, copies_weights: bool) -> None:
    """Raises CallError where the disk has no room for the merged model, the lossless GGUF and the quantised ones."""
    copies = float(copies_weights) + bool(quants)
    copies += sum(min(1.0, KNOWN[quant].bits / 16 * FALLBACK) for quant in quants)
    need, free = int(weight_bytes * copies * 1.05), shutil.disk_usage(out).free
    if need > free:
        raise CallError(
            "out",
            f"{out} has {free / 1e9:.1f} GB free and the export needs {need / 1e9:.1f} GB",
            "free some, or choose another disk",
        )
