"""Submit a job once, whatever the network does.

There is no idempotency key. What stands for one: labels that name plan, stage, attempt and run. Before each POST, and after
each whose answer was lost, the Hub is asked for jobs with these labels, until it answers; labels can be changed by
anybody in the namespace, so the command, the machine and the creator must be ours too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebook.pipeline.backends.hf_jobs.hub import JobsHub, JobSpec, NotSent, Refused, Unanswered
from tunebook.pipeline.crash import crash_point

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

TERMINAL = frozenset({"COMPLETED", "CANCELED", "ERROR", "DELETED"})
MOST_POSTS = 2


@dataclass(frozen=True)
class Patience:
    """Seconds. `settle`: for so long after a lost answer the Hub must show no job before another POST is made."""

    settle: float = 45.0
    between: float = 1.0  # questions, growing
    longest: float = 15.0  # between two questions
    reach: float = 600.0  # for which a Hub that cannot be reached is tried


def submit_once(hub: JobsHub, spec: JobSpec, patience: Patience | None = None) -> str:
    """The id of the one job of this specification: found, or created.

    Raises Refused where the Hub says no; Unanswered where it stays unknown whether there is a job: nothing was submitted
    again then, and a later call finds the job if there is one.
    """
    patience = patience or Patience()
    deadline = time.monotonic() + patience.reach
    found = _asked(hub, spec, patience, deadline)
    crash_point("query")
    posts = 0
    while found is None:
        crash_point("post")
        try:
            made = hub.create(spec)
            crash_point("posted")
            return str(made.id)
        except NotSent:
            if time.monotonic() > deadline:
                raise
            time.sleep(min(patience.longest, patience.between))
        except Refused as refused:
            if refused.status != 429 or time.monotonic() > deadline:
                raise
            time.sleep(min(patience.longest, refused.retry_after_s or patience.between))
        except Unanswered:
            posts += 1
            found = _settled(hub, spec, patience, deadline)
            if found is None and posts == MOST_POSTS:
                raise
    return found


def find(hub: JobsHub, spec: JobSpec) -> str | None:
    """The job of this specification, if there is one: of several the first, the others are cancelled.

    Raises Refused, NotSent or Unanswered.
    """
    ours = sorted((job for job in hub.listed(spec.labels) if _is(job, spec, hub.me())), key=_created)
    for twin in ours[1:]:
        if twin.status.stage not in TERMINAL:
            hub.cancel(twin.id)
    return str(ours[0].id) if ours else None


def _created(job: JobInfo) -> tuple[float, str]:
    return (job.created_at.timestamp() if job.created_at else 0.0, job.id)


def _is(job: JobInfo, spec: JobSpec, me: str) -> bool:
    """Whether a job with our labels is the one that this specification makes."""
    creator = job.initiator.name if job.initiator else job.owner.name
    command = [*(job.command or []), *(job.arguments or [])]
    return command == spec.command and job.flavor == spec.flavor and creator == me


def _asked(hub: JobsHub, spec: JobSpec, patience: Patience, deadline: float) -> str | None:
    """What `find` says, once it says something. Raises what it raised last when the deadline has passed."""
    for wait in _growing(patience):
        try:
            return find(hub, spec)
        except (NotSent, Unanswered):
            if time.monotonic() > deadline:
                raise
        except Refused as refused:
            if refused.status != 429 or time.monotonic() > deadline:
                raise
            wait = max(wait, min(refused.retry_after_s or 0.0, patience.longest))
        time.sleep(wait)
    raise AssertionError


def _settled(hub: JobsHub, spec: JobSpec, patience: Patience, deadline: float) -> str | None:
    """The job, after an answer was lost; None where the Hub has shown none for as long as it may be slow."""
    until = time.monotonic() + patience.settle
    for wait in _growing(patience):
        found = _asked(hub, spec, patience, deadline)
        if found is not None or time.monotonic() > until:
            return found
        time.sleep(min(wait, max(0.0, until - time.monotonic()) + 0.001))
    raise AssertionError


def _growing(patience: Patience) -> Iterator[float]:
    wait = patience.between
    while True:
        yield wait
        wait = min(patience.longest, 2 * wait)
