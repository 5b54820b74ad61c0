"""Jobs as the Hub runs them: each is a process on this machine with a disk of its own, which is gone when it ends.

A job gets nothing but what was submitted: its environment, its secrets, its volumes. It is paid for by the second from its
start to its end, at the price of its flavor.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from hub.repos import Blob

Stage = Literal["SCHEDULING", "RUNNING", "COMPLETED", "CANCELED", "ERROR", "DELETED"]
TERMINAL = frozenset({"COMPLETED", "CANCELED", "ERROR", "DELETED"})
DEFAULT_TIMEOUT_S = 1800
GRACE_S = 5.0  # between asking a job to end and killing it
#: What a process needs of this machine to run at all; a container would bring it.
KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "UV_FIND_LINKS", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_PYTHON")
#: `uv run [options] script args` with the Python of the tests: what the header asks for is installed there.
UV = """#!/bin/sh
[ "$1" = run ] || exit 64
shift
while :; do
    case "$1" in
        --with|--python|--index|--find-links) shift 2 ;;
        --) shift; break ;;
        -*) shift ;;
        *) break ;;
    esac
done
case "$1" in
    *.py) exec "{python}" "$@" ;;
    python) shift; exec "{python}" "$@" ;;
    *) exec "{bin}/$@" ;;
esac
"""


def written(moment: float) -> str:
    """A time as the Hub writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Line:
    text: str
    at: float


@dataclass
class Job:
    """One job. `spec` is what was posted; its secrets are known to the job alone."""

    id: str
    owner: str
    creator: str
    spec: dict[str, Any]
    created_at: float
    stage: Stage = "SCHEDULING"
    message: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    lines: list[Line] = field(default_factory=list)
    cancel_asked: bool = False
    process: subprocess.Popen[bytes] | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def ended(self) -> bool:
        return self.stage in TERMINAL

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.spec.get("labels") or {})

    @property
    def timeout_s(self) -> int:
        return int(self.spec.get("timeoutSeconds", DEFAULT_TIMEOUT_S))

    def seconds(self) -> float:
        """For which it is paid."""
        if self.started_at is None:
            return 0.0
        return (self.finished_at or time.time()) - self.started_at

    def say(self, text: str) -> None:
        with self.changed:
            self.lines.append(Line(text, time.time()))
            self.changed.notify_all()

    def become(self, stage: Stage, message: str | None = None) -> None:
        """Terminal stages stay."""
        with self.changed:
            if self.ended:
                return
            self.stage, self.message = stage, message
            if stage == "RUNNING":
                self.started_at = time.time()
            elif stage in TERMINAL:
                self.finished_at = time.time()
            self.changed.notify_all()

    def follow(self, patience: float) -> Iterator[Line | None]:
        """Its lines from the first on, None where nothing was said for `patience` seconds; ends with the job."""
        at = 0
        while True:
            with self.changed:
                if at == len(self.lines) and not self.ended:
                    self.changed.wait(patience)
                new, over = self.lines[at:], self.ended
            yield from new or ([] if over else [None])
            at += len(new)
            if over and not new:
                return


