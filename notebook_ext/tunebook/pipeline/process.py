"""Which process is meant: a pid alone is not enough, since pids are used again."""

from __future__ import annotations

import os
import socket

import psutil
from pydantic import BaseModel


class ProcessId(BaseModel):
    """A process on one machine, told apart from a later one with the same pid by its start time."""

    pid: int
    started: float
    host: str

    @classmethod
    def current(cls) -> ProcessId:
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        return cls(pid=pid, started=psutil.Process(pid).create_time(), host=socket.gethostname())

    def alive(self) -> bool:
        """Whether it runs. A zombie does not; one on another machine counts as running, since we cannot look."""
        if self.host != socket.gethostname():
            return True
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
