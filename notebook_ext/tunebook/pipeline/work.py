"""Do one piece of heavy work in a local job of its own and wait for its result: inspections, probes, single evaluations.

Runs submit their jobs through the supervisor; this is for everything that a person waits for.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tunebook.pipeline.backends import JobRequest, JobStatus, backend
from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.progress import NONCE_VARIABLE
from tunebook.pipeline.scripts.entry import Entry, entry_script
from tunebook.pipeline.tail import EventTail, last_lines

POLL_S = 0.1
OnEvent = Callable[[dict[str, Any]], None]


def job_request(
    entry: Entry, config: dict[str, Any], folder: Path, *, labels: dict[str, str], timeout_s: int
) -> JobRequest:
    """Write an entry script and its configuration into a job's folder, and say how to run them."""
    script = folder / f"{entry}.py"
    folder.mkdir(parents=True, exist_ok=True)
    script.write_text(entry_script(entry), encoding="utf-8")
    write_json(folder / "config.json", config)
    return JobRequest(
        folder=folder,
        script=script,
        args=[str(folder / "config.json"), str(folder / "result.json")],
        env={NONCE_VARIABLE: nonce(folder)},
        labels=labels,
        timeout_s=timeout_s,
    )


def nonce(folder: Path) -> str:
    """The job's own nonce, made once and kept beside it: only lines that carry it are events."""
    path = folder / "nonce"
    if path.exists() and (kept := path.read_text()):
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".nonce-{os.getpid()}")
    part.write_text(secrets.token_hex(8))  # a full disk leaves an empty file: never under the name that counts
    os.replace(part, path)
    return path.read_text()


def result_of(folder: Path, status: JobStatus, what: str) -> dict[str, Any]:
    """The job's result. Raises CallError with what the job found wrong with the call, else WorkFailed."""
    result: dict[str, Any] | None = read_json(folder / "result.json")
    if result is not None and "error" in result:
        error = result["error"]
        raise CallError(error["field"], error["problem"], error["remedy"])
    if status.state == "succeeded" and result is not None:
        return result
    if status.timed_out:
        raise WorkFailed(f"{what} took longer than it may and was ended")
    if status.signal is not None or status.state == "lost":
        raise WorkFailed(f"{what} was killed (by hand, or because the memory ran out)")
    said = [line for line in last_lines(folder / "log.txt", 20) if line.strip()]
    raise WorkFailed(f"{what} failed: {said[-1] if said else 'it said nothing'} (its log: {folder / 'log.txt'})")


def do(
    entry: Entry,
    config: dict[str, Any],
    folder: Path,
    *,
    what: str,
    timeout_s: int = 1800,
    on_event: OnEvent | None = None,
    check: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """Run one entry as a local job in `folder`, hand its events on as they come, and return its result.

    `check` is called again and again; what it raises ends the job and is raised on, as an interrupt (Ctrl-C) is.
    """
    local = backend("local")
    job_id = local.submit(job_request(entry, config, folder, labels={"tunebook": entry}, timeout_s=timeout_s))
    tail = EventTail(folder)
    try:
        while not (status := local.status(job_id)).ended:
            for event in tail.new():
                if on_event:
                    on_event(event)
            if check:
                check()
            time.sleep(POLL_S)
    except BaseException:
        local.cancel(job_id)
        raise
    return result_of(folder, status, what)
