"""Jobs on this machine: they outlive who started them, end in time, and tell how they ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from processes import until

from tunebook.pipeline.backends import JobRequest, backend
from tunebook.pipeline.errors import CallError

SCRIPT = "import os, sys, time\nprint('said', flush=True)\ntime.sleep(float(sys.argv[1]))\nsys.exit(int(sys.argv[2]))\n"


def request(folder: Path, seconds: float, code: int = 0, timeout_s: int = 60) -> JobRequest:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    return JobRequest(folder=folder, script=script, args=[str(seconds), str(code)], labels={}, timeout_s=timeout_s)


def ended(job: str) -> None:
    until(lambda: backend("local").status(job).ended, "the job's end", 30)


def pid(job: str) -> int:
    return int(json.loads((Path(job) / "started.json").read_text())["job"]["pid"])


@pytest.mark.parametrize(("code", "state"), [(0, "succeeded"), (3, "failed")])
def test_it_runs_once_and_tells_its_exit(tmp_path: Path, code: int, state: str) -> None:
    local = backend("local")
    asked = request(tmp_path / "job", 0.2, code)
    assert local.find(asked) is None
    job = local.submit(asked)
    assert local.submit(asked) == job, "a second submit of the same folder is the same job"
    assert local.find(asked) == job
    ended(job)
    status = local.status(job)
    assert (status.state, status.exit_code) == (state, code)
    assert (asked.folder / "log.txt").read_text().count("said") == 1
    local.submit(asked)
    assert (asked.folder / "log.txt").read_text().count("said") == 1, "a folder holds one job, ever"


def test_a_cancelled_job_ends_and_says_so(tmp_path: Path) -> None:
    local = backend("local")
    job = local.submit(request(tmp_path / "job", 60))
    assert local.status(job).state == "running"
    local.cancel(job)
    ended(job)
    assert local.status(job).state == "cancelled"


def test_a_job_ends_when_its_time_is_up(tmp_path: Path) -> None:
    job = backend("local").submit(request(tmp_path / "job", 60, timeout_s=1))
    ended(job)
    status = backend("local").status(job)
    assert (status.state, status.timed_out) == ("failed", True)


def test_a_job_that_was_killed_is_lost_not_failed(tmp_path: Path) -> None:
    job = backend("local").submit(request(tmp_path / "job", 60))
    os.kill(pid(job), 9)
    ended(job)
    status = backend("local").status(job)
    assert (status.state, status.signal) == ("lost", 9)


def test_a_job_dies_with_its_runner_so_that_nothing_runs_on_unseen(tmp_path: Path) -> None:
    import psutil

    job = backend("local").submit(request(tmp_path / "job", 60))
    child = psutil.Process(pid(job))
    runner = child.parent()
    assert runner is not None
    runner.kill()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert backend("local").status(job).state == "lost"


def test_a_job_never_submitted_is_absent(tmp_path: Path) -> None:
    assert backend("local").status(str(tmp_path / "nothing")).state == "absent"


def test_an_unknown_backend_is_named_with_those_there_are() -> None:
    with pytest.raises(CallError, match=r"backend is 'mars'.*choose one of hf-jobs, local"):
        backend("mars")


def test_a_half_written_line_waits_for_its_end_and_foreign_markers_are_text(tmp_path: Path) -> None:
    from tunebook.pipeline.tail import EventTail

    (tmp_path / "nonce").write_text("n1")
    tail, log = EventTail(tmp_path), tmp_path / "log.txt"
    log.write_text('@tunebook:n1 {"event": "a"}\n@tunebook:other {"event": "forged"}\n@tunebook:n1 {"eve')
    assert [event["event"] for event in tail.new()] == ["a"]
    with log.open("a") as file:
        file.write('nt": "b"}\nplain text @tunebook:n1 {"event": "c"}\n@tunebook:n1 not json\n')
    assert [event["event"] for event in tail.new()] == ["b", "c"]
    assert tail.new() == []
