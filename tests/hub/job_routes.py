"""The part of the Hub's API that has to do with jobs: submit, list, look, follow, cancel, label."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psutil
from hub.calls import Answer, Call, Refused, Route, as_json
from hub.hardware import cents_a_minute
from hub.jobs import Job, written

if TYPE_CHECKING:
    from hub.server import StandInHub

KEEP_ALIVE_S = 30.0
PAGE = 100


def submit(hub: StandInHub, call: Call) -> Answer:
    account, namespace = _member(hub, call, write=True)
    spec: dict[str, Any] = call.json()
    flavor = spec.get("flavor", "cpu-basic")
    if flavor not in [one["name"] for one in hub.hardware]:
        raise Refused(400, message=f"Invalid flavor: {flavor}")
    if not spec.get("command") or not (spec.get("dockerImage") or spec.get("spaceId")):
        raise Refused(400, message="Invalid request: a command and an image are needed")
    for name, value in (spec.get("labels") or {}).items():
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", f"{value}") or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
            raise Refused(400, message=f"Invalid label: {name}={value}")
    if hub.credit.get(namespace, 1.0) <= 0:
        raise Refused(402, message="Payment required: pre-paid credits are exhausted")
    volumes = {}
    for one in spec.get("volumes") or []:
        folder = hub.mounted(one, account)
        if folder is None:
            raise Refused(404, "RepoNotFound", f"Volume not found: {one['source']}")
        volumes[one["mountPath"]] = folder
    return as_json(described(hub.jobs.create(namespace, account, spec, volumes)))


def listed(hub: StandInHub, call: Call) -> Answer:
    """The newest first; `stage` and `label` may be named several times."""
    _, namespace = _member(hub, call)
    wanted = [tuple(one.partition("=")[::2]) for one in call.query.get("label", [])]
    stages = call.query.get("stage", [])
    found = [
        job
        for job in reversed(list(hub.jobs.all.values()))
        if job.owner == namespace
        and (not stages or job.stage in stages)
        and all(job.labels.get(name) == value for name, value in wanted)
    ]
    first = int(call.query.get("cursor", ["0"])[0])
    page, rest = found[first : first + PAGE], found[first + PAGE :]
    answer = as_json([described(job) for job in page])
    if rest:
        said = [(name, value) for name, many in call.query.items() if name != "cursor" for value in many]
        query = urlencode([*said, ("cursor", first + PAGE)])
        answer.headers["Link"] = f'<{hub.url}/api/jobs/{namespace}?{query}>; rel="next"'
    return answer


def looked_at(hub: StandInHub, call: Call) -> Answer:
    return as_json(described(_job(hub, call)))


def cancelled(hub: StandInHub, call: Call) -> Answer:
    job = _job(hub, call, write=True)
    hub.jobs.cancel(job)
    return as_json(described(job))


def labelled(hub: StandInHub, call: Call) -> Answer:
    job = _job(hub, call, write=True)
    job.spec["labels"] = dict(call.json()["labels"])
    return as_json(described(job))


def logs(hub: StandInHub, call: Call) -> Answer:
    """Server-sent events from the first line on; `tail` asks for the last ones."""
    job = _job(hub, call)
    skipped = max(0, len(job.lines) - int(call.query["tail"][0])) if "tail" in call.query else 0

    def events() -> Iterator[bytes]:
        for number, line in enumerate(job.follow(KEEP_ALIVE_S)):
            if line is None:
                yield b": keep-alive\n\n"
            elif number >= skipped:
                yield _event({"data": line.text, "timestamp": written(line.at)})

    return Answer(200, dict(_STREAM), events())


def metrics(hub: StandInHub, call: Call) -> Answer:
    """One event a second for as long as the job runs; the stream does not end by itself."""
    job = _job(hub, call)
    if job.ended:
        raise Refused(406, message="The job has ended")

    def events() -> Iterator[bytes]:
        while True:
            yield b"event: metric\n" + _event(_measured(hub, job))
            time.sleep(hub.metric_s)

    return Answer(200, dict(_STREAM), events())


def described(job: Job) -> dict[str, Any]:
    """The job as the Hub tells it; never its secrets."""
    now = job.finished_at or time.time()
    spec = job.spec
    return {
        "id": job.id,
        "type": "job",
        "createdAt": written(job.created_at),
        "startedAt": written(job.started_at) if job.started_at else None,
        "finishedAt": written(job.finished_at) if job.finished_at else None,
        "dockerImage": spec.get("dockerImage"),
        "spaceId": spec.get("spaceId"),
        "command": spec["command"],
        "arguments": spec.get("arguments", []),
        "environment": spec.get("environment", {}),
        "secrets": list(spec.get("secrets") or {}),
        "flavor": spec.get("flavor", "cpu-basic"),
        "labels": job.labels,
        "volumes": spec.get("volumes") or [],
        "status": {"stage": job.stage, "message": job.message},
        "durations": {
            "schedulingSecs": int((job.started_at or now) - job.created_at),
            "runningSecs": int(job.seconds()) if job.started_at else None,
            "totalSecs": int(now - job.created_at),
        },
        "owner": {"id": job.owner, "name": job.owner, "type": "user" if job.owner == job.creator else "org"},
        "initiator": {"type": "user", "id": job.creator, "name": job.creator},
        "retry": int(spec.get("attempts", 1)) - 1,
    }


def spent_usd(hub: StandInHub, job: Job) -> float:
    return job.seconds() / 60 * cents_a_minute(hub.hardware, job.spec.get("flavor", "cpu-basic")) / 100


def _measured(hub: StandInHub, job: Job) -> dict[str, Any]:
    used, busy = 0, 0.0
    if job.process is not None:
        try:
            for one in [(top := psutil.Process(job.process.pid)), *top.children(recursive=True)]:
                used += one.memory_info().rss
                busy += one.cpu_percent()
        except psutil.Error:
            pass  # it ends at this moment
    card = {"utilization": 0, "memory_used_bytes": 0, "memory_total_bytes": 24_000_000_000}
    entry = next(one for one in hub.hardware if one["name"] == job.spec.get("flavor", "cpu-basic"))
    return {
        "cpu_usage_pct": round(busy / (os.cpu_count() or 1)),
        "cpu_millicores": 1000 * (os.cpu_count() or 1),
        "memory_used_bytes": used,
        "memory_total_bytes": psutil.virtual_memory().total,
        "rx_bps": 0,
        "tx_bps": 0,
        "gpus": {"0": card} if entry["accelerator"] else {},
        "replica": job.id[:5],
    }


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _member(hub: StandInHub, call: Call, *, write: bool = False) -> tuple[str, str]:
    """Who asks, and the namespace that he asks for. Raises Refused for one that is not his."""
    if call.account is None:
        raise Refused(401, message="Invalid username or password.")
    namespace = call.named["namespace"]
    if not hub.belongs(namespace, call.account):
        raise Refused(403, message=f"You don't have the rights to use the namespace {namespace}")
    if write and call.account in hub.readers:
        raise Refused(403, message="Forbidden: the token has no write access to jobs")
    return call.account, namespace


def _job(hub: StandInHub, call: Call, *, write: bool = False) -> Job:
    _, namespace = _member(hub, call, write=write)
    job = hub.jobs.all.get(call.named["job"])
    if job is None or job.owner != namespace:
        raise Refused(404, "JobNotFound", "Job not found")
    return job


_STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
_JOBS, _JOB = r"/api/jobs/(?P<namespace>[^/]+)", r"/(?P<job>[0-9a-f]{24})"
ROUTES: list[Route] = [
    ("POST", re.compile(_JOBS), submit),
    ("GET", re.compile(_JOBS), listed),
    ("GET", re.compile(_JOBS + _JOB), looked_at),
    ("POST", re.compile(f"{_JOBS}{_JOB}/cancel"), cancelled),
    ("PUT", re.compile(f"{_JOBS}{_JOB}/labels"), labelled),
    ("GET", re.compile(f"{_JOBS}{_JOB}/logs"), logs),
    ("GET", re.compile(f"{_JOBS}{_JOB}/metrics"), metrics),
]
