"""Whatever happens between a run and the Hub: a job for an attempt, and not a cent beside the books."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hub.server import StandInHub, served

from money.playing import grid, play, table
from money.schedules import Field, Schedule, confirmed, made_plan
from tunebook.pipeline.journal import fold


@pytest.mark.timeout(1800)
def test_no_schedule_of_faults_and_kills_breaks_the_books(tmp_path: Path) -> None:
    """500 random ones and the grid; `make chaos` plays 10,000."""
    schedules = 500
    outcomes = play(tmp_path, random=schedules, with_seed=20_260_801)
    print(table(outcomes))
    assert len(outcomes) == len(grid()) + schedules
    assert not [one for one in outcomes if one.wrong]
    assert sum(one.jobs for one in outcomes) > len(outcomes) / 2, "most of them did start jobs"
    assert sum(one.paid for one in outcomes) > 0
    canary = b"hf_canary"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert canary not in file.read_bytes(), f"a token is in {file}"


def test_three_supervisors_of_one_run_make_one_job(tmp_path: Path) -> None:
    """Two kernels and an agent have confirmed the same plan, and each has started a supervisor."""
    hub = StandInHub()
    with served(hub):
        field = Field(hub, tmp_path)
        with field.player(0) as player:
            for number in range(5):
                name, plan = f"shared-{number}", made_plan()
                field.expect(name, Schedule())
                confirmed(field.journal, name, plan)
                for _ in range(3):
                    player.send(name, wait=False)
                deadline = time.monotonic() + 30
                while not fold(field.journal.events(name)).finished and time.monotonic() < deadline:
                    time.sleep(0.05)
                assert fold(field.journal.events(name)).state == "succeeded"
                assert len([job for job in hub.jobs.all.values() if job.labels["tunebook-run"] == name]) == 1
