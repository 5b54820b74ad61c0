"""What every backend can do with a job."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost", "absent"]


class JobRequest(BaseModel):
    """One script to run. `folder` is the job's own: its log, its exit and its results are kept there."""

    folder: Path
    script: Path
    args: list[str]
    env: dict[str, str] = {}  # never a token: those go in `secrets` of backends that need them
    labels: dict[str, str]
    timeout_s: int


class JobStatus(BaseModel):
    """`absent`: no such job was ever created. `lost`: it was, and ended without leaving its exit."""

    state: JobState
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        return self.state not in ("queued", "running")


class Backend(Protocol):
    name: str

    def submit(self, request: JobRequest) -> str:
        """Create the job and return its id. For one folder it creates at most one job, however often it is called."""
        ...

    def status(self, job_id: str) -> JobStatus: ...

    def find(self, folder: Path) -> str | None:
        """The id of the job that an earlier `submit` into this folder created, if it did; whoever asked was killed."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask the job to end. Returns at once; `status` tells when it has."""
        ...

    def log(self, job_id: str) -> Path:
        """A local file that holds the job's log as far as it is known."""
        ...
