"""The probe job: `python -m tunebook.pipeline.hardware.job CONFIG RESULT` measures what this machine can train.

The model is sized first, on the meta device, where weights take no memory. A tuning that clearly cannot fit is
estimated and not run. LoRA goes before full, because what it measures tells whether full may be tried.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import psutil

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.batches import Step, cut, draw_steps, probe_steps
from tunebook.pipeline.hardware.machine import GIB, Machine, this_machine
from tunebook.pipeline.hardware.measure import DARE, measure
from tunebook.pipeline.hardware.probe import Measurement, ProbeConfig, ProbeResult
from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.job import run
from tunebook.pipeline.progress import emit

#: Cheapest in memory first.
ORDER = ("qlora", "lora", "full")
#: float32 weights, as TRL loads a model given by name; training all adds a gradient and AdamW's two moments.
WEIGHT_BYTES = 4
TRAINED_BYTES = 12
ANSWER = "answer.json"
PR_SET_PDEATHSIG = 1


def main(config_path: Path, result_path: Path) -> None:
    """Read a ProbeConfig, measure its tunings, write a ProbeResult.

    Raises CallError where the model cannot be read. A tuning that fails is told in the result, it is no error.
    """
    # While other work keeps the cores busy, threads that wait by spinning keep each other from the work they wait for:
    # with 7 running processes on 2 cores a step took three times as long. torch reads this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    started, created = time.perf_counter(), psutil.Process().create_time()
    before = max(0.0, time.time() - created)  # the interpreter's own start
    config = ProbeConfig.model_validate(read_json(config_path))
    config.tunings.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    machine = this_machine(result_path.parent)
    busy = os.getloadavg()[0] / max(0.01, machine.usable_cores) if hasattr(os, "getloadavg") else 0.0

    lengths = cut(config.lengths, config.max_length)
    longest = max([*lengths, *cut([config.longest or 1], config.max_length)])
    drawn = draw_steps(lengths, config.batch_size, config.accumulation)
    steps = probe_steps(drawn, longest, config.steps)

    emit("progress", done=0, total=len(steps) * len(config.tunings), text="loading the libraries")
    import_training()
    imports = before + time.perf_counter() - started
    sizes = {name: model_size(config, name) for name in [*config.tunings, *config.sized]}

    done: list[Measurement] = []
    for tuning in config.tunings:
        parameters, trainable = sizes[tuning]
        need = expected_gib(tuning, parameters, trainable, done)
        if need > DARE * room(machine):
            done.append(unrun("estimated", tuning, parameters, trainable, need))
            continue
        done.append(in_own_process(config, tuning, steps, drawn, room(machine), imports, result_path.parent))
    for tuning in config.sized:
        parameters, trainable = sizes[tuning]
        need = expected_gib(tuning, parameters, trainable, done)
        done.append(unrun("sized", tuning, parameters, trainable, need))
    result = ProbeResult(
        config=config,
        machine=machine,
        measured_at=time.time(),
        seconds=time.perf_counter() - started + before,
        busy=round(busy, 2),
        versions={name: version(name) for name in ("torch", "transformers", "trl", "peft")},
        tunings=done,
    )
    write_json(result_path, result.model_dump(mode="json"))


def import_training() -> None:
    """Import what training needs, once, before the processes that share it are forked."""
    import datasets  # noqa: F401
    import peft  # noqa: F401
    import torch  # noqa: F401
    from transformers import Trainer  # noqa: F401
    from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RewardTrainer, SFTTrainer  # noqa: F401


def model_size(config: ProbeConfig, tuning: str) -> tuple[int, int]:
    """(parameters, trainable ones) of the model as `tuning` trains it, from its config alone.

    Raises CallError where there is no readable config or no adapter can be put on it.
    """
    import torch
    from peft import get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    from tunebook.pipeline.hardware.probe_trainer import lora

    try:
        known = AutoConfig.from_pretrained(config.model, revision=config.model_revision)
        with torch.device("meta"):
            kind = AutoModelForSequenceClassification if config.method == "reward" else AutoModelForCausalLM
            model: Any = kind.from_config(known)
            if tuning != "full":
                model = get_peft_model(model, lora(config))
    except (OSError, ValueError, KeyError) as failure:
        reason = str(failure).strip().splitlines()[0][:200]
        raise CallError(
            "model", f"{config.model} cannot be read ({reason})", "name a checkpoint folder or a Hub model"
        ) from failure
    total = sum(one.numel() for one in model.parameters())
    return total, sum(one.numel() for one in model.parameters() if one.requires_grad)


def room(machine: Machine) -> float:
    """GiB that a process may take now: GPU memory where there is a GPU, else memory."""
    return max(gpu.free_gib for gpu in machine.gpus) if machine.gpus else this_machine().available_gib


def expected_gib(tuning: str, parameters: int, trainable: int, done: list[Measurement]) -> float:
    """GiB to expect at the peak: weights, gradients and AdamW's moments, plus what a measured tuning needed beside."""
    weights = parameters * (0.6 if tuning == "qlora" else WEIGHT_BYTES)
    beside = max((one.peak_gib - own_gib(one) for one in done if one.status == "measured" and one.peak_gib), default=0)
    return (weights + trainable * TRAINED_BYTES) / GIB + max(0.0, beside)


