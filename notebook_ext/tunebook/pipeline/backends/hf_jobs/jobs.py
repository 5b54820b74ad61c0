"""The backend `hf-jobs`: each plan is one job on a rented machine, paid by the second."""

from __future__ import annotations

import re
import shutil
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.backends.base import JobRefused, JobRequest, JobStatus, Undecided
from tunebook.pipeline.backends.hf_jobs.account import needs_token
from tunebook.pipeline.backends.hf_jobs.choose_disk import disk_of, put
from tunebook.pipeline.backends.hf_jobs.disk import MOUNT
from tunebook.pipeline.backends.hf_jobs.follow import following
from tunebook.pipeline.backends.hf_jobs.hub import JobsHub, JobSpec, Refused
from tunebook.pipeline.backends.hf_jobs.identity import endpoint
from tunebook.pipeline.backends.hf_jobs.submit import Patience, find, submit_once
from tunebook.pipeline.backends.hf_jobs.wheel import wheel
from tunebook.pipeline.crash import crash_point
from tunebook.pipeline.errors import TunebookError
from tunebook.pipeline.home import home, read_json, sha256, write_json
from tunebook.pipeline.run_folder import RunFolder

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

#: In the job's folder. It is there once all files are.
SENT = "sent.json"
IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"  # the client's own for uv scripts
_EXIT = re.compile(r"exit code:? (\d+)")
_STATES = {"SCHEDULING": "queued", "RUNNING": "running", "COMPLETED": "succeeded", "CANCELED": "cancelled"}


