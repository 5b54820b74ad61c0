"""An account that may have no bucket: a private repository is its run's disk, and outlives the job's machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub.__main__ import seeded
from hub.clients import TOKEN, Client, answered, told
from hub.faults import Fault
from hub.jobs import Job
from hub.repos import MAIN
from hub.server import StandInHub, served
from small import small_data
from tiny import tiny_model

from tunebook.pipeline.progress import MARKER

REPO = ("model", "ada/tunebook-r-1")
BEGIN = """
from pathlib import Path
from huggingface_hub import HfApi, get_token
from tunebook.pipeline.backends.base import JobRefused, JobRequest, Undecided
from tunebook.pipeline.backends.hf_jobs import choose_disk, disk, jobs, keeper
from tunebook.pipeline.backends.hf_jobs.hub import JobsHub
from tunebook.pipeline.home import read_json
from tunebook.pipeline.run_folder import RunFolder
me, run = JobsHub("ada", get_token()), Path("runs/r-1").resolve()
def file(name, text, under=run):
    (under / name).parent.mkdir(parents=True, exist_ok=True)
    (under / name).write_text(text)
    return under / name
def checkpoint(step, whole=True):
    file(f"output/checkpoint-{step}/weights", "w" * step)
    if whole:
        file(f"output/checkpoint-{step}/whole.json", '{"weights": %d}' % step)
def put():
    try:
        made, revision = choose_disk.put(me, run, {"jobs/train-1/a": file("jobs/train-1/a", "a")})
        return [made.kind, revision]
    except (JobRefused, Undecided) as failure:
        return [type(failure).__name__, str(failure)]
"""


@pytest.fixture
def hub(hub: StandInHub) -> StandInHub:
    hub.no_buckets.add("ada")
    return hub


def files(hub: StandInHub, repo: tuple[Any, str] = REPO) -> list[str]:
    return sorted(hub.repos[repo].at(MAIN).files)


def test_the_disk_is_a_private_repository_and_does_what_the_bucket_does(hub: StandInHub, client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
answer = dict(put=put(), note=read_json(run / "disk.json"), again=put()[0])
mine = choose_disk.disk_of(me, run)
mine.write("output/stop", b"stop")
mine.write("large", b"l" * 101)
disk.FILE_MOST = 100
there = Path("there").resolve()
answer["left"] = mine.get(there)
answer["here"] = sorted(path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file())
mine.read("large", there / "read")
answer |= dict(read=len((there / "read").read_bytes()), address=mine.address("large"))
""",
    )
    repo = hub.repos[REPO]
    assert repo.private and not hub.buckets.all
    sent = repo.history(MAIN)[-2]
    assert told == {
        "put": ["repository", sent.sha],
        "note": {"kind": "repository"},
        "again": "repository",
        "left": ["large"],
        "here": ["jobs/train-1/a", "output/stop"],
        "read": 101,
        "address": "hf://ada/tunebook-r-1/large",
    }
    refused = [asked.path for asked in hub.log if asked.status == 403]
    assert len(refused) == 1, "what was chosen once is not asked for again"


def test_a_bucket_that_cannot_be_written_into_is_refused_as_one_that_cannot_be_made(
    hub: StandInHub, client: Client
) -> None:
    hub.no_buckets.clear()
    hub.failing["/api/buckets/ada/tunebook/xet-write-token"] = 403
    assert answered(client, BEGIN + "answer = put()[0]") == "repository"


def test_only_a_refusal_leads_to_a_repository(hub: StandInHub, client: Client) -> None:
    hub.faults.append(Fault("error", "POST", "/api/buckets/ada"))
    unknown, noted, then = answered(client, BEGIN + "answer = [put(), (run / 'disk.json').exists(), put()[0]]")
    assert unknown == ["Unanswered", "the Hub answers 500"]
    assert not noted and then == "repository"


def test_what_may_be_written_nowhere_or_read_by_all_is_told(hub: StandInHub, client: Client) -> None:
    hub.repo(*REPO).commit({})  # type: ignore[arg-type]
    hub.readers.add("bob")
    hub.accounts["hf_bob"] = "bob"
    code = """
answer = [put()]
me = JobsHub("bob", "hf_bob")
answer += [put(), (run / "disk.json").exists()]
"""
    public, nowhere, noted = answered(client, BEGIN + code)
    assert public[0] == "JobRefused" and "would be public: so is the repository ada/tunebook-r-1" in public[1]
    assert nowhere[0] == "JobRefused" and "neither buckets nor repositories in bob" in nowhere[1]
    assert not noted and files(hub) == []


