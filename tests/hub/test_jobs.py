"""Jobs of the stand-in, asked for and followed by the unmodified client: its own parsers read every answer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hub.clients import Client, answered
from hub.faults import Fault, Kind
from hub.job_routes import spent_usd
from hub.server import StandInHub

#: What every script here begins with.
BEGIN = """
import time
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
me = HfApi()
def run(code, **more):
    more = {"image": "python:3.12", "namespace": "ada", **more}
    return me.run_job(command=["python", "-c", code], **more)
def ended(job):
    while (now := me.inspect_job(job_id=job.id, namespace="ada")).status.stage in ("SCHEDULING", "RUNNING"):
        time.sleep(0.05)
    return now
def lines(job, **more):
    return list(me.fetch_job_logs(job_id=job.id, namespace="ada", **more))
"""


def test_a_job_is_run_and_everything_about_it_is_told(hub: StandInHub, client: Client) -> None:
    hub.jobs.scheduling_s = 0.3
    told = answered(
        client,
        BEGIN
        + """
code = "import os; print(os.environ['A'], os.environ['B'], len(os.listdir('.'))); open('left', 'w')"
job = run(code, env={"A": "1"}, secrets={"B": "2"}, flavor="t4-small", timeout="90m", labels={"run": "r-1"}, name="one")
first = job.status.stage
now = ended(job)
answer = dict(
    first=first, stage=now.status.stage, message=now.status.message, flavor=now.flavor, labels=now.labels,
    secrets=now.secrets, environment=now.environment, owner=now.owner.name, lines=lines(job), running=now.durations.running_secs,
    order=now.created_at <= now.started_at <= now.finished_at, retry=now.retry,
)
""",
    )
    assert told == {
        "first": "SCHEDULING",
        "stage": "COMPLETED",
        "message": None,
        "flavor": "t4-small",
        "labels": {"run": "r-1", "name": "one"},
        "secrets": ["B"],
        "environment": {"A": "1"},
        "owner": "ada",
        "lines": ["1 2 0"],
        "running": 0,
        "order": True,
        "retry": 0,
    }
    (job,) = hub.jobs.all.values()
    assert job.timeout_s == 5400
    assert 0 < spent_usd(hub, job) < 0.01
    assert not (hub.jobs.folder / job.id).exists(), "the disk is gone"


def test_how_jobs_end(hub: StandInHub, client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
endless = "import time; print('on', flush=True); time.sleep(60)"
failed, late, none = run("raise SystemExit(3)"), run(endless, timeout=1), me.run_job(image="i", command=["none"], namespace="ada")
stopped = run(endless)
while not lines(stopped): time.sleep(0.1)
me.cancel_job(job_id=stopped.id, namespace="ada")
answer = [[now.status.stage, now.status.message] for now in map(ended, (failed, late, none, stopped))]
""",
    )
    assert told == [
        ["ERROR", "Job failed with exit code: 3"],
        ["ERROR", "Job timeout"],
        ["ERROR", "Job failed to start: No such file or directory"],
        ["CANCELED", None],
    ]
    assert all(job.process is None or job.process.poll() is not None for job in hub.jobs.all.values())