def own_gib(one: Measurement) -> float:
    """GiB of weights, gradients and moments in a measured tuning."""
    weights = (one.parameters or 0) * (0.6 if one.tuning == "qlora" else WEIGHT_BYTES)
    return (weights + (one.trainable or 0) * TRAINED_BYTES) / GIB


def unrun(
    status: Literal["estimated", "sized"], tuning: str, parameters: int, trainable: int, need: float
) -> Measurement:
    """A tuning that was not run: it clearly cannot fit, or it was not asked for."""
    return Measurement(
        tuning=tuning,
        status=status,
        source="estimated from the model's size: weights in float32, gradients and AdamW's two moments; not run",
        parameters=parameters,
        trainable=trainable,
        peak_gib=need,
    )


def in_own_process(
    config: ProbeConfig,
    tuning: str,
    steps: list[Step],
    drawn: list[Step],
    available_gib: float,
    imports: float,
    beside: Path,
) -> Measurement:
    """Measure in a child. On Linux it is forked, so that the imports are paid once; elsewhere it starts afresh.

    What it writes goes into a folder that is deleted, on the disk of `beside`: the one that runs will write to.
    """
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with tempfile.TemporaryDirectory(prefix="probe-", dir=beside) as name:
        folder = Path(name)
        child = context.Process(target=_child, args=(config, tuning, steps, drawn, available_gib, imports, folder))
        child.start()
        try:
            child.join()
        finally:  # a cancelled job leaves no training behind
            child.kill()
            child.join()
        found = read_json(folder / ANSWER)
    if found is not None:
        return Measurement.model_validate(found)
    if child.exitcode == -signal.SIGKILL:
        return Measurement(tuning=tuning, status="failed", source="the system ended it, most likely for want of memory")
    return Measurement(tuning=tuning, status="failed", source=f"it ended without an answer, exit {child.exitcode}")


def _child(
    config: ProbeConfig,
    tuning: str,
    steps: list[Step],
    drawn: list[Step],
    available_gib: float,
    imports: float,
    folder: Path,
) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nothing trains on after its job was killed
        with contextlib.suppress(OSError):  # if memory runs out, this process goes and not the user's notebook
            Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        found = measure(config, tuning, steps, drawn, available_gib, imports, folder)
    except Exception as failure:  # noqa: BLE001 - whatever a library raises is this tuning's result; the log has it all
        traceback.print_exc()
        reason = next(iter(str(failure).strip().splitlines()), "")[:300]
        found = Measurement(tuning=tuning, status="failed", source=f"{type(failure).__name__}: {reason}")
    write_json(folder / ANSWER, found.model_dump(mode="json"))


if __name__ == "__main__":
    sys.exit(run(main))
