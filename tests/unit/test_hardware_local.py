"""Options, choice and sentences: what does not fit is never chosen, and every band is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunebook.pipeline.hardware.choice import Wanted, choose
from tunebook.pipeline.hardware.local import (
    duration,
    forecast,
    local_options,
    timeout_s,
    within,
)
from tunebook.pipeline.hardware.machine import Machine
from tunebook.pipeline.hardware.options import Band, Memory, Option
from tunebook.pipeline.hardware.probe import (
    KEPT_BUSY_S,
    KEPT_DAYS,
    Measurement,
    ProbeConfig,
    ProbeResult,
    length_bucket,
    probe_key,
    read_probe,
    write_probe,
)

MACHINE = Machine(cpu="AMD EPYC", cores=2, usable_cores=2, memory_gib=24, available_gib=20, free_disk_gib=50, gpus=[])
TUNINGS = ("lora", "full", "qlora")


def measured(tuning: str, **changes: object) -> Measurement:
    facts: dict[str, object] = {
        "tuning": tuning,
        "status": "measured",
        "source": "measured on this machine with 2 real steps",
        "parameters": 139_399_488,
        "trainable": 4_884_480 if tuning == "lora" else 134_515_008,
        "step_seconds": 4.0 if tuning == "lora" else 6.0,
        "heldout_row_seconds": 0.1,
        "checkpoint_seconds": 0.5,
        "start_seconds": 12.0,
        "peak_gib": 2.0 if tuning == "lora" else 4.0,
    }
    return Measurement.model_validate(facts | changes)


def probed(*tunings: Measurement, busy: float = 0.1) -> ProbeResult:
    return ProbeResult(
        config=ProbeConfig(model="a/b", batch_size=8, lengths=[50]),
        machine=MACHINE,
        measured_at=1_800_000_000,
        seconds=20,
        busy=busy,
        versions={},
        tunings=list(tunings),
    )


def by_tuning(options: list[Option]) -> dict[str, Option]:
    return {option.tuning: option for option in options}


MEASUREMENTS = st.builds(
    measured,
    st.sampled_from(["lora", "full"]),
    status=st.sampled_from(["measured", "estimated", "sized", "failed"]),
    peak_gib=st.one_of(st.none(), st.floats(0.1, 100)),
    step_seconds=st.one_of(st.none(), st.floats(0.001, 1000)),
    start_seconds=st.floats(0, 100),
)


def test_a_tuning_that_nobody_asked_for_is_sized_and_says_that_it_was_not_measured() -> None:
    probe = probed(measured("lora"), measured("full", status="sized", step_seconds=None, peak_gib=3.5))
    probe.config.tunings, probe.config.sized = ["lora"], ["full"]
    options = by_tuning(local_options(probe, machine=MACHINE, steps=10))
    assert options["full"].fits
    assert options["full"].hours is None
    assert options["full"].why == "trains all 139M weights; not measured, because LoRA was asked for"
    tight = by_tuning(local_options(probe, machine=MACHINE.model_copy(update={"available_gib": 3.0}), steps=10))
    assert not tight["full"].fits
    assert tight["full"].why == "would need up to 4.0 GiB of RAM, 3.0 GiB are free"
    assert choose(list(options.values()), Wanted(tuning="lora")).option == options["lora"]


@given(
    tunings=st.lists(MEASUREMENTS, max_size=2, unique_by=lambda one: one.tuning),
    steps=st.integers(1, 10_000),
    checkpoints=st.integers(0, 50),
    available=st.floats(0.1, 64),
    evaluation=st.floats(0, 10_000),
    asked=st.sampled_from([None, *TUNINGS]),
)
def test_bands_are_ordered_and_what_does_not_fit_is_never_chosen(
    tunings: list[Measurement], steps: int, checkpoints: int, available: float, evaluation: float, asked: str | None
) -> None:
    options = local_options(
        probed(*tunings),
        machine=MACHINE.model_copy(update={"available_gib": available}),
        steps=steps,
        heldout_rows=20,
        heldout_passes=3,
        checkpoints=checkpoints,
        evaluation_forecast_seconds=evaluation,
    )
    assert {option.tuning for option in options} == set(TUNINGS)
    for option in options:
        assert option.why
        assert option.max_usd == 0.0
        assert option.hours is None or 0 <= option.hours.p50 <= option.hours.p90
        assert option.step_seconds is None or 0 < option.step_seconds.p50 <= option.step_seconds.p90
        if option.memory is not None:
            assert option.memory.low <= option.memory.high
        if option.fits:
            assert option.memory is not None
            assert option.memory.high <= option.memory.available + 0.01
            assert by_tuning_status(tunings, option.tuning) in ("measured", "sized")
    choice = choose(options, Wanted(tuning=asked))
    assert choice.reason.endswith(".")
    assert choice.option is None or choice.option.fits
    assert (choice.option is None) == (not any(o.fits for o in options if asked in (None, o.tuning)))


def by_tuning_status(tunings: list[Measurement], name: str) -> str:
    return next(one.status for one in tunings if one.tuning == name)


def test_lora_is_taken_where_nothing_was_said_and_full_where_it_was_asked_for() -> None:
    options = local_options(probed(measured("lora"), measured("full")), machine=MACHINE, steps=100)
    assert (choose(options, Wanted()).option or options[-1]).tuning == "lora"
    assert (choose(options, Wanted(tuning="full")).option or options[-1]).tuning == "full"
    full = by_tuning(options)["full"]
    assert "1.5 times LoRA's time, 2.0 times its memory" in full.why


def test_a_tuning_that_was_asked_for_is_not_replaced_in_silence() -> None:
    options = local_options(probed(measured("lora"), measured("full", peak_gib=30)), machine=MACHINE, steps=100)
    choice = choose(options, Wanted(tuning="full"))
    assert choice.option is None
    assert "needs up to 34.5 GiB of RAM, 20.0 GiB are free" in choice.reason
    assert "`tuning: lora`" in choice.reason


def test_when_nothing_fits_the_remedy_says_how_much_is_missing() -> None:
    options = local_options(
        probed(measured("lora", status="estimated", peak_gib=40, step_seconds=None)), machine=MACHINE, steps=100
    )
    choice = choose(options, Wanted())
    assert choice.option is None
    assert "would need up to 46.0 GiB" in choice.reason
    assert "Free 26.0 GiB of memory" in choice.reason


def test_four_bit_weights_need_a_gpu_and_say_so() -> None:
    qlora = by_tuning(local_options(probed(measured("lora")), machine=MACHINE, steps=1))["qlora"]
    assert not qlora.fits
    assert "NVIDIA GPU" in qlora.why


def test_a_failure_is_told_with_its_reason() -> None:
    failed = Measurement(tuning="lora", status="failed", source="ValueError: no module matches")
    lora = by_tuning(local_options(probed(failed), machine=MACHINE, steps=1))["lora"]
    assert not lora.fits
    assert "no module matches" in lora.why


def test_a_full_disk_is_found_before_the_run() -> None:
    small = MACHINE.model_copy(update={"free_disk_gib": 3.0})
    options = by_tuning(
        local_options(probed(measured("lora"), measured("full")), machine=small, steps=9, checkpoints=5)
    )
    assert options["lora"].fits
    assert "GiB of disk" in options["full"].why


def test_a_busy_machine_is_told() -> None:
    quiet, loud = (
        by_tuning(local_options(probed(measured("lora"), busy=busy), machine=MACHINE, steps=9))["lora"]
        for busy in (0.5, 3.0)
    )
    assert "busy" in loud.detail
    assert "busy" not in quiet.detail
    assert quiet.hours
    assert loud.hours
    assert loud.hours.p90 == pytest.approx(3 * quiet.hours.p90, rel=1e-3)


def test_the_hours_are_the_sum_of_the_parts() -> None:
    run = forecast(
        measured("lora"),
        steps=100,
        heldout_rows=200,
        heldout_passes=3,
        checkpoints=4,
        evaluation_forecast_seconds=Band(p50=100, p90=120),
        export_forecast_seconds=30,
    )
    assert run is not None
    assert run.training_job.p50 == pytest.approx(12 + 400 + 3 * 200 * 0.1 + 4 * 0.5)
    assert run.total.p50 == pytest.approx(run.training_job.p50 + 100 + 30)
    assert run.parts() == "train 8 min, evaluate 2 min, export 30 s"
    assert timeout_s(run.training_job) >= 3 * run.training_job.p90 + 600


@given(p50=st.floats(0, 1e6), more=st.floats(0, 1e6))
def test_what_is_promised_in_words_is_never_less_than_the_band(p50: float, more: float) -> None:
    low, high = within(p50, p50 + more)
    number, unit = low.split(" ")
    size = {"s": 1, "m": 60, "h": 3600}[unit[0]]
    assert float(number) * size >= p50 - 1e-6
    assert float(high) * size >= p50 + more - 1e-6
    assert timeout_s(Band(p50=p50, p90=p50 + more)) > p50 + more


def test_the_plans_sentence_can_be_acted_on() -> None:
    options = local_options(probed(measured("lora"), measured("full")), machine=MACHINE, steps=100)
    assert choose(options, Wanted()).reason == (
        "Cheapest that fits: this machine with LoRA, at no charge. "
        "Half of such runs end within 7 minutes, nine in ten within 9."
    )
    assert [duration(seconds) for seconds in (0.2, 45, 400, 9000)] == ["1 s", "45 s", "7 min", "2.5 h"]


def test_a_probe_is_kept_until_it_is_old(tmp_path: Path) -> None:
    probe = probed(measured("lora"))
    assert read_probe(tmp_path, "key", now=probe.measured_at) is None
    write_probe(tmp_path, "key", probe)
    assert read_probe(tmp_path, "key", now=probe.measured_at + 60) == probe
    assert read_probe(tmp_path, "key", now=probe.measured_at + (KEPT_DAYS + 1) * 86_400) is None
    write_probe(tmp_path, "busy", probed(measured("lora"), busy=2.0))
    assert read_probe(tmp_path, "busy", now=probe.measured_at + 60) is not None
    assert read_probe(tmp_path, "busy", now=probe.measured_at + KEPT_BUSY_S + 60) is None
    (tmp_path / "key.json").write_text('{"config": ')
    assert read_probe(tmp_path, "key", now=probe.measured_at) is None


@pytest.mark.parametrize("status", ["failed", "estimated"])
def test_what_may_end_otherwise_the_next_time_is_not_kept(tmp_path: Path, status: str) -> None:
    assert write_probe(tmp_path, "key", probed(measured("lora"), measured("full", status=status))) is None
    assert not list(tmp_path.iterdir())
    too_large = measured("full", status="estimated", peak_gib=2 * MACHINE.memory_gib)
    assert write_probe(tmp_path, "key", probed(measured("lora"), too_large))


def key(**changes: object) -> str:
    facts: dict[str, object] = {
        "batch_size": 8,
        "longest": 120,
        "mean_length": 64.0,
        "lora_rank": 16,
        "tunings": ["lora", "full"],
        "machine_id": "abc",
    }
    return probe_key("model", **(facts | changes))  # type: ignore[arg-type]


def test_a_key_changes_with_what_changes_the_answer_and_with_nothing_else() -> None:
    assert key() == key(tunings=["full", "lora"]) == key(mean_length=66.0)
    changes = [
        {"batch_size": 4},
        {"accumulation": 2},
        {"longest": 240},
        {"mean_length": 90.0},
        {"lora_rank": 8},
        {"tunings": ["lora"]},
        {"machine_id": "abd"},
        {"checkpointing": True},
        {"arguments": {"optim": "adafactor"}},
    ]
    assert len({key(), *(key(**change) for change in changes)}) == len(changes) + 1


@given(tokens=st.integers(1, 100_000))
def test_a_bucket_is_never_wider_than_an_eighth(tokens: int) -> None:
    assert length_bucket(tokens * 1.13) > length_bucket(tokens)


def test_memory_names_its_source() -> None:
    option = by_tuning(local_options(probed(measured("lora")), machine=MACHINE, steps=1))["lora"]
    assert option.memory == Memory(
        low=2.0, high=2.3, available=20.0, kind="RAM", source="measured on this machine with 2 real steps"
    )
