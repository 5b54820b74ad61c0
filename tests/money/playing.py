"""Many schedules, several side by side: a grid of every fault at every place where a supervisor can die, then random ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from hub.server import StandInHub, served
from hypothesis import HealthCheck, Phase, given, seed, settings

from money.schedules import SUBMIT, Field, Outcome, Player, Schedule, schedules
from tunebook.pipeline.crash import CRASH_POINTS
from tunebook.pipeline.ledger import usd

LANES = 8
PER_HOME = 600  # schedules on one Hub and home: supervisors count the month of all runs that are there


def grid() -> list[Schedule]:
    """Each fault of the submit with each death, and each ending."""
    faults = [(), *(((kind, "POST", ""),) for kind in SUBMIT)]
    deaths = [(), *((point,) for point in CRASH_POINTS)]
    every = [Schedule(faults=fault, deaths=death) for fault in faults for death in deaths]
    return every + [Schedule(ending=ending) for ending in ("badly", "out of memory", "lost", "late")]  # type: ignore[arg-type]


def play(folder: Path, random: int, with_seed: int) -> list[Outcome]:
    """The outcomes of the grid and of as many random schedules, on Hubs and homes in this folder."""
    every = [*grid(), *drawn(random, with_seed)]
    outcomes: list[Outcome] = []
    for at in range(0, len(every), PER_HOME):
        outcomes += _at_home(folder / f"home-{at}", every[at : at + PER_HOME])
    return outcomes


def _at_home(folder: Path, every: Sequence[Schedule]) -> list[Outcome]:
    folder.mkdir(parents=True)
    hub = StandInHub()
    with served(hub), ExitStack() as stack, ThreadPoolExecutor(LANES) as pool:
        field = Field(hub, folder)
        free: SimpleQueue[Player] = SimpleQueue()
        for player in pool.map(lambda number: stack.enter_context(field.player(number)), range(LANES)):
            free.put(player)

        def one(schedule: Schedule) -> Outcome:
            player = free.get()
            try:
                return player.play(schedule)
            finally:
                free.put(player)

        return list(pool.map(one, every))


def drawn(count: int, with_seed: int) -> list[Schedule]:
    """Random schedules, all of them before the first is played: no lane waits for another."""
    found: list[Schedule] = []

    @seed(with_seed)
    @settings(
        max_examples=max(1, count), deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(schedules())
    def draw(schedule: Schedule) -> None:
        found.append(schedule)

    draw()
    return found[:count]


def table(outcomes: Iterable[Outcome]) -> str:
    """By what happened: schedules, jobs on the server for an attempt, money reserved at the end, spent and paid."""
    rows: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for name in what_happened(outcome.schedule):
            rows.setdefault(name, []).append(outcome)
    lines = [
        "| what happened | schedules | attempts | jobs on the Hub | still reserved | spent (ledger) | paid (Hub) | broken |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in sorted(rows.items()):
        attempts, jobs = sum(one.attempts for one in found), sum(one.jobs for one in found)
        money = [sum(getattr(one, part) for one in found) for part in ("reserved", "spent", "paid")]
        broken = sum(bool(one.wrong) for one in found)
        amounts = " | ".join(f"${usd(amount):.4f}" for amount in money)
        lines.append(f"| {name} | {len(found):,} | {attempts:,} | {jobs:,} | {amounts} | {broken} |")
    ends = Counter(one.state for one in outcomes)
    told = ", ".join(f"{count:,} {state}" for state, count in ends.most_common())
    return "\n".join([*lines, "", f"Runs ended: {told}."])


_PLACES = {
    ("POST", ""): "the submit",
    ("GET", "?"): "the question for jobs by label",
    ("GET", "/"): "a look at the job",
    ("GET", "logs"): "the log",
    ("POST", "bucket"): "the upload",
    ("GET", "bucket"): "the download",
}
_FAULTS = {
    "before": "the connection breaks before it is done",
    "after": "it is done, and the connection breaks",
    "error": "it is done, and the answer is a 500",
    "stall": "it is done, and no answer comes",
    "twice": "the answer comes twice",
    "page": "it is done, and the answer is a page of HTML",
    "payment": "a 402",
    "rate": "a 429",
    "cut": "the stream breaks",
}
_DEATHS = {
    "intent": "after the intent is written",
    "query": "after the question for jobs",
    "upload": "after the upload",
    "post": "before the submit",
    "posted": "after the submit",
    "noted": "after the job's id is noted",
    "ended": "after the job's end",
    "settled": "after it is settled",
}
_ENDINGS = {
    "badly": "exit code 1",
    "out of memory": "out of memory",
    "lost": "the machine is lost",
    "late": "its time is up",
}


def what_happened(schedule: Schedule) -> set[str]:
    names = {f"{_PLACES[method, part]}: {_FAULTS[kind]}" for kind, method, part in schedule.faults}
    names |= {f"kill -9 {_DEATHS[point]}" for point in schedule.deaths}
    names |= {f"the job: {_ENDINGS[schedule.ending]}"} if schedule.ending in _ENDINGS else set()
    names |= {"cancelled"} if schedule.cancel_after is not None else set()
    return names or {"nothing"}
