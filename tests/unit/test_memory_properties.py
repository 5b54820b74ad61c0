"""What holds for the memory of every model: more of anything never takes less, a law says what a step says, and so on."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapes import config, qwen

from tunebook.pipeline.hardware.memory import MemoryAsk, MemoryEstimate, make_ask
from tunebook.pipeline.hardware.memory_law import MemoryLaw, peak

BASE: dict[str, Any] = {
    "hidden_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 384,
    "vocab_size": 4096,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "qwen2": {},
    "qwen3": {"head_dim": 32},
    "llama": {"tie_word_embeddings": False},
    "mistral": {"head_dim": 32},
    "gemma2": {"head_dim": 32},
    "gemma3_text": {"head_dim": 32, "num_hidden_layers": 26},
    "phi3": {},
    "olmo2": {},
    "gpt2": {},
    "gpt_neox": {},
    "smollm3": {"num_hidden_layers": 16},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64, "head_dim": 32},
}
LAYERS = 8
OFTEN = ("qwen2", "gemma2", "gpt2", "qwen3_moe")  # with LoRA, too, in every test run

tunings, losses, kernels = (
    st.sampled_from(kinds) for kinds in (("full", "lora", "qlora"), ("plain", "chunked"), ("efficient", "math"))
)
few = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def family(place: Path, name: str) -> str:
    return config(place / name, model_type=name, **{"num_hidden_layers": LAYERS} | BASE | FAMILIES[name])


def estimate(ask: MemoryAsk) -> MemoryEstimate:
    from tunebook.pipeline.hardware.meta.estimate import estimate

    return estimate(ask)


@lru_cache
def law(ask: MemoryAsk) -> MemoryLaw:
    from tunebook.pipeline.hardware.meta.fit import law

    return law(ask)


def told(ask: MemoryAsk) -> float:
    """Bytes at the peak, not rounded."""
    from tunebook.pipeline.hardware.meta.estimate import phases_of, warm

    warm(ask.loss)
    sized = phases_of(ask, ask.batch, ask.seq, ask.rank)
    return max(sum(phase.highest()) for phase in sized.phases.values())


# More never takes less


@few
@given(
    name=st.sampled_from(("qwen2", "gpt2", "llama")),
    tuning=tunings,
    loss=losses,
    attention=kernels,
    checkpointing=st.booleans(),
    seq=st.integers(1, 6000),
    batch=st.integers(1, 4),
    rank=st.integers(1, 64),
    more=st.integers(1, 700),
)
def test_a_longer_row_one_more_row_or_a_higher_rank_never_takes_less(
    place: Path, name: str, more: int, **said: Any
) -> None:
    ask = make_ask(model=family(place, name), **said)
    least = told(ask)
    for field, grown in {"seq": ask.seq + more, "batch": ask.batch + 1, "rank": ask.rank + more % 60 + 1}.items():
        assert told(ask.model_copy(update={field: grown})) >= least, field


SIZE = {"rows": st.integers(1, 64), "context": st.integers(1, 40_000), "rank": st.integers(1, 256)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    full=st.booleans(),
    size=st.fixed_dictionaries(SIZE),
    more=st.fixed_dictionaries({name: st.integers(0, 3000) for name in SIZE}),
)
def test_a_law_never_falls_with_more_of_anything(place: Path, full: bool, size: Any, more: Any) -> None:
    one, other = (
        {"tuning": "full", "attention": "math", "model": family(place, "qwen2")},
        {"model": qwen(place, "1.5B")},
    )
    found = law(make_ask(**one if full else other))
    grown = {name: value + more[name] for name, value in size.items()}
    assert peak(found, **grown).bytes >= peak(found, **size).bytes


# From small depths to the whole


@pytest.mark.parametrize(
    ("name", "tuning"),
    [
        pytest.param(name, tuning, marks=[] if tuning == "full" or name in OFTEN else pytest.mark.slow)
        for name in FAMILIES
        for tuning in ("full", "lora")
    ],
)
def test_a_model_of_full_depth_takes_what_two_small_depths_tell(name: str, tuning: str, place: Path) -> None:
    from tunebook.pipeline.hardware.meta.estimate import WORKSPACE
    from tunebook.pipeline.hardware.meta.model import config_of, depths, period_of
    from tunebook.pipeline.hardware.meta.step import ready, run

    kept = tuning == "full"  # the hard case: checkpointing, where weights outweigh what is kept
    ask = make_ask(
        model=family(place, name), tuning=tuning, checkpointing=kept, loss="chunked" if kept else "plain", seq=160
    )
    found = config_of(ask.model, None, False)
    layers, small, larger = depths(found)
    assert small < larger < layers == found.num_hidden_layers
    whole = run(ask, ready(ask, layers, ask.rank), layers, period_of(found), rows=1, length=ask.seq)
    measured = max(sum(phase.peak()) for phase in whole.phases.values()) + WORKSPACE
    assert told(ask) == pytest.approx(measured, rel=0.001)


# A law says what a step says

BETWEEN = [(1, 300, 4), (1, 1500, 4), (3, 1000, 24), (1, 4300, 12), (2, 9000, 128)]  # rows, tokens a row, rank
QUICK = [
    ("lora", True, "chunked", "efficient"),
    ("full", False, "plain", "efficient"),
]
LONG = [
    (tuning, checkpointing, loss, attention)
    for tuning in ("lora", "full", "qlora")
    for checkpointing in (True, False)
    for loss in ("chunked", "plain")
    for attention in ("efficient", "math")
    if (tuning, checkpointing, loss, attention) not in QUICK
]


@pytest.mark.parametrize(
    ("tuning", "checkpointing", "loss", "attention"),
    [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in LONG)],
)
def test_a_law_is_what_a_step_takes_between_its_corners(
    tuning: str, checkpointing: bool, loss: str, attention: str, place: Path
) -> None:
    ask = make_ask(
        model=qwen(place, "1.5B"), tuning=tuning, checkpointing=checkpointing, loss=loss, attention=attention
    )
    found = law(ask)
    for rows, context, rank in BETWEEN:
        step = told(ask.model_copy(update={"batch": rows, "seq": context, "rank": rank}))
        assert peak(found, rows=rows, context=context, rank=rank).bytes == pytest.approx(step, rel=0.005), (
            rows,
            context,
            rank,
        )


def test_a_law_knows_the_weights_that_a_rank_adds(place: Path) -> None:
    found = law(make_ask(model=qwen(place, "1.5B"), tuning="lora", checkpointing=True, loss="chunked"))
    for rank in (1, 16, 200):
        one = estimate(make_ask(model=qwen(place, "1.5B"), rank=rank, seq=64))
        assert round(found.trainable[0] + found.trainable[1] * rank) == one.trainable
        assert found.parameters + one.trainable == one.parameters


# What differs from a single card, SFT and LoRA


def test_cards_share_weights_gradients_and_state_but_not_activations(place: Path) -> None:
    ask = make_ask(model=qwen(place, "1.5B"), tuning="full", seq=512)
    one, two, eight = (estimate(ask.model_copy(update={"cards": cards})) for cards in (1, 2, 8))
    assert one.allocated_gib > two.allocated_gib > eight.allocated_gib
    for cards, found in ((2, two), (8, eight)):
        assert found.allocated_gib > one.allocated_gib / cards
        for part in ("weights", "optimizer"):
            assert found.breakdown[part] == pytest.approx(one.breakdown[part] / cards, abs=2e-4)
    assert (one.exact, two.exact) == (True, False)
    assert "several cards" in two.note


@pytest.mark.parametrize("method", ["grpo", "kto", "reward"])
def test_a_method_that_is_partly_by_formula_says_so_and_has_a_wider_band(method: str, place: Path) -> None:
    sft, other = (estimate(make_ask(model=family(place, "qwen2"), method=one, seq=128)) for one in ("sft", method))
    assert (sft.exact, other.exact) == (True, False)
    assert f"coarser for {method}" in other.note
    assert width(other) > 1.5 * width(sft)


def width(found: MemoryEstimate) -> float:
    low, high = found.reserved_gib
    return (high - low) / found.allocated_gib


def test_four_bit_weights_take_a_third_and_stand_for_as_many(place: Path) -> None:
    lora, qlora = (estimate(make_ask(model=qwen(place, "7B"), tuning=tuning, seq=256)) for tuning in ("lora", "qlora"))
    assert 0.3 < qlora.breakdown["weights"] / lora.breakdown["weights"] < 0.4  # the embeddings stay in 16 bit
    assert (qlora.parameters, qlora.trainable) == (lora.parameters, lora.trainable)


@pytest.mark.parametrize("checkpointing", [True, False])
def test_pairs_of_dpo_take_what_twice_as_many_rows_of_sft_take(checkpointing: bool, place: Path) -> None:
    ask = make_ask(model=qwen(place, "1.5B"), checkpointing=checkpointing, seq=384, batch=4)
    pairs = estimate(ask.model_copy(update={"method": "dpo"}))
    rows = estimate(ask.model_copy(update={"batch": 8}))
    assert pairs.allocated_gib == pytest.approx(rows.allocated_gib, rel=0.02)


def test_full_dpo_keeps_a_second_model(place: Path) -> None:
    ask = make_ask(model=qwen(place, "0.5B"), tuning="full", seq=128)
    sft, dpo = (estimate(ask.model_copy(update={"method": method})) for method in ("sft", "dpo"))
    assert dpo.breakdown["weights"] == pytest.approx(2 * sft.breakdown["weights"], rel=0.001)


def test_optimizers_of_full_tuning_stand_in_their_order(place: Path) -> None:
    ask = make_ask(model=qwen(place, "7B"), tuning="full", seq=256)
    order = ("sgd", "adafactor", "adamw_8bit", "adamw")
    found = [estimate(ask.model_copy(update={"optimizer": name})).allocated_gib for name in order]
    assert found == sorted(found)
    assert len(set(found)) == len(order)


def test_what_of_a_model_is_not_counted_is_said(place: Path) -> None:
    text = {"model_type": "gemma3_text", "num_hidden_layers": 6, "head_dim": 32} | BASE
    seeing = estimate(make_ask(model=config(place / "seeing", model_type="gemma3", text_config=text), seq=64))
    packed = config(
        place / "packed", model_type="qwen2", num_hidden_layers=4, quantization_config={"quant_method": "fp8"}, **BASE
    )
    assert "not counted: what is not text" in seeing.note
    assert "not counted: that its weights are stored as fp8" in estimate(make_ask(model=packed, seq=64)).note
    assert not seeing.exact
