"""What every backend can do with a job."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel

from tunebook.pipeline.errors import TunebookError

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "lost", "absent"]


class JobRequest(BaseModel):
    """One script to run. `folder` is the job's own: its log, its exit and its results are kept there."""

    folder: Path
    script: Path
    args: list[str]
    env: dict[str, str] = {}  # never a token: those go in `secrets` of backends that need them
    labels: dict[str, str]
    timeout_s: int
    flavor: str = ""  # of backends that rent machines
    on_the_hub: dict[str, str] = {}  # what it reads and writes there: model, dataset, push_to


class Undecided(TunebookError):
    """The backend does not answer: nobody knows whether something was done. To ask again later is safe."""


class JobRefused(TunebookError):
    """The backend does not take the job: there is none. In words for people: what happened, why, what now."""

    def __init__(self, what: str, why: str, now: str) -> None:
        super().__init__(f"{what} {why}")
        self.what, self.why, self.now = what, why, now


class JobStatus(BaseModel):
    """`absent`: no such job was ever created. `lost`: it was, and ended without leaving its exit."""

    state: JobState
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    seconds: float | None = None  # for which it ran, which is what is paid; None where nobody knows
    why: str = ""  # in the backend's words

    @property
    def ended(self) -> bool:
        return self.state not in ("queued", "running")


class Backend(Protocol):
    name: str
    #: Whether a plan's stages are one job there, on a machine of its own, and not a job each.
    one_job: bool
    poll_s: float  # seconds between two looks at a job

    def get_ready(self, on_the_hub: dict[str, str]) -> None:
        """Do beforehand what a submit would have to do first, as far as it needs nobody's consent. Raises nothing."""
        ...

    def submit(self, request: JobRequest) -> str:
        """Create the job and return its id. For one folder it creates at most one job, however often it is called."""
        ...

    def status(self, job_id: str) -> JobStatus: ...

    def find(self, request: JobRequest) -> str | None:
        """The id of the job that an earlier `submit` of this request created, if it did; whoever asked was killed."""
        ...

    def known(self, folder: Path) -> JobStatus:
        """The status of the job of a folder as far as this machine knows it: asks nobody, and is quick."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask the job to end. Returns at once; `status` tells when it has."""
        ...

    def stop_training(self, request: JobRequest) -> None:
        """Ask the training in the job to end after its step at hand and to keep what is there."""
        ...

    def following(self, request: JobRequest, job_id: str) -> AbstractContextManager[None]:
        """While it lasts, the job's log grows in its folder (log.txt) as the job speaks; after it the log is whole."""
        ...

    def fetch(self, request: JobRequest) -> None:
        """Bring to this machine what an ended job has made: its result, and what it keeps in the run's folder."""
        ...
