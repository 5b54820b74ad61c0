"""One tuning, measured by training as the script will: the real model, TRL's own trainer, a few real optimizer steps.

Runs in a process of its own, so that a peak belongs to one tuning, and running out of memory ends this process only.
Everything here imports torch; `hardware.job` calls it.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.hardware.batches import Step, draw_steps, fit_line
from tunebook.pipeline.hardware.machine import GIB
from tunebook.pipeline.hardware.probe import CHECKPOINT_BYTES, Measurement, ProbeConfig, StepMeasured
from tunebook.pipeline.hardware.probe_trainer import make_trainer
from tunebook.pipeline.progress import emit

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Share of the available memory up to which the probe dares another step.
DARE = 0.9
#: Written to learn the disk's rate; a whole checkpoint of full tuning takes longer than the steps that are measured.
SAVED_BYTES = 128 * 2**20


def measure(
    config: ProbeConfig,
    tuning: str,
    steps: Sequence[Step],
    drawn: Sequence[Step],
    available_gib: float,
    imports: float,
    folder: Path,
) -> Measurement:
    """Train on `steps`, smallest first, and tell time and memory.

    `imports` are the seconds that Python and the libraries took to start, `folder` is where the trainer may write. A
    step that would pass `config.seconds` or `available_gib` is not run, and `source` then says what was extended.
    """
    began = time.perf_counter()
    import torch
    from transformers import TrainerCallback

    cuda = torch.cuda.is_available()
    rows = 2 if config.method == "grpo" else config.evaluation_batch_size or 4 * config.batch_size
    heldout = draw_steps([length for step in drawn for one in step.passes for length in one], rows, 1, draws=1)
    measured: list[StepMeasured] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Times each step from the end of the one before, as the whole run will feel it."""

        began = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            reset_peak(cuda)
            self.began = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if cuda:
                torch.cuda.synchronize()
            now, step = time.perf_counter(), steps[len(measured)]
            measured.append(
                StepMeasured(
                    purpose=step.purpose,
                    tokens=step.tokens,
                    widest=step.widest,
                    seconds=now - self.began,
                    peak_gib=peak_gib(cuda),
                )
            )
            before = config.tunings.index(tuning) * len(steps)
            text = f"measuring {tuning}, step {len(measured)} of {len(steps)}"
            emit("progress", done=before + len(measured), total=len(config.tunings) * len(steps), text=text)
            if len(measured) < len(steps):
                next_step = steps[len(measured)]
                control.should_training_stop |= (
                    too_slow(measured, next_step.tokens, config.seconds)
                    or expected_peak(measured, next_step.widest) > DARE * available_gib
                )
            reset_peak(cuda)
            self.began = time.perf_counter()

    clock = Clock()
    trainer = make_trainer(config, tuning, steps, heldout, folder, cuda, [clock])
    load_peak = peak_gib(cuda)
    parameters = sum(one.numel() for one in trainer.model.parameters())
    trainable = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    start_seconds = imports + time.perf_counter() - began
    trainer.train()
    reset_peak(cuda)
    evaluation_began = time.perf_counter()
    trainer.evaluate()  # its batches are larger, so its logits may be the peak
    evaluation_seconds = time.perf_counter() - evaluation_began
    evaluation_peak = peak_gib(cuda)

    intercept, slope = time_line(measured)
    mean = sum(intercept + slope * step.tokens for step in drawn) / len(drawn)
    widest = steps[-1].widest
    timed = sum(one.purpose == "time" for one in measured)
    source = f"measured on this machine with {len(measured) - 1} real step{'' if len(measured) == 2 else 's'}"
    if timed == 0:
        source = f"extended from one small real step of {measured[0].tokens:,} tokens on this machine"
    elif len(measured) < len(steps):
        source += f", memory extended to the longest rows ({widest:,} tokens a pass)"
    return Measurement(
        tuning=tuning,
        status="measured",
        source=source,
        kind="GPU" if cuda else "RAM",
        parameters=parameters,
        trainable=trainable,
        steps=measured,
        step_seconds=mean,
        tokens_per_second=sum(step.tokens for step in drawn) / len(drawn) / mean,
        heldout_row_seconds=evaluation_seconds / rows,
        checkpoint_seconds=checkpoint_seconds(trainable, folder),
        start_seconds=start_seconds,
        peak_gib=max(load_peak, evaluation_peak, expected_peak(measured, widest), *(one.peak_gib for one in measured)),
        load_peak_gib=load_peak,
    )


def checkpoint_seconds(trainable: int, folder: Path) -> float:
    """Seconds to write the trained weights in float32 and AdamW's two moments, by the rate of a file of that size or less."""
    import torch

    whole = trainable * CHECKPOINT_BYTES
    written = torch.zeros(min(whole, SAVED_BYTES), dtype=torch.uint8)
    began = time.perf_counter()
    torch.save(written, folder / "written.pt")
    return (time.perf_counter() - began) * whole / len(written)


def time_line(measured: Sequence[StepMeasured]) -> tuple[float, float]:
    """Seconds of a step as a + b * tokens, from the timed steps, the widest, or the warm-up where it came no further.

    The widest batch is an outlier in length, so it counts only where a single timed step leaves the slope open. No
    part of a step grows faster than the square of its tokens: what lies above that was another program's doing.
    """
    points = [(one.tokens, one.seconds) for one in measured if one.purpose == "time"]
    if points and len({tokens for tokens, _ in points}) < 2:
        tokens, seconds = points[-1]
        widest = [one for one in measured if one.purpose == "memory"]
        points += [(one.tokens, min(one.seconds, seconds * (one.tokens / tokens) ** 2)) for one in widest]
    return fit_line(points or [(one.tokens, one.seconds) for one in measured])


def too_slow(measured: Sequence[StepMeasured], tokens: int, limit_s: float) -> bool:
    """Whether the next step, of so many tokens, would take longer than is left of `limit_s`.

    A warm-up is mostly fixed costs and tells little about the typical step, which tells nearly all: so that one is
    tried unless the warm-up alone took half the limit. At worst it takes four times as long, as it has four times the
    tokens.
    """
    spent = sum(one.seconds for one in measured)
    if len(measured) == 1:
        return spent > limit_s / 2
    return spent + tokens * measured[-1].seconds / measured[-1].tokens > limit_s


def expected_peak(measured: Sequence[StepMeasured], widest: int) -> float:
    """GiB at the peak of a step with a forward pass of `widest` tokens: a straight line through the outermost steps.

    Activations and logits grow in proportion to tokens where attention keeps no square of its scores. The warm-up
    counts: its optimizer already holds its state when the second step starts.
    """
    low, high = measured[0], max(measured, key=lambda one: one.widest)
    if high.widest <= low.widest:
        return max(one.peak_gib for one in measured)
    slope = max(0.0, (high.peak_gib - low.peak_gib) / (high.widest - low.widest))
    return high.peak_gib + slope * max(0, widest - high.widest)


def reset_peak(cuda: bool) -> None:
    """Start a new peak. Where the system cannot (not Linux), peaks only rise, which never tells too little."""
    if cuda:
        import torch

        torch.cuda.reset_peak_memory_stats()
    else:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def peak_gib(cuda: bool) -> float:
    """The peak since the last reset: CUDA's reserved memory with its context, or the process's resident memory."""
    if cuda:
        import torch

        free, total = torch.cuda.mem_get_info()
        context = total - free - torch.cuda.memory_reserved()
        return float(torch.cuda.max_memory_reserved() + max(0, context)) / GIB
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (GIB if sys.platform == "darwin" else 2**20)
