"""Whatever happens between a run and the Hub: a job for an attempt, and not a cent beside the books."""

from __future__ import annotations

from pathlib import Path

import pytest

from money.playing import grid, play, table


@pytest.mark.timeout(900)
def test_five_hundred_schedules_of_faults_and_kills(tmp_path: Path) -> None:
    outcomes = play(tmp_path, random=500 - len(grid()), with_seed=20_260_801)
    print(table(outcomes))
    assert len(outcomes) >= 500
    assert not [one for one in outcomes if one.wrong]
    assert sum(one.jobs for one in outcomes) > 300, "most of them did start jobs"
    assert sum(one.paid for one in outcomes) > 0
    canary = b"hf_canary"
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert canary not in file.read_bytes(), f"a token is in {file}"
