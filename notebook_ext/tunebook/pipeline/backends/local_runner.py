"""The small process beside a local job: it starts the script, keeps its log, ends it in time, and writes how it ended.

    python -m tunebook.pipeline.backends.local_runner FOLDER

The folder's lock is held by this process and by the script: as long as it is held, something still runs. On Linux the
script is killed with its runner, so that nothing runs on unseen.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tunebook.pipeline.backends.base import JobRequest
from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.process import ProcessId

POLL_S = 0.1
LOCK_TRIES = 10
#: What a job's libraries read when they start. On 2 cores, SmolLM2-135M at batch 8: 3.6 s a step with these, 4.2 s
#: without, 5.4 s with threads that sleep at once; and threads that spin for long triple a step beside other work.
ENVIRONMENT = {
    "GOMP_SPINCOUNT": "50000",  # threads that wait for work spin for a moment only
    "MALLOC_MMAP_MAX_": "0",  # freed tensors stay with the process, instead of being mapped anew at each step
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
}
GRACE_S = 10.0  # between asking a job to end and killing it
PR_SET_PDEATHSIG = 1


def main(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(LOCK_TRIES):  # who looks whether the job runs holds the lock for a moment
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(POLL_S)
    else:
        return 0  # the job runs already
    if (folder / "started.json").exists():
        return 0  # it ran: a folder holds one job, ever
    request = JobRequest.model_validate(read_json(folder / "job.json"))
    began, at = time.monotonic(), time.time()
    with (folder / "log.txt").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, str(request.script), *request.args],
            cwd=folder,
            env={**ENVIRONMENT, **os.environ, **request.env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    write_json(folder / "started.json", {"job": ProcessId.of(child.pid).model_dump(), "time": at})
    cancelled = timed_out = False
    while child.poll() is None:
        time.sleep(POLL_S)
        cancelled = (folder / "cancel").exists()
        timed_out = time.monotonic() - began > request.timeout_s
        if cancelled or timed_out:
            _end(child)
    write_json(
        folder / "exit.json",
        {
            "code": child.returncode,
            "cancelled": cancelled,
            "timed_out": timed_out and not cancelled,
            "seconds": time.monotonic() - began,
        },
    )
    return 0


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ask the job's whole process group to end, and after a while make it."""
    for sign, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, 60.0)):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            pass
        try:
            child.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
