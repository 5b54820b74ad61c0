"""The client's side: supervisors that are killed for good and started again.

    python -m money.lives        (HF_ENDPOINT and TUNEBOOK_HOME say where; commands come on stdin, a JSON object a line)

Everything is imported once; each life is a fork of this process, so that it begins within milliseconds and a kill -9 takes
nothing else with it. Of the supervisor only waiting is made short, and what costs no money is left out: the proof before the
run, the report after it, what the wheel holds, what the hardware does.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import ssl
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    import huggingface_hub  # noqa: F401

    from tunebook.pipeline import supervisor
    from tunebook.pipeline.backends.hf_jobs import follow, hub, jobs, submit, wheel  # noqa: F401

    follow.AGAIN_S = 0.05
    hub.ANSWER_S = float(os.environ.get("MONEY_ANSWER_S", "0.5"))
    supervisor.Supervisor._prove = lambda self, plan: None  # type: ignore[method-assign]
    supervisor.Supervisor._report = lambda self, plan: None  # type: ignore[method-assign]
    jobs.wheel = _any_wheel
    follow._measure = lambda hub, job_id, folder, over: over.wait()
    warm()
    living: dict[int, str] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        if (pid := os.fork()) == 0:
            live(command)
        living[pid] = command["run_id"]
        if command.get("wait", True):
            _, status = os.waitpid(pid, 0)
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            print(json.dumps({"killed": killed, "code": None if killed else os.WEXITSTATUS(status)}), flush=True)
    return 0


def _any_wheel(kept: Path) -> Path:
    """A small file in the place of the wheel, which no job here opens."""
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / "tunebook-0-py3-none-any.whl"
    if not path.exists():
        path.write_bytes(b"wheel")
    return path


def warm() -> None:
    """What a process would otherwise load in each life."""
    from huggingface_hub import HfApi, Volume  # noqa: F401
    from huggingface_hub.errors import HfHubHTTPError  # noqa: F401

    # Each life makes a client of its own, and each client reads all certificates, of which none is used here.
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    HfApi().whoami(token=os.environ["MONEY_TOKEN"])


def live(command: dict[str, Any]) -> None:
    """One supervisor from its start to its end, or to its death at a named place."""
    code = 70
    try:
        code = _supervise(command)
    except BaseException as failure:
        print(f"{type(failure).__name__}: {failure}", file=sys.stderr, flush=True)
    os._exit(code)


def _supervise(command: dict[str, Any]) -> int:
    from tunebook.pipeline import supervisor
    from tunebook.pipeline.backends.hf_jobs.hub import JobsHub
    from tunebook.pipeline.backends.hf_jobs.jobs import HfJobs
    from tunebook.pipeline.backends.hf_jobs.submit import Patience
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.process import ProcessId

    os.environ.pop("TUNEBOOK_CRASH_AT", None)
    if command.get("crash_at"):
        os.environ["TUNEBOOK_CRASH_AT"] = command["crash_at"]

    class Quick(HfJobs):
        poll_s = float(command.get("poll_s", 0.03))

    patience = Patience(settle=0.2, between=0.05, longest=0.2, reach=3.0)
    hub = JobsHub(command["account"], command["token"])
    supervisor.backend = lambda name: Quick(hub, patience)  # type: ignore[attr-defined]
    journal, run_id = Journal(home()), command["run_id"]
    fence = journal.acquire(run_id, ProcessId.current())
    if fence is None:
        return 75
    try:
        supervisor.Supervisor(run_id, fence, resume=command.get("resume", False)).run()
    finally:
        journal.release(run_id, fence)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
