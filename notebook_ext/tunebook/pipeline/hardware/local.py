"""The options of this machine, made from what the probe measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel

from tunebook.pipeline.hardware.forecast import Learned, Lesson, learn
from tunebook.pipeline.hardware.machine import Machine
from tunebook.pipeline.hardware.options import NAMES, PREFERENCE, Band, Memory, Option, Picked
from tunebook.pipeline.hardware.probe import CHECKPOINT_BYTES, Measurement, ProbeResult

BACKEND, FLAVOR = "local", "this-machine"

#: Above the measured peak, for what a few steps do not show: fragmentation, data loading, checkpoints.
MEMORY_MARGIN = 1.15
#: P90 over P50 of times that were measured for seconds and last for minutes, on a machine that does other work too.
#: Where it was busy when it was measured, the other work may as well take what it left, or leave: `busy` times more.
TIME_SPREAD = 1.3
#: The same for parts of which only a forecast is known.
FORECAST_SPREAD = 1.5
#: After training: the merged model in float32, an F16 GGUF and a quantised one.
EXPORT_BYTES = 4 + 2 + 1


class RunForecast(BaseModel):
    """Seconds of each part of a run. P90s add up, as if all parts were slow together: they share one busy machine."""

    start: Band
    train: Band
    heldout: Band  # held-out loss during training
    save: Band
    evaluate: Band
    export: Band

    @property
    def training_job(self) -> Band:
        """The training job alone: what its time limit is made from."""
        return _sum([self.start, self.train, self.heldout, self.save])

    @property
    def total(self) -> Band:
        return _sum([self.training_job, self.evaluate, self.export])

    def parts(self) -> str:
        """'train 6 min, evaluate 2 min, export 30 s'; parts that take nothing are left out."""
        said = {"train": self.training_job, "evaluate": self.evaluate, "export": self.export}
        return ", ".join(f"{name} {duration(band.p50)}" for name, band in said.items() if band.p50 > 0)


def forecast(
    one: Measurement,
    *,
    busy: float = 0.0,
    learned: Learned | None = None,
    steps: int,
    heldout_rows: int = 0,
    heldout_passes: int = 0,
    checkpoints: int = 0,
    evaluation_forecast_seconds: float | Band = 0.0,
    export_forecast_seconds: float | Band = 0.0,
) -> RunForecast | None:
    """Seconds of a whole run with this tuning; None where its steps were not timed.

    `heldout_passes` times the loss over `heldout_rows` rows is measured during training. The last two are what the
    stages after training will take, told by those who run them: a number is widened by FORECAST_SPREAD. `busy` is how
    many processes wanted each core when the probe ran.
    """
    if one.step_seconds is None:
        return None
    factor, spread = (learned or Learned(1.0, time_spread(busy), 0))[:2]
    heldout = heldout_passes * heldout_rows * (one.heldout_row_seconds or 0.0)
    return RunForecast(
        start=_band(one.start_seconds or 0.0, spread),
        train=_band(steps * one.step_seconds * factor, spread),
        heldout=_band(heldout * factor, spread),
        save=_band(checkpoints * (one.checkpoint_seconds or 0.0), spread),
        evaluate=_as_band(evaluation_forecast_seconds),
        export=_as_band(export_forecast_seconds),
    )


def local_options(
    probe: ProbeResult,
    *,
    machine: Machine,
    steps: int,
    heldout_rows: int = 0,
    heldout_passes: int = 0,
    checkpoints: int = 0,
    evaluation_forecast_seconds: float | Band = 0.0,
    export_forecast_seconds: float | Band = 0.0,
    lessons: Sequence[Lesson] = (),
) -> list[Option]:
    """One option for each tuning on this machine, those that fit first.

    `machine` is the machine as it is now: a kept probe may be older than what fills the memory today. `steps` are
    optimizer steps. Running here costs nothing, so prices are 0.
    """
    own = [lesson for lesson in lessons if lesson.card == FLAVOR]  # what was measured here is only corrected from here
    learned = learn(own, FLAVOR, time_spread(probe.busy))
    forecasts = {
        one.tuning: forecast(
            one,
            busy=probe.busy,
            learned=learned,
            steps=steps,
            heldout_rows=heldout_rows,
            heldout_passes=heldout_passes,
            checkpoints=checkpoints,
            evaluation_forecast_seconds=evaluation_forecast_seconds,
            export_forecast_seconds=export_forecast_seconds,
        )
        for one in probe.tunings
    }
    options = [_option(name, probe, forecasts.get(name), machine, checkpoints, learned) for name in PREFERENCE]
    return sorted(options, key=lambda option: (not option.fits, PREFERENCE.index(option.tuning)))


def timeout_s(forecast_seconds: Band) -> int:
    """A safe limit for a local job: three times its P90 and ten minutes. Time here is free, so a limit only has to end
    what hangs; it must never end a run that is merely slow because the machine does other work."""
    return math.ceil(3 * forecast_seconds.p90 + 600)


def time_spread(busy: float) -> float:
    """P90 over P50 of a time measured while `busy` processes wanted each core."""
    return TIME_SPREAD * max(1.0, busy)


def duration(seconds: float) -> str:
    """'45 s', '7 min', '2.5 h': to about two digits."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def within(p50: float, p90: float) -> tuple[str, str]:
    """Both seconds as upper bounds, rounded up, in one unit: ('7 minutes', '9')."""
    if p90 < 120:
        unit, low, high = "seconds", math.ceil(p50), math.ceil(p90)
    elif p90 < 7200:
        unit, low, high = "minutes", math.ceil(p50 / 60), math.ceil(p90 / 60)
    else:
        return f"{math.ceil(p50 / 360) / 10:g} hours", f"{math.ceil(p90 / 360) / 10:g}"
    return f"{low} {unit if low != 1 else unit[:-1]}", str(high)