def test_a_job_works_on_a_copy_of_the_commit_that_it_was_sent_with(hub: StandInHub, client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
import time
from huggingface_hub import CommitOperationAdd
script = '''
import os, sys
print(sorted(name for name in os.listdir() if name != "output"), sys.argv[1:], os.listdir("output"))
print(os.environ["TUNEBOOK_KEEP_IN"], os.environ["UV_FIND_LINKS"] == os.getcwd() + "/code", len(os.environ["HF_TOKEN"]))
open("jobs/train-1/config.json", "a").write("it is a copy")
'''
jobs.wheel = lambda kept: file("tunebook-0-py3-none-any.whl", "wheel", kept)
checkpoint(3)
file("jobs/train-1/config.json", "{}")
request = JobRequest(
    folder=run / "jobs/train-1", script=file("jobs/train-1/stages.py", script), args=["jobs/train-1/config.json"],
    labels={"tunebook-run": "r-1"}, timeout_s=60, flavor="cpu-basic",
)
mine = jobs.HfJobs(me)
job_id = mine.submit(request)
while not mine.status(job_id).ended: time.sleep(0.05)
with mine.following(request, job_id): time.sleep(0.1)
state, log = mine.status(job_id).state, (run / "jobs/train-1/log.txt").read_text().splitlines()
(run / "jobs/train-1/hub_job.json").unlink()
answer = [state, log, mine.find(request) == job_id, mine.submit(request) == job_id]
""",
    )
    (job,) = hub.jobs.all.values()
    in_it = "['code', 'jobs'] ['jobs/train-1/config.json'] ['checkpoint-3']"
    assert told == ["succeeded", [in_it, f"{REPO[1]} True {len(TOKEN)}"], True, True]
    assert job.spec["secrets"] == {"HF_TOKEN": TOKEN}
    assert TOKEN not in json.dumps({name: value for name, value in job.spec.items() if name != "secrets"})
    (volume,) = job.spec["volumes"]
    sent = hub.repos[REPO].at(MAIN)
    assert volume["revision"] == sent.sha and (volume["type"], volume["source"], volume["readOnly"]) == (*REPO, True)


def test_what_is_whole_is_kept_while_the_work_goes_on(hub: StandInHub, client: Client) -> None:
    told = answered(
        client,
        BEGIN
        + """
put()
mine = keeper.Keeper(HfApi(), "ada/tunebook-r-1", RunFolder("r-1", at=run))
def look():
    trouble = mine.keep_whole()
    return [trouble, sorted(HfApi().list_repo_files(mine.repo))]
checkpoint(3)
checkpoint(6, whole=False)
file("output/held_out.jsonl", "{}")
file("jobs/train-1/result.json", "half")
answer = [look()]
checkpoint(6)
answer.append(look())
mine.stage_over()
file("export/half", "h")
answer.append(look())
answer.append([mine.look_for_stop(), (run / "output/stop").exists()])
choose_disk.disk_of(me, run).write("output/stop", b"stop")
answer.append([mine.look_for_stop(), (run / "output/stop").exists()])
""",
    )
    begin, first = ["jobs/train-1/a"], ["output/checkpoint-3/weights", "output/checkpoint-3/whole.json"]
    second = [name.replace("3", "6") for name in first]
    assert told[0] == ["", [*begin, *first, "output/held_out.jsonl"]]
    assert told[1] == ["", [*begin, *first, *second, "output/held_out.jsonl"]]
    assert told[2] == ["", [*begin, "jobs/train-1/result.json", *first, *second, "output/held_out.jsonl"]]
    assert told[3:] == [["", False], ["", True]]
    titles = [one.message for one in hub.repos[REPO].history(MAIN)[::-1]]
    assert titles[2:] == ["checkpoint-3", "Results", "checkpoint-6", "Results", "output/stop"]


def test_an_upload_that_fails_is_tried_again_and_at_last_fails_the_job(hub: StandInHub, client: Client) -> None:
    hub.repo(*REPO, private=True).commit({})
    hub.faults += [Fault("payment", "POST", "/commit/main") for _ in range(1 + 3 + 1)]
    told = answered(
        client,
        BEGIN
        + """
import os, signal, time
from tunebook.pipeline.errors import WorkFailed
os.environ["TUNEBOOK_KEEP_IN"], keeper.PAUSES_S = "ada/tunebook-r-1", (0.0, 0.0)
folder = RunFolder("r-1", at=run)
mine = keeper.Keeper(HfApi(), "ada/tunebook-r-1", folder)
checkpoint(3)
answer = [mine.keep_whole()]
(run / "output/checkpoint-3/whole.json").unlink()
try:
    with keeper.keeping(folder):
        checkpoint(3)
except WorkFailed as failure:
    answer.append(str(failure))
(run / "output/checkpoint-3/whole.json").unlink()
try:
    with keeper.keeping(folder):
        checkpoint(3)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
except SystemExit as ended:
    answer.append(ended.code)
""",
    )
    refused = "the Hub answers 402"
    assert told == [refused, f"what the job has made is not all kept in {REPO[1]}: {refused}", 143]
    assert "output/checkpoint-3/whole.json" in files(hub) and not hub.faults


# A whole run

INSTRUCTION = (
    "Fine-tune ada/SmolLM2-135M-Instruct on ada/kinds with LoRA for 900 steps\nbatch size: 4\nsave_steps: 4\nno gguf"
)


@pytest.fixture
def seeded_hub(model_folder: Path, kinds: Path, tmp_path: Path) -> Iterator[StandInHub]:
    with served(StandInHub()) as running:
        seeded(running, tiny_model(model_folder, tmp_path / "tiny"), small_data(kinds, tmp_path / "kinds"))
        running.accounts[TOKEN] = "ada"
        running.no_buckets.add("ada")
        running.jobs.environment["TUNEBOOK_KEEP_S"] = "0.5"
        yield running


def until(condition: Callable[[], Any], seen: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 180
    while not (found := condition()):
        assert time.monotonic() < deadline, seen()
        time.sleep(0.3)
    return found


def steps_kept(hub: StandInHub, run_id: str) -> list[int]:
    repo = hub.repos.get(("model", f"ada/tunebook-{run_id}"))
    names = repo.at(MAIN).files if repo else {}
    return sorted(int(name.split("-")[1].split("/")[0]) for name in names if name.endswith("/whole.json"))


def begun_at(job: Job) -> int:
    """The step with which its training began."""
    events = [json.loads(line.text.split(" ", 1)[1]) for line in job.lines if line.text.startswith(MARKER)]
    return next(int(event["step"]) for event in events if event["event"] == "begin")


@pytest.mark.slow
def test_a_run_outlives_its_machine_and_goes_on_from_what_is_kept(seeded_hub: StandInHub, tmp_path: Path) -> None:
    hub, machine = seeded_hub, Client(seeded_hub, tmp_path / "machine")
    run_id = told(machine, "run", INSTRUCTION, "--on", "hf-jobs", "--budget", "9", "--yes")["run_id"]
    show = lambda: told(machine, "show", run_id)  # noqa: E731

    kept = until(lambda: steps_kept(hub, run_id), show)
    (job,) = hub.jobs.all.values()
    assert not job.ended, "a checkpoint is there while its training goes on"
    hub.jobs.kill(job, "Node lost")
    until(lambda: show()["state"] == "interrupted", show)
    kept = steps_kept(hub, run_id)

    told(machine, "resume", run_id)
    until(lambda: (steps_kept(hub, run_id) or [0])[-1] > kept[-1], show)
    (other,) = [one for one in hub.jobs.all.values() if one is not job]
    assert begun_at(job) == 0 and begun_at(other) == kept[-1]
    told(machine, "stop", run_id)
    ended = until(lambda: (now := show())["state"] in ("succeeded", "failed") and now, show)
    assert ended["state"] == "succeeded" and kept[-1] < ended["step"] < 900, ended

    repo = hub.repos["model", f"ada/tunebook-{run_id}"]
    assert repo.private and not hub.buckets.all
    folder = machine.folder / "tunebook" / "runs" / run_id
    assert steps_kept(hub, run_id)[-1] == ended["step"]
    assert (folder / "output" / f"checkpoint-{ended['step']}" / "whole.json").is_file()
    assert Path(json.loads((folder / "export.json").read_text())["export"]["merged"]).is_dir()

    elsewhere = Client(hub, tmp_path / "elsewhere")
    assert told(elsewhere, "attach")["run_id"] == run_id
    until(lambda: told(elsewhere, "show", run_id)["state"] == "succeeded", lambda: told(elsewhere, "show", run_id))

    canary = TOKEN.encode()
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert canary not in file.read_bytes(), file
    for commit in repo.history(MAIN):
        for name, blob in commit.files.items():
            assert canary not in blob.read(0, blob.size), name
    for one in hub.jobs.all.values():
        assert TOKEN not in json.dumps({name: value for name, value in one.spec.items() if name != "secrets"})
        assert all(TOKEN not in line.text for line in one.lines)
