"""A step on real tensors takes the bytes that the oracle tells, by torch.profiler, to which the oracle is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_step import LIMIT, SHORT, Case, oracle_peak, real_peak


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.words)
def test_the_oracle_tells_the_peak_of_a_real_step(case: Case, tmp_path: Path) -> None:
    ask = case.ask(tmp_path)
    told, _ = oracle_peak(ask)
    assert told == pytest.approx(real_peak(ask), rel=LIMIT)