class HfJobs:
    """Jobs of the account whose token is here. Nothing is asked before it has to be."""

    name = "hf-jobs"
    one_job = True
    poll_s = 2.0

    def __init__(self, hub: JobsHub | None = None, patience: Patience | None = None) -> None:
        self._given, self._patience = hub, patience
        self._last = JobStatus(state="queued")

    @cached_property
    def hub(self) -> JobsHub:
        if self._given is not None:
            return self._given
        from huggingface_hub import get_token

        return _own_jobs(get_token())

    def get_ready(self, on_the_hub: dict[str, str]) -> None:
        """The client is loaded, who we are is known, the wheel is written; what fails now fails again when it matters."""
        try:
            self.hub.listed({"tunebook-run": "none"})
            _needs_token(**on_the_hub)
            wheel(home() / "code")
            import_module("hf_xet")
        except (TunebookError, OSError, ImportError):
            pass

    def submit(self, request: JobRequest) -> str:
        """Raises JobRefused where the Hub says no, Undecided where it stays unknown whether there is a job."""
        try:
            job_id = submit_once(self.hub, self._spec(request, self._sent(request)), self._patience)
        except Refused as refused:
            raise _explained(refused, self.hub.namespace, request.flavor) from None
        write_json(request.folder / "hub_job.json", {"namespace": self.hub.namespace, "id": job_id})
        return f"{self.hub.namespace}/{job_id}"

    def find(self, request: JobRequest) -> str | None:
        """Raises JobRefused or Undecided where it stays unknown."""
        if noted := read_json(request.folder / "hub_job.json"):
            return f"{noted['namespace']}/{noted['id']}"
        if not (request.folder / SENT).exists():
            return None  # its files are not all there, so there is no job
        try:
            found = find(self.hub, self._spec(request, self._sent(request)))
        except Refused as refused:
            raise _explained(refused, self.hub.namespace, request.flavor) from None
        return f"{self.hub.namespace}/{found}" if found else None

    def status(self, job_id: str) -> JobStatus:
        """As it was told last, where the Hub does not answer: that says nothing about the job."""
        try:
            self._last = status_of(self.hub.job(_id(job_id)))
        except Undecided:
            pass
        except Refused as refused:
            if refused.status == 404:
                return JobStatus(state="lost", why="the Hub has no such job any more")
        return self._last

    def known(self, folder: Path) -> JobStatus:
        return JobStatus(state="running" if (folder / "hub_job.json").exists() else "absent")

    def cancel(self, job_id: str) -> None:
        """A Hub that does not answer is asked again at the next look: see the supervisor."""
        try:
            self.hub.cancel(_id(job_id))
        except (Undecided, Refused):
            pass

    def stop_training(self, request: JobRequest) -> None:
        disk_of(self.hub, _run_folder(request)).write("output/stop", b"stop\n")

    def following(self, request: JobRequest, job_id: str) -> AbstractContextManager[None]:
        return following(self.hub, _id(job_id), request.folder)

    def fetch(self, request: JobRequest) -> None:
        run = _run_folder(request)
        disk = disk_of(self.hub, run)
        try:
            left = disk.get(run)
        except Refused as refused:  # now: what the job has made is paid for, and stays where it is
            raise Undecided(str(refused)) from None
        told, made = read_json(request.folder / "result.json"), read_json(run / "export.json")
        if told and made:  # it names files as the job saw them
            away = {f"{told['root']}/{name}": disk.address(name) for name in left}
            write_json(run / "export.json", _here(made, told["root"], str(run), away))

    def _sent(self, request: JobRequest) -> dict[str, Any]:
        """What the job is sent with, noted once its files are uploaded: a newer tunebook sends the same."""
        run, note = _run_folder(request), request.folder / SENT
        noted: dict[str, Any] | None = read_json(note)
        if noted is None:
            job = request.folder.relative_to(run).as_posix()
            made = wheel(home() / "code")
            (run / "code").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made, run / "code" / made.name)
            names = [f"{job}/config.json", f"{job}/{request.script.name}", f"code/{made.name}"]
            sums = "".join(f"{sha256(run / name)}  {name}\n" for name in names)
            disk, revision = put(self.hub, run, {name: run / name for name in names} | _begun(run))
            crash_point("upload")
            noted = {
                "command": ["sh", "-c", disk.command, MOUNT, sums, f"{job}/{request.script.name}"],
                "needs_token": disk.needs_token or _needs_token(**request.on_the_hub),
                "revision": revision,
            }
            write_json(note, noted)
        return noted

    def _spec(self, request: JobRequest, sent: dict[str, Any]) -> JobSpec:
        """The job as it is submitted."""
        disk = disk_of(self.hub, _run_folder(request))
        token = self.hub.secret() if sent["needs_token"] else None
        return JobSpec(
            image=IMAGE,
            command=[*sent["command"], *request.args],
            env={**request.env, **disk.env, "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            secrets={"HF_TOKEN": token} if token else {},
            flavor=request.flavor,
            timeout_s=request.timeout_s,
            labels=request.labels,
            volumes=[disk.volume(sent["revision"])],
        )


@lru_cache(maxsize=1)
def _own_jobs(token: str | None) -> JobsHub:
    """The account's own namespace. Who it is is asked once a process."""
    hub = JobsHub("", token)
    hub.namespace = hub.me()
    return hub


#: What was public a moment ago still is: asked before the consent, it need not be asked after it.
_needs_token = lru_cache(maxsize=8)(needs_token)


def status_of(job: JobInfo) -> JobStatus:
    stage, message = str(job.status.stage), job.status.message or ""
    seconds = _seconds(job)
    if stage in _STATES:
        exit_code = 0 if stage == "COMPLETED" else None
        return JobStatus(state=_STATES[stage], exit_code=exit_code, seconds=seconds, why=message)
    if stage == "ERROR" and "timeout" in message.lower():
        return JobStatus(state="failed", timed_out=True, seconds=seconds, why=message)
    if stage == "ERROR" and (code := _EXIT.search(message)) and int(code[1]) < 128:
        return JobStatus(state="failed", exit_code=int(code[1]), seconds=seconds, why=message)
    return JobStatus(state="lost", seconds=seconds, why=message or f"the Hub says {stage}")


def _seconds(job: JobInfo) -> float | None:
    """For which it ran; None where the Hub does not say, though it may have."""
    if job.started_at and job.finished_at:
        return max(0.0, (job.finished_at - job.started_at).total_seconds())
    if job.durations and job.durations.running_secs is not None:
        return float(job.durations.running_secs)
    never = job.started_at is None and job.durations is not None
    return 0.0 if never else None


def _begun(run: Path) -> dict[str, Path]:
    """The newest whole checkpoint that is here: of a run that goes on with what another one has learned."""
    checkpoints = RunFolder(run.name, at=run).checkpoints()
    files = sorted(checkpoints[-1][1].rglob("*")) if checkpoints else []
    return {file.relative_to(run).as_posix(): file for file in files if file.is_file()}


def _here(value: Any, root: str, run: str, away: dict[str, str]) -> Any:
    """The same with the paths of this machine, or of its disk on the Hub for what was left there."""
    if isinstance(value, dict):
        return {name: _here(one, root, run, away) for name, one in value.items()}
    if isinstance(value, list):
        return [_here(one, root, run, away) for one in value]
    if isinstance(value, str) and (value == root or value.startswith(f"{root}/")):
        inside = next((there for path, there in away.items() if path.startswith(f"{value}/")), None)
        return away.get(value) or (inside and f"{inside[: inside.rindex('/')]}") or run + value.removeprefix(root)
    return value


def _explained(refused: Refused, namespace: str, flavor: str) -> JobRefused:
    """A refusal in words for people, with what to do."""
    page = f"{endpoint()}/settings"
    what, again = "The Hub did not take the job, so nothing was started and nothing is spent.", "run it again"
    match refused.status:
        case 401:
            return JobRefused(
                what, "It does not accept your token.", f"Make one at {page}/tokens, `hf auth login`, {again}."
            )
        case 402:
            return JobRefused(what, f"{namespace} has no credit left.", f"Add credit at {page}/billing, and {again}.")
        case 403:
            why = f"Your token may not run jobs in {namespace}."
            return JobRefused(what, why, f"Give it the right at {page}/tokens, and {again}.")
        case 429:
            return JobRefused(what, "It takes no more requests for now.", f"Wait a few minutes, and {again}.")
    if "flavor" in refused.said.lower():
        return JobRefused(what, f"It does not offer {flavor} any more.", f"Choose another machine, and {again}.")
    return JobRefused(what, f"It answers {refused.status}: {refused.said}", f"Mend what it says, and {again}.")


def _id(job_id: str) -> str:
    return job_id.rpartition("/")[2]


def _run_folder(request: JobRequest) -> Path:
    return request.folder.parents[1]
