"""Finding and killing the processes of a run, as a crash or a person would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import psutil

DEADLINE_S = 600


def of_run(run_id: str, what: str = "") -> list[psutil.Process]:
    """Every process whose command line names the run, and `what` if it is given."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if run_id in line and what in line and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def kill(processes: list[psutil.Process]) -> None:
    """kill -9, all of them, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_S) -> None:
    """Wait for something to become true; fails with what it waited for."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.1)
