"""A clock that jumps, by days forward or hours back, while a run waits, is submitted and is followed: one job, true sums."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hub.server import StandInHub, served

from money.hindered import LIVES, begun, finish, note
from money.hindered_lives import jump
from money.schedules import MAX_USD, Field, Player, Schedule
from tunebook.pipeline.hardware.catalogue import spendable
from tunebook.pipeline.journal import Event, Journal, fold
from tunebook.pipeline.ledger import account, micros, month_of
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.watch import Live
from tunebook.pipeline.watch.point import Point

DAY = 86_400.0
JUMPS = (9 * DAY, -5 * 3600.0)
PLACES = ("before", "intent", "query", "upload", "post", "posted", "noted", "ended", "settled")


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    home = tmp_path_factory.mktemp("clock")
    hub = StandInHub()
    with pytest.MonkeyPatch.context() as patch, served(hub):
        patch.setenv("TUNEBOOK_HOME", str(home))
        with Field(hub, home).player(0, LIVES) as made:
            yield made


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test does to the clock is undone after it."""
    monkeypatch.setattr(time, "time", time.time)
    monkeypatch.setattr(psutil._pslinux, "boot_time", psutil._pslinux.boot_time)


@pytest.mark.parametrize("seconds", JUMPS)
@pytest.mark.parametrize("place", PLACES)
def test_a_jump_makes_no_second_job_and_the_ledger_says_what_the_hub_does(
    player: Player, place: str, seconds: float
) -> None:
    story = begun(player)
    player.live(story.run_id, at=place, do=seconds)
    note(player, story)
    outcome = finish(player, story)
    assert outcome.wrong == []
    assert (outcome.state, outcome.jobs, outcome.attempts) == ("succeeded", 1, 1)
    assert 0 < outcome.spent < micros(MAX_USD)


@pytest.mark.parametrize("seconds", JUMPS)
@pytest.mark.parametrize("death", ["intent", "post", "posted", "noted", "ended"])
def test_nor_does_one_between_a_kill_and_the_next_supervisor(player: Player, death: str, seconds: float) -> None:
    story = begun(player)
    assert player.live(story.run_id, crash_at=death)["killed"]
    outcome = finish(player, story, [{"at": "start", "do": seconds}, {}])
    assert outcome.wrong == []
    assert (outcome.state, outcome.jobs, outcome.attempts) == ("succeeded", 1, 1)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_job_that_is_lost_while_the_clock_jumps_is_settled_and_its_next_attempt_is_the_only_one(
    player: Player, seconds: float
) -> None:
    story = begun(player, Schedule(ending="lost"))
    player._trouble(story.run_id, story.outcome.schedule)
    player.live(story.run_id, at="noted", do=seconds)
    outcome = finish(player, story)
    assert outcome.wrong == []
    assert (outcome.jobs, outcome.attempts) == (2, 2)
    assert outcome.spent + outcome.reserved < micros(MAX_USD)


@pytest.mark.parametrize("seconds", JUMPS)
def test_a_living_supervisor_is_not_taken_for_dead(tmp_path: Path, seconds: float) -> None:
    """A start time by the clock moves with it: the lease of one at work would be given to a second."""
    journal, me = Journal(tmp_path), ProcessId.current()
    assert journal.acquire("r", me) == 1
    jump(seconds)
    assert abs(psutil.Process().create_time() - time.time()) < DAY, "the kernel tells of its boot by the clock"
    assert me.alive()
    assert journal.acquire("r", ProcessId.current()) is None


def test_a_dead_one_is_and_so_is_one_of_another_boot() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    dead = ProcessId.of(child.pid)
    child.wait()
    assert not dead.alive()
    me = ProcessId.current()
    assert not me.model_copy(update={"started": me.started + 5}).alive(), "the pid is used again"
    assert not me.model_copy(update={"boot": "another"}).alive()


def test_what_was_noted_before_boots_were_is_still_understood() -> None:
    me = ProcessId.current()
    noted = {"pid": me.pid, "host": me.host, "started": psutil.Process().create_time()}
    assert ProcessId.model_validate(noted).alive()


def test_a_price_of_a_time_to_come_is_not_spent_on() -> None:
    now = time.time()
    assert spendable("live", now, now)
    assert not spendable("live", now, now - 3600)
    assert not spendable("live", now, now + DAY)


def test_what_was_spent_belongs_to_the_month_in_which_its_settlement_was_written() -> None:
    end_of_july = 1_785_542_399.0  # 2026-07-31 23:59:59 in UTC
    assert (month_of(end_of_july), month_of(end_of_july + 1)) == ("2026-07", "2026-08")
    for at, month in ((end_of_july, "2026-07"), (end_of_july + 1, "2026-08"), (end_of_july - 40 * DAY, "2026-06")):
        money = account(settled_at(at))
        assert money.spent_in(month) == money.spent == 2_500_000
        assert sum(money.spent_in(f"2026-{number:02}") for number in range(1, 13)) == 2_500_000
        assert money.reserved == 7_500_000, "the rest of what was agreed, whatever the times say"


def settled_at(at: float) -> list[Event]:
    """A run's events, the last of them at this time; the clock was set in between."""
    steps = [
        ("created", {"instruction": "", "spec": {}, "spec_hash": ""}),
        ("planned", {"plan_id": "p", "max_usd": 10.0}),
        ("confirmed", {"plan_id": "p", "max_usd": 10.0}),
        ("submitting", {"n": 1, "stage": "train", "backend": "hf-jobs", "timeout_s": 900, "max_usd": 10.0}),
        ("attempt", {"n": 1, "stage": "train", "state": "lost", "usd": 2.5}),
    ]
    began = 1_785_500_000.0
    events = [
        Event(seq=n + 1, run_id="r", time=began + n, kind=kind, data=data) for n, (kind, data) in enumerate(steps)
    ]
    events[-1].time = at
    return events


def test_a_run_whose_clock_went_back_is_folded_by_the_order_of_its_events() -> None:
    run = fold(settled_at(1_000.0))
    assert run.attempts[0].state == "lost"
    assert run.attempts[0].ended_at == 1_000.0


@pytest.mark.parametrize("last", [400.0, 1002.0])
def test_no_pace_is_told_from_points_between_which_the_clock_went_back(tunebook_home: Path, last: float) -> None:
    tunebook_home.mkdir()
    live = Live("r")
    live.max_steps = 100
    live.series["train/loss"] = [Point(step, 1.0, at) for step, at in ((1, 1000.0), (2, 1001.0), (3, last))]
    assert (live.pace_s, live.eta_s) == ((1.0, 97.0) if last > 1001 else (None, None))