def _option(
    tuning: str, probe: ProbeResult, run: RunForecast | None, machine: Machine, checkpoints: int, learned: Learned
) -> Option:
    one = probe.tuning(tuning)
    option = Option(
        backend=BACKEND,
        flavor=FLAVOR,
        tuning=tuning,
        fits=False,
        memory=None,
        hours=None,
        usd=Band(p50=0.0, p90=0.0),
        max_usd=0.0,
        usd_per_hour=0.0,
        picked=Picked(
            device_batch=probe.config.batch_size,
            accumulation=probe.config.accumulation,
            checkpointing=probe.config.checkpointing,
            precision=_precision(machine),
        ),
        why="it was not measured",
    )
    if one is None:
        return option.model_copy(update={"why": _no_qlora(machine)}) if tuning == "qlora" else option
    if one.status == "failed" or one.peak_gib is None:
        return option.model_copy(update={"why": f"the probe failed: {one.source}"})
    available = max((gpu.free_gib for gpu in machine.gpus), default=0.0) if one.kind == "GPU" else machine.available_gib
    memory = Memory(
        low=round(one.peak_gib, 2),
        high=round(one.peak_gib * MEMORY_MARGIN, 2),
        available=round(available, 2),
        kind=one.kind,
        source=one.source,
    )
    disk = _disk_gib(one, checkpoints)
    if memory.high > available:
        verb = "needs" if one.status == "measured" else "would need"
        why = f"{verb} up to {memory.high:.1f} GiB of {one.kind}, {available:.1f} GiB are free"
    elif disk > machine.free_disk_gib:
        why = f"its checkpoints and exports take {disk:.1f} GiB of disk, {machine.free_disk_gib:.1f} GiB are free"
    elif one.status == "sized":
        why = f"{_trade(one, probe)}; not measured, because {_measured(probe)} was asked for"
    elif one.status != "measured":
        why = "it was too large for the memory that was free when the probe ran; measure again"
    else:
        why = _trade(one, probe)
    fits = one.status in ("measured", "sized") and memory.high <= available and disk <= machine.free_disk_gib
    update = {"fits": fits, "memory": memory, "why": why}
    if run is not None and one.step_seconds is not None:
        total = run.total
        update["hours"] = Band(p50=round(total.p50 / 3600, 5), p90=round(total.p90 / 3600, 5))
        busy = "; timed while the machine was busy with other work" if probe.busy > 1 else ""
        taught = f"; {learned.source()}" if learned.runs else ""
        update["detail"] = f"{run.parts()}{busy}{taught}"
        update["step_seconds"] = _band(one.step_seconds * learned.factor, learned.spread)
        update["unlearned_step_s"] = one.step_seconds
        update["timeout_s"] = timeout_s(total)
    return option.model_copy(update=update)


def _trade(one: Measurement, probe: ProbeResult) -> str:
    """What this tuning gives and takes, in measured numbers."""
    trained, whole = one.trainable or 0, one.parameters or 1
    if one.tuning != "full":
        return f"trains {_count(trained)} of {_count(whole)} weights"
    other = probe.tuning("lora")
    told = f"trains all {_count(whole)} weights"
    if other is None or not other.step_seconds or not other.peak_gib or not one.step_seconds or not one.peak_gib:
        return told
    return (
        f"{told}: {one.step_seconds / other.step_seconds:.1f} times LoRA's time, "
        f"{one.peak_gib / other.peak_gib:.1f} times its memory"
    )


def _measured(probe: ProbeResult) -> str:
    return " and ".join(NAMES[name] for name in probe.config.tunings)


def _no_qlora(machine: Machine) -> str:
    if not machine.gpus:
        return "its 4-bit weights need an NVIDIA GPU, and there is none here"
    return "it was not measured; it needs the bitsandbytes package"


def _precision(machine: Machine) -> str:
    """What the script computes in here, by the oldest card."""
    if not machine.gpus:
        return "bf16" if machine.cpu_bf16 else "fp32"
    return "bf16" if all((gpu.capability or (0, 0)) >= (8, 0) for gpu in machine.gpus) else "fp16"


def _disk_gib(one: Measurement, checkpoints: int) -> float:
    kept = checkpoints * (one.trainable or 0) * CHECKPOINT_BYTES
    return (kept + (one.parameters or 0) * EXPORT_BYTES) / 2**30


def _count(number: int) -> str:
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def _first(name: str) -> str:
    return name[:1].upper() + name[1:]


def _band(seconds: float, spread: float) -> Band:
    return Band(p50=round(seconds, 3), p90=round(seconds * spread, 3))


def _as_band(seconds: float | Band) -> Band:
    return seconds if isinstance(seconds, Band) else _band(seconds, FORECAST_SPREAD)


def _sum(bands: list[Band]) -> Band:
    return Band(p50=sum(band.p50 for band in bands), p90=sum(band.p90 for band in bands))
