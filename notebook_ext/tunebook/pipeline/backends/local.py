"""Jobs on this machine: detached processes that outlive the kernel and the supervisor.

A job's id is its folder. Everything about it lies there:
    job.json    what to run           log.txt    what it said (stdout and stderr)
    lock        held while it runs    exit.json  how it ended
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tunebook.pipeline.backends.base import JobRequest, JobStatus
from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.home import read_json, write_json

START_TIMEOUT_S = 30


class LocalBackend:
    name = "local"
    one_job = False
    poll_s = 0.2

    def get_ready(self, on_the_hub: dict[str, str]) -> None:
        """Nothing is to be done."""

    def submit(self, request: JobRequest) -> str:
        folder = request.folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "job.json").exists():
            write_json(folder / "job.json", request.model_dump(mode="json"))
        # The runner takes the folder's lock or ends: a second one for the same folder is harmless.
        with (folder / "runner.log").open("ab") as log:
            runner = subprocess.Popen(
                [sys.executable, "-m", "tunebook.pipeline.backends.local_runner", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (folder / "started.json").exists():
            if runner.poll() is not None and not (folder / "started.json").exists():
                raise WorkFailed(f"the job did not start: {(folder / 'runner.log').read_text()[-500:].strip()}")
            if time.monotonic() > deadline:
                runner.kill()
                raise WorkFailed(f"the job did not start within {START_TIMEOUT_S} s; see {folder / 'runner.log'}")
            time.sleep(0.01)
        _children.append(runner)
        return str(folder)

    def find(self, request: JobRequest) -> str | None:
        folder = request.folder
        there = (folder / "started.json").exists() or _locked(folder / "lock")
        return str(folder) if there else None

    def known(self, folder: Path) -> JobStatus:
        return self.status(str(folder))

    def status(self, job_id: str) -> JobStatus:
        _reap()
        folder = Path(job_id)
        if _locked(folder / "lock"):
            return JobStatus(state="running")
        if not (folder / "started.json").exists():
            return JobStatus(state="absent")
        # Read after the lock was seen free: the runner writes its exit before it lets go.
        ended = read_json(folder / "exit.json")
        if ended is None:
            return JobStatus(state="lost")
        code = ended["code"]
        state = "cancelled" if ended["cancelled"] else "succeeded" if code == 0 else "failed"
        # Ended by a signal that nobody here sent: out of memory, or killed by hand. The work itself did not fail.
        if state == "failed" and code < 0 and not ended["timed_out"]:
            state = "lost"
        return JobStatus(
            state=state,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            timed_out=ended["timed_out"],
            seconds=ended["seconds"],
        )

    def cancel(self, job_id: str) -> None:
        # A file, not a signal: it needs no pid, and a runner that is just starting sees it too.
        (Path(job_id) / "cancel").touch()

    def stop_training(self, request: JobRequest) -> None:
        output = Path(request.args[request.args.index("--output") + 1])
        output.mkdir(parents=True, exist_ok=True)
        (output / "stop").touch()

    def following(self, request: JobRequest, job_id: str) -> AbstractContextManager[None]:
        return nullcontext()  # the runner beside the job writes the log

    def fetch(self, request: JobRequest) -> None:
        """All of it is here."""


_children: list[subprocess.Popen[bytes]] = []


def _reap() -> None:
    """Collect runners that ended, so that none stays a zombie while their parent lives."""
    _children[:] = [child for child in _children if child.poll() is None]


def _locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
