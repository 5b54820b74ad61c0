"""A run on a rented machine of the stand-in Hub, at the terminal: from the instruction to its results here, and its money."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub.__main__ import seeded
from hub.clients import TOKEN, Client, told
from hub.job_routes import spent_usd
from hub.jobs import Job
from hub.server import StandInHub, served
from small import small_data
from tiny import tiny_model

#: tests/notebooks/test_rented.py goes the same way from a notebook, in less time.
pytestmark = pytest.mark.slow

INSTRUCTION = (
    "Fine-tune ada/SmolLM2-135M-Instruct on ada/kinds with LoRA for 6 steps\nbatch size: 4\nsave_steps: 3\nno gguf"
)
ON = ("--on", "hf-jobs", "--budget", "2", "--yes", "--wait", "--json")


@pytest.fixture(scope="module")
def hub(model_folder: Path, kinds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInHub]:
    folder = tmp_path_factory.mktemp("seeds")
    with served(StandInHub()) as running:
        seeded(running, tiny_model(model_folder, folder / "tiny"), small_data(kinds, folder / "kinds"))
        running.accounts[TOKEN] = "ada"
        yield running


@pytest.fixture(scope="module")
def machine(hub: StandInHub, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The machine on which the first run was started."""
    return Client(hub, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def run(machine: Client) -> dict[str, Any]:
    """What `show` says of the run when it has ended."""
    done = machine.tunebook("run", INSTRUCTION, *ON, token=TOKEN)
    assert done.returncode == 0, (done.stdout, done.stderr, log(machine))
    return told(machine, "show")


def log(machine: Client) -> str:
    files = sorted((machine.folder / "tunebook").glob("runs/*/supervisor.log"))
    return files[-1].read_text()[-3000:] if files else "no run"


def jobs_of(hub: StandInHub, run_id: str) -> list[Job]:
    return [job for job in hub.jobs.all.values() if job.labels["tunebook-run"] == run_id]


def test_one_job_does_all_stages_and_is_paid_for_as_the_ledger_says(
    hub: StandInHub, machine: Client, run: dict[str, Any]
) -> None:
    assert run["state"] == "succeeded"
    (job,) = jobs_of(hub, run["run_id"])
    (attempt,) = run["attempts"]
    assert attempt["job_id"] == f"ada/{job.id}" and attempt["state"] == "succeeded"
    assert job.timeout_s == attempt["timeout_s"] and job.spec["attempts"] == 1
    assert run["usd"] == pytest.approx(spent_usd(hub, job), abs=1e-5)
    budget = told(machine, "budget")
    assert budget["spent_usd"] == run["usd"] and budget["reserved_usd"] == 0
    stages = [event["data"]["stage"] for event in run["events"] if event["kind"] == "stage_done"]
    assert stages == ["train", "evaluate", "export"]


def test_its_log_its_curves_and_its_results_are_here(hub: StandInHub, machine: Client, run: dict[str, Any]) -> None:
    (job,) = jobs_of(hub, run["run_id"])
    folder = machine.folder / "tunebook" / "runs" / run["run_id"]
    said = [line.text for line in job.lines if not line.text.startswith("===== Job started")]
    assert (folder / "jobs" / "train-1" / "log.txt").read_text().split("\n")[:-1] == said
    assert [step for step, _ in told(machine, "metrics")["series"]["train/loss"]] == [1, 2, 3, 4, 5, 6]
    rows = told(machine, "compare")["rows"]
    assert [row["step"] for row in rows] == [0, 3, 6]
    assert sorted(path.name for path in (folder / "output").glob("checkpoint-*")) == ["checkpoint-3", "checkpoint-6"]
    exported = json.loads((folder / "export.json").read_text())
    assert Path(exported["export"]["merged"]).is_dir(), "the path is of this machine"
    assert (folder / "report.html").is_file()
    measured = [json.loads(line) for line in (folder / "jobs" / "train-1" / "hardware.jsonl").read_text().splitlines()]
    assert measured and measured[0]["memory_total_gib"] > 1


def test_another_machine_finds_the_run_by_its_labels_and_sees_the_same(
    hub: StandInHub, run: dict[str, Any], tmp_path: Path
) -> None:
    other = Client(hub, tmp_path)
    assert told(other, "attach")["run_id"] == run["run_id"]
    seen = waited(other, run["run_id"])
    assert seen["state"] == "succeeded" and seen["usd"] == run["usd"]
    assert len(jobs_of(hub, run["run_id"])) == 1
    assert told(other, "metrics")["series"]["train/loss"][-1][0] == 6


def test_doctor_says_who_would_rent(machine: Client) -> None:
    assert told(machine, "doctor")["backends"]["hf-jobs"] == "ready as ada, with jobs in ada"
    nobody = machine.tunebook("doctor", "--json")
    assert json.loads(nobody.stdout)["backends"]["hf-jobs"].startswith("not ready: token is missing")


def test_the_same_words_find_the_run_and_pay_nothing(hub: StandInHub, machine: Client, run: dict[str, Any]) -> None:
    before = len(hub.jobs.all)
    done = machine.tunebook("run", INSTRUCTION, *ON, token=TOKEN)
    assert json.loads(done.stdout)["run_id"] == run["run_id"]
    assert len(hub.jobs.all) == before


BEGIN = """
import time
import tunebook
from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import load_plan
"""


def drafted(machine: Client, seed: int) -> tuple[str, str, str, float]:
    """A run that waits for its consent: its id, its plan's id, its machine, and what it can cost."""
    draft = f"""
made = tunebook.plan({f"{INSTRUCTION}{chr(10)}seed: {seed}"!r}, on="hf-jobs", budget=2)
whole = load_plan(Journal(home()), made.plan_id)
answer = [control.start_planned(whole, ""), made.plan_id, made.chosen.flavor, made.max_usd]
"""
    run_id, plan_id, flavor, most = machine.script(BEGIN + draft, token=TOKEN)
    (machine.folder / "tunebook" / "hardware.json").unlink()  # as if it had been read long ago
    return run_id, plan_id, flavor, most


def refusal(machine: Client, run_id: str, plan_id: str) -> tuple[str, str, str, float]:
    """What a consent is answered, and the plan that there is then: its id, its machine, and what it can cost."""
    confirm = f"""
try:
    control.confirm({run_id!r}, {plan_id!r}, by="a test")
    answer = None
except CallError as refused:
    until = time.monotonic() + 120
    while (now := tunebook.show({run_id!r})).plan_id in (None, {plan_id!r}) and time.monotonic() < until:
        time.sleep(0.2)
    new = load_plan(Journal(home()), now.plan_id)
    answer = [str(refused), now.plan_id, new.chosen.flavor, new.max_usd]
"""
    said, other, flavor, most = machine.script(BEGIN + confirm, token=TOKEN)
    return said, other, flavor, most


def test_a_price_that_changed_is_refused_and_a_new_plan_is_made(hub: StandInHub, machine: Client) -> None:
    run_id, plan_id, flavor, most = drafted(machine, 7)
    entry = next(one for one in hub.hardware if one["name"] == flavor)
    entry["unitCostMicroUSD"] *= 2
    entry["unitCostUSD"] *= 2
    before = len(hub.jobs.all)
    try:
        said, other, _, dearer = refusal(machine, run_id, plan_id)
    finally:
        entry["unitCostMicroUSD"] /= 2
        entry["unitCostUSD"] /= 2
    assert said.startswith(f"price has changed: {flavor} costs $")
    assert other != plan_id and dearer > most
    assert len(hub.jobs.all) == before


def test_a_machine_that_is_gone_is_refused_and_a_plan_with_another_is_made(hub: StandInHub, machine: Client) -> None:
    run_id, plan_id, flavor, _ = drafted(machine, 9)
    offered = list(hub.hardware)
    before = len(hub.jobs.all)
    try:
        hub.hardware[:] = [one for one in offered if one["name"] != flavor]
        said, other, another, _ = refusal(machine, run_id, plan_id)
        words = f"{INSTRUCTION}\nflavor: {flavor}\nseed: 9"
        named = machine.tunebook("run", words, "--on", "hf-jobs", "--budget", "2", "--yes", "--json", token=TOKEN)
    finally:
        hub.hardware[:] = offered
    assert f"does not offer {flavor} any more" in said
    assert other != plan_id and another != flavor
    assert named.returncode == 2
    (line,) = named.stderr.splitlines()
    assert flavor in line
    assert len(hub.jobs.all) == before


def test_a_namespace_that_is_not_ours_gets_nothing(hub: StandInHub, machine: Client) -> None:
    before = len(hub.jobs.all)
    words = f"{INSTRUCTION}\nseed: 10\npush to: strangers/model"
    done = machine.tunebook("run", words, "--on", "hf-jobs", "--budget", "2", "--yes", "--json", token=TOKEN)
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert "strangers is neither your account (ada) nor an organisation of yours" in line
    assert len(hub.jobs.all) == before


@pytest.mark.parametrize(
    ("token", "told_so"),
    [(None, "token"), ("hf_wrong", "token"), ("hf_reader", "may only read")],
    ids=["none", "bad", "reader"],
)
def test_without_a_token_that_may_nothing_starts(
    token: str | None, told_so: str, hub: StandInHub, machine: Client
) -> None:
    hub.accounts["hf_reader"] = "rita"
    hub.readers.add("rita")
    before = len(hub.jobs.all)
    words = f"{INSTRUCTION}\nseed: 8"
    done = machine.tunebook("run", words, "--on", "hf-jobs", "--budget", "2", "--yes", "--json", token=token)
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.splitlines()
    assert told_so in line and ("http" in line or "hf auth login" in line)
    assert len(hub.jobs.all) == before


@pytest.mark.usefixtures("run")
def test_the_token_is_nowhere(hub: StandInHub, machine: Client) -> None:
    canary = TOKEN.encode()
    for file in machine.folder.rglob("*"):
        if file.is_file():
            assert canary not in file.read_bytes(), file
    for bucket in hub.buckets.all.values():
        for file in bucket.place("").rglob("*"):
            if file.is_file():
                assert canary not in file.read_bytes(), file
    for job in hub.jobs.all.values():
        assert TOKEN not in json.dumps(job.spec["command"]) + json.dumps(job.spec.get("environment"))
        assert all(TOKEN not in line.text for line in job.lines)


def waited(machine: Client, run_id: str) -> dict[str, Any]:
    """What `show` says when the run has ended on that machine."""
    deadline = time.monotonic() + 120
    while (seen := told(machine, "show", run_id))["state"] not in ("succeeded", "failed", "cancelled"):
        assert time.monotonic() < deadline, (seen, log(machine))
        time.sleep(0.5)
    return seen


def stranger(hub: StandInHub, run_id: str, micros: int) -> Job:
    """A job of ada's that a machine of hers has started which is not at hand."""
    labels = {"tunebook-run": run_id, "tunebook-plan": "0" * 40, "tunebook-micros": str(micros)}
    spec = {"command": ["sleep", "60"], "dockerImage": "i", "flavor": "l4x1", "labels": labels}
    return hub.jobs.create("ada", "ada", spec, {})


def test_what_other_machines_spend_is_listed_and_counts(hub: StandInHub, machine: Client) -> None:
    job = stranger(hub, "far-1128-aaaaaa", 900_000)
    try:
        (listed,) = told(machine, "budget", "--month", "1")["elsewhere"]
        assert (listed["run_id"], listed["max_usd"], listed["flavor"]) == ("far-1128-aaaaaa", 0.9, "l4x1")
        words = f"{INSTRUCTION}\nseed: 9"
        before = len(hub.jobs.all)
        done = machine.tunebook("run", words, "--on", "hf-jobs", "--budget", "2", "--yes", "--json", token=TOKEN)
        assert done.returncode == 2 and "left of this month's $1" in done.stderr, (done.stdout, done.stderr)
        assert len(hub.jobs.all) == before
    finally:
        hub.jobs.cancel(job)
        told(machine, "budget", "--clear")


def test_a_job_of_a_run_that_has_ended_is_cancelled_when_somebody_looks(
    hub: StandInHub, machine: Client, run: dict[str, Any]
) -> None:
    job = stranger(hub, run["run_id"], 0)
    told(machine, "attach")
    deadline = time.monotonic() + 20
    while not job.ended and time.monotonic() < deadline:
        time.sleep(0.05)
    assert job.stage == "CANCELED"


def test_a_training_that_is_stopped_keeps_what_is_there_and_is_evaluated(hub: StandInHub, machine: Client) -> None:
    words = INSTRUCTION.replace("6 steps", "900 steps") + "\nseed: 11"
    done = machine.tunebook("run", words, "--on", "hf-jobs", "--budget", "9", "--yes", "--json", token=TOKEN)
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout)["run_id"]
    deadline = time.monotonic() + 120
    while (told(machine, "show", run_id)["step"] or 0) < 8 and time.monotonic() < deadline:
        time.sleep(0.3)
    told(machine, "stop", run_id)
    ended = waited(machine, run_id)
    assert ended["state"] == "succeeded" and 8 <= ended["step"] < 900
    (job,) = jobs_of(hub, run_id)
    assert ended["usd"] == pytest.approx(spent_usd(hub, job), abs=1e-5)
