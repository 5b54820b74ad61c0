"""Supervisors to whose machine something happens at a named place: the disk fills, or the clock jumps.

    python -m money.hindered_lives        (as money.lives; a command may say `at` and `do`)

The places are those of `tunebook.pipeline.crash`, and two more: "start", before all of them, and "before", where the intent
is not written yet. The clock is that of the process: what `time.time` tells, and what the kernel tells of its boot by it.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from money import lives

FILLER = "filler"


def fill(folder: Path) -> None:
    """Take what room the disk has, to the last byte."""
    with (folder / FILLER).open("ab", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def make_room(folder: Path) -> None:
    (folder / FILLER).unlink(missing_ok=True)


def remount(folder: Path, how: str) -> None:
    """`how` is "ro" or "rw"."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def jump(seconds: float) -> None:
    import psutil

    told, booted = time.time, psutil._pslinux.boot_time
    time.time = lambda: told() + seconds
    psutil._pslinux.boot_time = lambda: booted() + seconds


def _happens(command: dict[str, Any]) -> Callable[[str], None]:
    """What is called with the name of each place that is reached."""
    home = Path(os.environ["TUNEBOOK_HOME"])

    def reached(place: str) -> None:
        if place == command.get("at"):
            match command["do"]:
                case "fill":
                    fill(home)
                case "fail":  # one file found no room, and the journal does
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home / "a file"))
                case "fail in the client":
                    raise RuntimeError(f"Task error: IO Error: {os.strerror(errno.ENOSPC)} (os error 28)")
                case float(seconds):
                    jump(seconds)

    return reached


def _live(command: dict[str, Any]) -> None:
    from tunebook.pipeline import supervisor
    from tunebook.pipeline.backends.hf_jobs import jobs, submit

    reached, crash_point = _happens(command), supervisor.crash_point
    new_attempt = supervisor.Supervisor._new_attempt

    def at(place: str) -> None:
        reached(place)
        crash_point(place)

    def hindered(self: supervisor.Supervisor, *arguments: Any) -> Any:
        reached("before")
        return new_attempt(self, *arguments)

    for module in (supervisor, jobs, submit):
        module.crash_point = at
    supervisor.Supervisor._new_attempt = hindered  # type: ignore[method-assign]
    reached("start")
    live(command)


live = lives.live

if __name__ == "__main__":
    lives.live = _live
    raise SystemExit(lives.main())
