"""What can happen to a paid run, and what must hold whatever happens."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hub.faults import Fault, set_faults
from hub.job_routes import spent_usd
from hub.jobs import Job
from hub.server import StandInHub
from hypothesis import strategies as st

from tunebook.pipeline.crash import CRASH_POINTS
from tunebook.pipeline.journal import Journal, RunState, fold
from tunebook.pipeline.ledger import Account, account, micros
from tunebook.pipeline.plan import Plan

FLAVOR, TIMEOUT_S, USD_PER_HOUR = "h200x8", 900, 40.00002
MAX_USD = 10.0001
MOST_LIVES = 9
CENT_OF_A_CENT = 100  # micro-dollars that the two clocks may differ by
Ending = Literal["well", "badly", "out of memory", "lost", "late"]


@dataclass(frozen=True)
class Schedule:
    """One run: the faults that its requests meet, the places where its supervisors die, how its job ends, a cancel."""

    faults: tuple[tuple[str, str, str], ...] = ()  # kind, method, the part of the path after the account's name
    deaths: tuple[str, ...] = ()
    ending: Ending = "well"
    queue_s: float = 0.0
    lag_s: float = 0.0
    cancel_after: int | None = None  # lives, 0 is before the first


SUBMIT = ("before", "after", "error", "stall", "twice", "page", "payment", "rate")
READ = ("before", "error", "stall", "page", "rate")
#: Where a fault can strike: method, what the path has after the account's name, and the kinds.
PLACES: list[tuple[str, str, tuple[str, ...]]] = [
    ("POST", "", SUBMIT),
    ("GET", "?", READ),
    ("GET", "/", READ),
    ("GET", "logs", ("cut", "before")),
    ("POST", "bucket", ("before", "after", "error", "page")),
    ("GET", "bucket", ("before", "error", "stall", "page", "rate")),
]


#: How a job is ended from outside, in the Hub's words. That its time is up is not waited for.
_FROM_OUTSIDE = {"out of memory": "OOMKilled", "lost": "Node lost", "late": "Job timeout"}


def schedules() -> st.SearchStrategy[Schedule]:
    fault = st.sampled_from([(kind, method, part) for method, part, kinds in PLACES for kind in kinds])
    return st.builds(
        Schedule,
        faults=st.lists(fault, max_size=4).map(tuple),
        deaths=st.lists(st.sampled_from(CRASH_POINTS), max_size=3).map(tuple),
        ending=st.sampled_from(["well", "well", "badly", "out of memory", "lost", "late"]),
        queue_s=st.sampled_from([0.0, 0.05]),
        lag_s=st.sampled_from([0.0, 0.05]),
        cancel_after=st.sampled_from([None, None, None, 0, 1, 2]),
    )


@dataclass
class Outcome:
    """What was there in the end."""

    schedule: Schedule
    state: str
    jobs: int
    attempts: int
    spent: int  # micro-dollars, by the ledger
    paid: int  # by the Hub
    reserved: int
    wrong: list[str] = field(default_factory=list)


class Field:
    """A Hub and a home; any number of threads play schedules on it, each with an account of its own."""

    def __init__(self, hub: StandInHub, home: Path, logs: Path | None = None) -> None:
        self.hub, self.home, self.logs = hub, home, logs or home
        os.environ["TUNEBOOK_HOME"] = str(home)
        self.journal = Journal(home)
        hub.jobs.instead = self._command
        self._endings: dict[str, Schedule] = {}

    @contextmanager
    def player(self, number: int, lives: str = "money.lives") -> Iterator[Player]:
        """`lives` is the module whose process lives the supervisors."""
        token = f"hf_canary{number:03}{secrets.token_hex(12)}"
        self.hub.accounts[token] = f"player{number}"
        environment = {
            **os.environ,
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(self.home / f"huggingface-{number}"),
            "TUNEBOOK_HOME": str(self.home),
            "MONEY_TOKEN": token,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_XET_CLIENT_RETRY_BASE_DELAY": "20ms",  # 3 s otherwise, doubled at each of 5 retries
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        environment.pop("HF_TOKEN", None)
        with (self.logs / f"lives-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", lives],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
            assert process.stdout and process.stdout.readline() == "ready\n", Path(log.name).read_text()
            try:
                yield Player(self, f"player{number}", token, process)
            finally:
                assert process.stdin
                process.stdin.close()
                process.wait(30)

    def _command(self, job: Job, volumes: dict[str, Path]) -> list[str]:
        """What runs as a job: it says a line, leaves its result as the real one does, and ends as the schedule has it."""
        schedule = self._endings[job.labels["tunebook-run"]]
        (folder,) = volumes.values()
        code = 1 if schedule.ending == "badly" else 0
        result = json.dumps({"root": str(folder), "stages": {"train": {"code": code, "seconds": 0.1}}})
        place = folder / "jobs" / f"train-{job.labels['tunebook-attempt']}" / "result.json"
        first = job.labels["tunebook-attempt"] == "1"
        naps = 5 if schedule.ending in _FROM_OUTSIDE and first else 0.02
        return ["sh", "-c", f"echo one; sleep {naps}; echo '{result}' > {place}; echo two; exit {code}"]

    def expect(self, run_id: str, schedule: Schedule) -> None:
        self._endings[run_id] = schedule


@dataclass
class Player:
    """One account with its supervisors."""

    field: Field
    account: str
    token: str
    lives: subprocess.Popen[str]

    def play(self, schedule: Schedule) -> Outcome:
        """The run from its confirmation to its end, through all that the schedule has in store."""
        journal, hub = self.field.journal, self.field.hub
        plan = made_plan()
        run_id = f"run-{secrets.token_hex(6)}"
        self.field.expect(run_id, schedule)
        confirmed(journal, run_id, plan)
        planned = [
            Fault(kind, method, _path(self.account, part), seconds=0.8, events=1)  # type: ignore[arg-type]
            for kind, method, part in schedule.faults
        ]
        set_faults(hub.faults, f"/{self.account}", planned)
        outcome = Outcome(schedule, "", 0, 0, 0, 0, 0)
        deaths = list(schedule.deaths)
        for life in range(MOST_LIVES):
            if schedule.cancel_after == life or (life == MOST_LIVES - 2):
                journal.append(run_id, "cancel_requested")
            state = fold(journal.events(run_id))
            if state.finished:
                break
            if state.state == "interrupted":
                journal.append(run_id, "resume_requested")
            self._trouble(run_id, schedule)
            self.live(run_id, crash_at=deaths.pop(0) if deaths else None)
            self.check(run_id, outcome)
        set_faults(hub.faults, f"/{self.account}", [])
        self.last(run_id, outcome)
        return outcome

    def _trouble(self, run_id: str, schedule: Schedule) -> None:
        """What happens to the job itself, from outside."""
        if (said := _FROM_OUTSIDE.get(schedule.ending)) is not None:
            threading.Thread(target=self._kill, args=(run_id, said), daemon=True).start()

    def _first(self, run_id: str) -> Job | None:
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            for job in self.jobs(run_id):
                if job.labels.get("tunebook-attempt") == "1" and job.stage == "RUNNING" and job.lines:
                    return job
            time.sleep(0.02)
        return None

    def _kill(self, run_id: str, said: str) -> None:
        if (job := self._first(run_id)) is not None:
            self.field.hub.jobs.kill(job, said)

    def jobs(self, run_id: str) -> list[Job]:
        return [job for job in list(self.field.hub.jobs.all.values()) if job.labels.get("tunebook-run") == run_id]

    def live(self, run_id: str, **more: Any) -> dict[str, Any]:
        """One life of the run's supervisor; how it ended."""
        self.send(run_id, **more)
        assert self.lives.stdout
        ended: dict[str, Any] = json.loads(self.lives.stdout.readline())
        return ended

    def send(self, run_id: str, **more: Any) -> None:
        """Start a supervisor of the run; with `wait=False` nothing is told of its end."""
        assert self.lives.stdin
        command = {"run_id": run_id, "account": self.account, "token": self.token, **more}
        self.lives.stdin.write(json.dumps(command) + "\n")
        self.lives.stdin.flush()

    def _books(self, run_id: str) -> tuple[RunState, Account]:
        events = self.field.journal.events(run_id)
        return fold(events), account(events)

    def check(self, run_id: str, outcome: Outcome) -> None:
        """What holds at every moment."""
        state, money = self._books(run_id)
        if money.reserved + money.spent > micros(MAX_USD):
            outcome.wrong.append(f"{money.reserved + money.spent} micro-dollars are out, more than was agreed to")
        by_attempt: dict[str, int] = {}
        for job in self.jobs(run_id):
            number = job.labels["tunebook-attempt"]
            by_attempt[number] = by_attempt.get(number, 0) + 1
            if "timeoutSeconds" not in job.spec or int(job.spec.get("attempts", 1)) != 1:
                outcome.wrong.append("a job without a time limit, or with retries of its own")
        if doubled := {number: count for number, count in by_attempt.items() if count > 1}:
            outcome.wrong.append(f"jobs of the same attempt: {doubled}")
        live = [job for job in self.jobs(run_id) if not job.ended]
        if len(live) > 1:
            outcome.wrong.append("a new job before the old one had ended")
        if len(by_attempt) > len(state.attempts):
            outcome.wrong.append("a job that the journal does not know")

    def last(self, run_id: str, outcome: Outcome) -> None:
        """What holds at the end."""
        self.check(run_id, outcome)
        state, money = self._books(run_id)
        jobs = self.jobs(run_id)
        outcome.state, outcome.jobs, outcome.attempts = state.state, len(jobs), len(state.attempts)
        outcome.spent, outcome.reserved = money.spent, money.reserved
        outcome.paid = sum(micros(spent_usd(self.field.hub, job)) for job in jobs)
        if not state.finished:
            outcome.wrong.append(f"it never ended: {state.state}, {state.why}")
            return
        if any(not job.ended for job in jobs):
            outcome.wrong.append("it has ended, and a job of it runs on")
        if money.reserved:
            outcome.wrong.append(f"{money.reserved} micro-dollars stay reserved")
        if abs(outcome.spent - outcome.paid) > CENT_OF_A_CENT:
            outcome.wrong.append(f"the ledger says {outcome.spent} micro-dollars, the Hub {outcome.paid}")


