"""The options of this machine, made from what the probe measured, and the choice among them."""

from __future__ import annotations

import math
from typing import NamedTuple

from pydantic import BaseModel

from tunebook.pipeline.hardware.machine import Machine
from tunebook.pipeline.hardware.options import Band, Memory, Option
from tunebook.pipeline.hardware.probe import CHECKPOINT_BYTES, Measurement, ProbeResult

BACKEND, FLAVOR = "local", "this-machine"
NAMES = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}
#: What is tried in turn where the user did not say: the least change to the model first.
PREFERENCE = ("lora", "full", "qlora")

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


class Choice(NamedTuple):
    option: Option | None
    reason: str  # a sentence: why this one, or what to change where nothing fits


def forecast(
    one: Measurement,
    *,
    busy: float = 0.0,
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
    spread = time_spread(busy)
    heldout = heldout_passes * heldout_rows * (one.heldout_row_seconds or 0.0)
    return RunForecast(
        start=_band(one.start_seconds or 0.0, spread),
        train=_band(steps * one.step_seconds, spread),
        heldout=_band(heldout, spread),
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
) -> list[Option]:
    """One option for each tuning on this machine, those that fit first.

    `machine` is the machine as it is now: a kept probe may be older than what fills the memory today. `steps` are
    optimizer steps. Running here costs nothing, so prices are 0.
    """
    forecasts = {
        one.tuning: forecast(
            one,
            busy=probe.busy,
            steps=steps,
            heldout_rows=heldout_rows,
            heldout_passes=heldout_passes,
            checkpoints=checkpoints,
            evaluation_forecast_seconds=evaluation_forecast_seconds,
            export_forecast_seconds=export_forecast_seconds,
        )
        for one in probe.tunings
    }
    options = [_option(name, probe, forecasts.get(name), machine, checkpoints) for name in PREFERENCE]
    return sorted(options, key=lambda option: (not option.fits, PREFERENCE.index(option.tuning)))


def choose(options: list[Option], spec_tuning: str | None = None) -> Choice:
    """The option to take: what the user asked for if it fits, else LoRA, else what fits; with the reason."""
    fitting = {option.tuning: option for option in options if option.fits}
    if spec_tuning is not None:
        name = NAMES.get(spec_tuning, spec_tuning)
        if spec_tuning in fitting:
            return Choice(fitting[spec_tuning], f"{_first(name)}, as you asked, fits this machine.")
        why = next((option.why for option in options if option.tuning == spec_tuning), "it was not measured")
        instead = next((other for other in PREFERENCE if other in fitting), None)
        remedy = f"Ask for `tuning: {instead}`, which fits." if instead else _remedy(options)
        return Choice(None, f"{_first(name)} does not fit this machine: {why}. {remedy}")
    for tuning in PREFERENCE:
        if tuning in fitting:
            return Choice(fitting[tuning], f"{_first(NAMES[tuning])} fits this machine: {fitting[tuning].why}.")
    causes = "; ".join(f"{NAMES.get(option.tuning, option.tuning)}: {option.why}" for option in options)
    return Choice(None, f"Nothing fits this machine ({causes}). {_remedy(options)}")


def plan_sentence(options: list[Option], chosen: Option | None) -> str:
    """The sentence that heads the picker, in plain text."""
    if chosen is None:
        return choose(options).reason if not any(option.fits for option in options) else "Nothing is chosen yet."
    lead = "Cheapest that fits" if chosen.fits else "Chosen, though it does not fit"
    told = f"{lead}: this machine with {NAMES.get(chosen.tuning, chosen.tuning)}, at no charge."
    if chosen.hours is None:
        return told
    half, most = within(chosen.hours.p50 * 3600, chosen.hours.p90 * 3600)
    return f"{told} Half of such runs end within {half}, nine in ten within {most}."


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


def _option(tuning: str, probe: ProbeResult, run: RunForecast | None, machine: Machine, checkpoints: int) -> Option:
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
        update["detail"] = f"{run.parts()}{busy}"
        update["step_seconds"] = _band(one.step_seconds, time_spread(probe.busy))
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


def _remedy(options: list[Option]) -> str:
    """The nearest change, from what the options lack."""
    memory = [option.memory for option in options if option.memory is not None]
    if not memory:
        return "Read why in the probe's log, or name a machine with `backend:` and `flavor:`."
    need, free = min((one.high, one.available) for one in memory)
    if need > free:
        return f"Free {need - free:.1f} GiB of memory, lower `batch_size` or `max_length`, or take a smaller model."
    return "Free some disk space, or keep fewer checkpoints with a larger `save_steps`."


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
