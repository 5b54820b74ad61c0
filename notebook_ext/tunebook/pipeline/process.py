"""Which process is meant: a pid alone is not enough, since pids are used again."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psutil
from pydantic import BaseModel


class ProcessId(BaseModel):
    """A process on one machine, told apart from a later one with the same pid by its start time.

    Where the system tells which of its boots this is, the start is counted from there: a start by the clock is another
    one after the clock was set, and a supervisor that lives would be taken for dead.
    """

    pid: int
    started: float
    host: str
    boot: str = ""  # "": `started` is by the clock

    @classmethod
    def current(cls) -> ProcessId:
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        boot = _boot()
        return cls(pid=pid, started=_started(psutil.Process(pid), boot), host=socket.gethostname(), boot=boot)

    def alive(self) -> bool:
        """Whether it runs. A zombie does not; one on another machine counts as running, since we cannot look."""
        if self.host != socket.gethostname():
            return True
        if self.boot and self.boot != _boot():
            return False
        try:
            process = psutil.Process(self.pid)
            return abs(_started(process, self.boot) - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def _boot() -> str:
    """The id of this boot of the system; "" where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _started(process: psutil.Process, boot: str) -> float:
    """Seconds since the boot, or by the clock without one. Raises psutil.NoSuchProcess."""
    if not boot:
        return float(process.create_time())
    try:
        told = Path(f"/proc/{process.pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(process.pid) from None
    # Field 22; the second is the program's name in parentheses, which may hold anything.
    return int(told.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
