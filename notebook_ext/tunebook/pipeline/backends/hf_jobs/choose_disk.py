"""Which disk a run has: the bucket of its namespace or, where the account may have none, a repository of its own.

It is chosen when the run's first job is sent, and noted in the run's folder: whatever is asked for later, from whichever
machine, is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tunebook.pipeline.backends.base import JobRefused
from tunebook.pipeline.backends.hf_jobs.bucket import BucketDisk
from tunebook.pipeline.backends.hf_jobs.disk import RunDisk
from tunebook.pipeline.backends.hf_jobs.hub import JobsHub, Refused
from tunebook.pipeline.backends.hf_jobs.identity import tokens_page
from tunebook.pipeline.backends.hf_jobs.repository import KEEP_IN, RepoDisk
from tunebook.pipeline.home import read_json, write_json

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

NOTE = "disk.json"
#: What a Hub answers that lets nobody of this account, or no token like this one, have it.
_MAY_NOT = (402, 403, 404)


def disk_of(hub: JobsHub, run: Path) -> RunDisk:
    """The disk of the run of that folder."""
    noted = read_json(run / NOTE)
    return _disk(noted["kind"] if noted else BucketDisk.kind, hub, run.name)


def disk_seen(hub: JobsHub, run: Path, job: JobInfo) -> RunDisk:
    """The same for a run that another machine has started, by one of its jobs; it is noted here, too."""
    return _noted(_disk(RepoDisk.kind if KEEP_IN in (job.environment or {}) else BucketDisk.kind, hub, run.name), run)


def put(hub: JobsHub, run: Path, files: dict[str, Path]) -> tuple[RunDisk, str | None]:
    """Upload files of the run to its disk, which is chosen if it has none yet. Returns it, and the revision of the files.

    Raises Undecided where the Hub does not answer: that is no reason to choose another. Raises JobRefused where neither
    may be had.
    """
    if (run / NOTE).exists():
        disk = disk_of(hub, run)
        return disk, disk.put(files)
    bucket, repository = BucketDisk(hub, run.name), RepoDisk(hub, run.name)
    try:
        bucket.put(files)
        return _noted(bucket, run), None
    except Refused as refused:
        if refused.status not in _MAY_NOT:
            raise
    try:
        revision = repository.put(files)
        return _noted(repository, run), revision
    except Refused as refused:
        if refused.status not in _MAY_NOT:
            raise
        what = "There is nowhere to keep the job's checkpoints, so nothing was started and nothing is spent."
        why = f"Your token may write neither buckets nor repositories in {hub.namespace} (the Hub answers {refused.status})."
        raise JobRefused(what, why, f"Give it the right to write there at {tokens_page()}, and run it again.") from None


def _disk(kind: str, hub: JobsHub, run_id: str) -> RunDisk:
    return RepoDisk(hub, run_id) if kind == RepoDisk.kind else BucketDisk(hub, run_id)


def _noted(disk: RunDisk, run: Path) -> RunDisk:
    write_json(run / NOTE, {"kind": disk.kind})
    return disk
