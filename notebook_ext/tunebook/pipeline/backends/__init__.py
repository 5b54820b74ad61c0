"""Where jobs run. A backend is found by name, through the entry points `tunebook.backends`."""

from __future__ import annotations

from tunebook.pipeline.backends.base import Backend, JobRefused, JobRequest, JobStatus, Undecided
from tunebook.pipeline.errors import CallError

__all__ = ["Backend", "JobRefused", "JobRequest", "JobStatus", "Undecided", "backend", "backend_names"]


def backend_names() -> list[str]:
    from importlib.metadata import entry_points

    return sorted({"local", "hf-jobs", *(point.name for point in entry_points(group="tunebook.backends"))})


def backend(name: str) -> Backend:
    """The backend of that name. Raises CallError where there is none."""
    if name == "local":
        from tunebook.pipeline.backends.local import LocalBackend

        return LocalBackend()
    if name == "hf-jobs":
        from tunebook.pipeline.backends.hf_jobs.jobs import HfJobs

        return HfJobs()
    from importlib.metadata import entry_points

    for point in entry_points(group="tunebook.backends", name=name):
        made: Backend = point.load()()
        return made
    raise CallError("backend", f"is {name!r}, which is not installed", f"choose one of {', '.join(backend_names())}")