def _path(account: str, part: str) -> str:
    return f"/api/buckets/{account}" if part == "bucket" else f"/api/jobs/{account}{part}"


def made_plan() -> Plan:
    """A plan that costs money, with a hash of its own."""
    now = time.time()
    return Plan.model_validate(
        {
            "plan_id": hashlib.sha256(secrets.token_bytes(16)).hexdigest(),
            "spec": {"learning_rate": 1e-4},
            "method": "sft", "why": "", "stages": ["train"], "options": [],
            "chosen": {"backend": "hf-jobs", "flavor": FLAVOR, "tuning": "lora"},
            "max_usd": MAX_USD, "timeout_s": TIMEOUT_S, "questions": [], "said": {}, "sentence": "",
            "price": {"usd_per_hour": USD_PER_HOUR, "read_at": now, "source": "live"},
            "decisions": [], "consent": "", "model": None, "inspection": None, "settings": None,
            "script": "pass\n", "benchmark": None, "total_steps": 1,
        }
    )  # fmt: skip


def confirmed(journal: Journal, run_id: str, plan: Plan) -> None:
    """A run to which a person has consented."""
    assert plan.plan_id
    journal.save_plan(plan.plan_id, plan.model_dump(mode="json"))
    data: dict[str, Any] = {"instruction": "", "spec": {}, "spec_hash": "", "cwd": "/", "resumed_from": None}
    journal.create_run(run_id, data, same_as=None)
    journal.append(run_id, "planned", plan_id=plan.plan_id, max_usd=plan.max_usd)
    journal.append(run_id, "confirmed", plan_id=plan.plan_id, max_usd=plan.max_usd, by="a test")
