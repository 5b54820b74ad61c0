"""Memory in closed form: its twin in the browser says the same, and what is extrapolated is what is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rented import laws_of

from tunebook.pipeline.hardware.memory_law import GIB, MemoryLaw, band, peak

FIXTURE = json.loads(
    (Path(__file__).parents[2] / "widgets" / "hardware-picker" / "law-fixture.json").read_text(encoding="utf-8")
)
LAW = MemoryLaw.model_validate(FIXTURE["law"])


@pytest.mark.parametrize("case", FIXTURE["cases"])
def test_the_law_and_its_twin_in_the_browser_say_the_same(case: dict[str, Any]) -> None:
    found = peak(LAW, rows=case["rows"], context=case["context"], rank=case["rank"])
    assert (found.bytes, found.phase) == (case["bytes"], case["phase"])
    assert [name for name, _ in found.parts] == LAW.parts
    assert sum(size for _, size in found.parts) == found.bytes


def test_a_regime_holds_up_to_the_tokens_that_it_names_and_the_last_beyond() -> None:
    assert peak(LAW, rows=4, context=1024, rank=0).phase == "at the loss"
    assert peak(LAW, rows=1, context=4096, rank=0).phase == "at the loss"
    assert peak(LAW, rows=1, context=4097, rank=0).phase == "in the backward pass"
    short = LAW.model_copy(update={"regimes": LAW.regimes[:1]})
    assert peak(short, rows=100, context=1000, rank=0).phase == "at the loss"


def test_the_band_has_the_allocators_reserve_and_the_drivers_own() -> None:
    low, high = band(LAW, 1317000000)
    assert low == pytest.approx(1317000000 / GIB + 0.5)
    assert high == pytest.approx(1317000000 * 1.25 / GIB + 0.5)


def test_what_is_asked_twice_is_answered_from_memory_and_of_each_law_apart() -> None:
    half = LAW.model_copy(update={"regimes": [LAW.regimes[1]]})
    for _ in range(2):
        assert peak(LAW, rows=1, context=1000, rank=0).phase == "at the loss"
        assert peak(half, rows=1, context=1000, rank=0).phase == "in the backward pass"


@given(
    model=st.sampled_from(["0.5b", "7b", "72b"]),
    tuning=st.sampled_from(["lora", "qlora", "full"]),
    checkpointing=st.booleans(),
    rows=st.integers(1, 64),
    context=st.integers(8, 65536),
    rank=st.integers(1, 256),
)
def test_more_rows_longer_rows_and_a_higher_rank_never_need_less(
    model: str, tuning: str, checkpointing: bool, rows: int, context: int, rank: int
) -> None:
    law = laws_of(model)[tuning, checkpointing]

    def need(**more: int) -> float:
        return peak(law, **({"rows": rows, "context": context, "rank": rank} | more)).bytes

    # Where one regime ends and the next begins the straight lines meet within a hundredth.
    assert need(rows=rows + 1) >= 0.99 * need()
    assert need(context=context + 8) >= 0.99 * need()
    assert need(rank=rank + 8) >= need()


def test_regimes_of_real_laws_meet_at_their_border() -> None:
    for model in ("0.5b", "7b", "72b"):
        for way, law in laws_of(model).items():
            border = law.regimes[0].tokens
            assert border is not None
            before = peak(law, rows=1, context=border, rank=16).bytes
            after = peak(law, rows=1, context=border + 1, rank=16).bytes
            assert after == pytest.approx(before, rel=0.02), (model, way)


def test_a_law_says_between_its_corners_what_the_step_itself_needs(tmp_path: Path) -> None:
    from tunebook.pipeline.hardware.memory import MemoryAsk
    from tunebook.pipeline.hardware.meta.estimate import estimate
    from tunebook.pipeline.hardware.meta.fit import law

    config = json.loads((Path(__file__).parent / "data" / "laws-qwen2.5-0.5b.json").read_text())["config"]
    small = config | {"hidden_size": 128, "num_attention_heads": 4, "intermediate_size": 256, "num_hidden_layers": 4}
    (tmp_path / "config.json").write_text(json.dumps(small))
    ask = MemoryAsk(model=str(tmp_path), tuning="lora", autocast="bf16", accumulation=2, checkpointing=False)
    made = law(ask)
    for rows, context, rank in ((1, 700, 12), (3, 500, 32), (2, 9000, 24)):
        run = estimate(ask.model_copy(update={"batch": rows, "seq": context, "rank": rank}))
        told = peak(made, rows=rows, context=context, rank=rank).bytes / GIB
        assert told == pytest.approx(run.allocated_gib, rel=0.01), (rows, context, rank)