class Jobs:
    """All jobs of the Hub. `mounts` gives the folder on this machine that a volume stands for."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="stand-in-jobs-"))
        self.all: dict[str, Job] = {}
        self.scheduling_s = 0.0  # how long a job waits for its machine
        self.stage_lag_s = 0.0  # how long after its last line a job is said to run
        self.endpoint = ""
        self.environment: dict[str, str] = {}  # what every job finds beside what was submitted
        #: What runs in the place of what was submitted, where only the life of jobs is of interest.
        self.instead: Callable[[Job, dict[str, Path]], list[str]] | None = None
        self._threads: list[threading.Thread] = []

    def create(self, owner: str, creator: str, spec: dict[str, Any], volumes: dict[str, Path]) -> Job:
        """A new job. `volumes` are its mount paths and the folders that they stand for."""
        job = Job(secrets.token_hex(12), owner, creator, spec, time.time())
        self.all[job.id] = job
        thread = threading.Thread(target=self._run, args=(job, volumes), daemon=True)
        self._threads.append(thread)
        thread.start()
        return job

    def copied(self, files: Mapping[str, Blob]) -> Path:
        """A folder of one job's own with a repository's files, which nobody may write to."""
        folder = Path(tempfile.mkdtemp(prefix="repository-", dir=self.folder))
        for name, blob in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob.read(0, blob.size))
            path.chmod(0o444)
        return folder

    def cancel(self, job: Job) -> None:
        with job.changed:
            job.cancel_asked = True
            job.changed.notify_all()

    def kill(self, job: Job, message: str) -> None:
        """What happens to a job that is too large for its memory, or whose machine is lost."""
        job.become("ERROR", message)
        if job.process is not None:
            _end(job.process, signal.SIGKILL)

    def close(self) -> None:
        """End all jobs and forget their disks."""
        for job in self.all.values():
            self.cancel(job)
        for thread in self._threads:
            thread.join(timeout=2 * GRACE_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, job: Job, volumes: dict[str, Path]) -> None:
        with job.changed:
            job.changed.wait_for(lambda: job.cancel_asked or job.ended, timeout=self.scheduling_s)
        if job.cancel_asked:
            job.become("CANCELED")
        if job.ended:
            return
        disk = self.folder / job.id
        disk.mkdir(parents=True)
        try:
            job.become("RUNNING")
            job.say(f"===== Job started at {written(time.time())[:19].replace('T', ' ')} =====")
            self._process(job, disk, volumes)
        finally:
            shutil.rmtree(disk, ignore_errors=True)

    def _process(self, job: Job, disk: Path, volumes: dict[str, Path]) -> None:
        said = [*job.spec["command"], *job.spec.get("arguments", [])]
        command = self.instead(job, volumes) if self.instead else [_placed(word, volumes) for word in said]
        try:
            process = subprocess.Popen(
                command,
                cwd=disk,
                env=self._environment(job, disk, volumes),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as failure:
            job.say(str(failure))
            job.become("ERROR", f"Job failed to start: {failure.strerror}")
            return
        job.process = process
        reader = threading.Thread(target=_read, args=(process, job), daemon=True)
        reader.start()
        late = self._wait(job, process)
        reader.join(timeout=GRACE_S)
        time.sleep(self.stage_lag_s)
        job.exit_code = process.returncode
        if job.cancel_asked:
            job.become("CANCELED")
        elif late:
            job.become("ERROR", "Job timeout")
        elif process.returncode == 0:
            job.become("COMPLETED")
        else:
            job.become("ERROR", f"Job failed with exit code: {process.returncode}")

    def _wait(self, job: Job, process: subprocess.Popen[bytes]) -> bool:
        """Whether its time was up."""
        deadline, late = time.monotonic() + job.timeout_s, False
        while process.poll() is None:
            with job.changed:
                job.changed.wait(0.05)
            late = time.monotonic() > deadline
            if job.cancel_asked or late or job.ended:
                _end(process, signal.SIGTERM)
                try:
                    process.wait(GRACE_S)
                except subprocess.TimeoutExpired:
                    _end(process, signal.SIGKILL)
                    process.wait()
        return late

    def _environment(self, job: Job, disk: Path, volumes: dict[str, Path]) -> dict[str, str]:
        tools = self.folder / "bin"
        if not (tools / "uv").exists():
            tools.mkdir(parents=True, exist_ok=True)
            (tools / "uv").write_text(UV.format(python=sys.executable, bin=Path(sys.executable).parent))
            (tools / "uv").chmod(0o755)
        said = {**(job.spec.get("environment") or {}), **(job.spec.get("secrets") or {})}
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return {
            **kept,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(disk),
            "TMPDIR": str(disk),
            "JOB_ID": job.id,
            "ACCELERATOR": "none",
            "CPU_CORES": str(os.cpu_count()),
            "MEMORY": "16Gi",
            "HF_ENDPOINT": self.endpoint,
            "GOMP_SPINCOUNT": "50000",  # several jobs share this machine's cores, which a container would not
            **self.environment,
            **{name: _placed(str(value), volumes) for name, value in said.items()},
        }


def _placed(text: str, volumes: dict[str, Path]) -> str:
    """A text with the folders of this machine in the place of the paths where volumes are mounted in a container."""
    for mount, folder in volumes.items():
        if text == mount or text.startswith(f"{mount}/"):
            return f"{folder}{text.removeprefix(mount)}"
    return text


def _read(process: subprocess.Popen[bytes], job: Job) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        job.say(line.decode(errors="replace").rstrip("\n"))


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