def test_lists_go_over_pages_and_find_by_label_and_stage(client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
jobs = [run("pass", labels={"n": str(n % 2), "run": "r"}) for n in range(3)]
for job in jobs: ended(job)
me.update_job_labels(job_id=jobs[0].id, labels={"n": "9"}, namespace="ada")
places = {job.id: place for place, job in enumerate(jobs)}
def listed(**more):
    return [places[job.id] for job in me.list_jobs(namespace="ada", **more)]
answer = [listed(), listed(labels={"n": "0", "run": "r"}), listed(labels={"n": "9"})]
answer += [listed(status="RUNNING"), listed(status=["COMPLETED"])]
""",
    )
    assert told == [[2, 1, 0], [2], [0], [], [2, 1, 0]]


def test_more_jobs_than_a_page_are_all_listed(hub: StandInHub, client: Client) -> None:
    hub.jobs.scheduling_s = 60
    for _ in range(205):
        hub.jobs.create("ada", "ada", {"command": ["true"], "dockerImage": "i"}, {})
    assert answered(client, BEGIN + "answer = len(set(job.id for job in me.list_jobs(namespace='ada')))") == 205


def test_what_is_refused(hub: StandInHub, client: Client) -> None:
    hub.credit["ada"] = 0.0
    hub.organisations["ada"] = {"acme"}
    told = answered(
        client,
        BEGIN
        + """
def refused(**more):
    try:
        run("pass", **more)
    except HfHubHTTPError as failure:
        return [failure.response.status_code, type(failure).__name__]
answer = [refused(), refused(namespace="bob"), refused(namespace="acme", flavor="none")]
answer.append(refused(namespace="acme", labels={"a": "b c"}))
try:
    me.inspect_job(job_id="0" * 24, namespace="ada")
except HfHubHTTPError as failure:
    answer.append(type(failure).__name__)
""",
    )
    assert told == [
        [402, "HfHubHTTPError"],
        [403, "HfHubHTTPError"],
        [400, "BadRequestError"],
        [400, "BadRequestError"],
        "JobNotFoundError",
    ]
    assert not hub.jobs.all


def test_logs_are_followed_while_they_are_written_and_go_on_after_a_break(hub: StandInHub, client: Client) -> None:
    hub.faults += [Fault("cut", "GET", "/logs", events=3), Fault("cut", "GET", "/logs", events=3)]
    told = answered(
        client,
        BEGIN
        + """
def said(count, pause):
    return run(f"import time\\nfor n in range({count}): print('line', n, flush=True); time.sleep({pause})")
short = said(4, 0.1)
lost = lines(short, follow=True)
whole = lines(said(20, 0.2), follow=True)
answer = [whole == [f"line {n}" for n in range(20)], lost, lines(short)]
""",
    )
    # Where a job ends while the client waits to connect again, the client stops without having read to the end.
    assert told == [True, ["line 0", "line 1"], [f"line {n}" for n in range(4)]]


def test_metrics_come_as_events(hub: StandInHub, client: Client) -> None:
    hub.metric_s = 0.1
    told = answered(
        client,
        BEGIN
        + """
job = run("import time; time.sleep(3)", flavor="t4-small")
while me.inspect_job(job_id=job.id, namespace="ada").status.stage != "RUNNING": time.sleep(0.05)
found = []
for one in me.fetch_job_metrics(job_id=job.id, namespace="ada", follow=True):
    found.append(one)
    if len(found) == 3: break
answer = dict(names=sorted(found[-1]), used=found[-1]["memory_used_bytes"] > 0, cards=list(found[-1]["gpus"]))
ended(job)
answer["after"] = list(me.fetch_job_metrics(job_id=job.id, namespace="ada"))
""",
    )
    assert isinstance(told, dict)
    assert told.pop("names") == sorted(
        "cpu_usage_pct cpu_millicores memory_used_bytes memory_total_bytes rx_bps tx_bps gpus replica".split()
    )
    assert told == {"used": True, "cards": ["0"], "after": []}


def test_a_lost_machine_ends_a_job(hub: StandInHub, client: Client) -> None:
    job = hub.jobs.create("ada", "ada", {"command": ["sleep", "60"], "dockerImage": "i"}, {})
    while job.process is None:
        time.sleep(0.01)
    hub.jobs.kill(job, "OOMKilled")
    job.process.wait(5)
    assert (
        answered(client, BEGIN + f"answer = me.inspect_job(job_id='{job.id}', namespace='ada').status.message")
        == "OOMKilled"
    )


@pytest.mark.parametrize(
    ("kind", "jobs", "told"),
    [
        ("before", 0, "RemoteProtocolError"),
        ("after", 1, "RemoteProtocolError"),
        ("error", 1, "HfHubHTTPError 500"),
        ("stall", 1, "RemoteProtocolError"),
        ("payment", 0, "HfHubHTTPError 402"),
        ("twice", 1, "no error"),
    ],
)
def test_faults_leave_as_many_jobs_as_they_say(
    kind: Kind, jobs: int, told: str, hub: StandInHub, client: Client
) -> None:
    hub.faults.append(Fault(kind, "POST", "/api/jobs/ada", seconds=0.2))
    code = """
answer = "no error"
try:
    run("pass")
except Exception as failure:
    status = getattr(getattr(failure, "response", None), "status_code", "")
    answer = f"{type(failure).__name__} {status}".strip()
"""
    assert answered(client, BEGIN + code) == told
    assert len(hub.jobs.all) == jobs


def test_uv_runs_a_script_with_this_python(client: Client, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("import sys, trl; print(sys.argv[1:])")
    told = answered(
        client,
        BEGIN
        + f"""
job = me.run_job(image="uv", command=["uv", "run", "--quiet", "--with", "trl", "{tmp_path}/one.py", "--x", "1"], namespace="ada")
ended(job)
answer = lines(job)
""",
    )
    assert told == ["['--x', '1']"]
