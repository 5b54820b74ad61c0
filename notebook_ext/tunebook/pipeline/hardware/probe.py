"""What the probe job is asked and what it answers, and where an answer is kept.

A probe costs about 20 seconds, and its answer stays right while the model, the machine and the shape of the batches
stay the same. So the plan keeps answers in a folder, one JSON file a key, with the time they were measured.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from tunebook.pipeline.hardware.machine import Machine
from tunebook.pipeline.home import read_json, write_json

#: An old answer may be about other versions of the libraries; a month is about as often as those change.
KEPT_DAYS = 30
#: Times taken on a busy machine are too long, so they only serve a plan that is made again at once.
KEPT_BUSY_S = 3600
#: Raised when a probe measures something else than before, so that old answers are not taken for new ones.
PROBE_VERSION = 5


#: A checkpoint holds each trained weight in float32 and AdamW's two moments of it.
CHECKPOINT_BYTES = 12


class ProbeConfig(BaseModel):
    """What to measure. The probe must train as the script will: same batch, adapter, checkpointing, precision.

    `arguments` are further fields of SFTConfig that the script sets and that cost time or memory, such as `optim`.
    """

    method: str = "sft"
    model: str  # a checkpoint folder or a Hub id
    model_revision: str | None = None
    tunings: list[str] = Field(default=["lora", "full"], min_length=1)  # these are run
    sized: list[str] = []  # these are only estimated, from the model's size and from what the others needed
    batch_size: int = Field(ge=1)  # rows in one forward pass
    accumulation: int = Field(default=1, ge=1)  # forward passes in one optimizer step
    evaluation_batch_size: int | None = None  # rows in one pass over held-out rows; four times batch_size if None
    checkpointing: bool = False  # compute activations twice instead of keeping them
    lengths: list[int] = Field(min_length=1)  # tokens a row: all rows, or a sample that is spread like them
    longest: int | None = None  # tokens of the longest row where `lengths` is a sample
    max_length: int | None = None  # where rows are cut
    trained_share: float = Field(default=1.0, ge=0, le=1)  # of a row's tokens, the last ones: the loss counts them
    lora_rank: int = Field(default=16, ge=1)
    lora_targets: str | list[str] = "all-linear"
    steps: int = Field(default=2, ge=2, le=10)  # real steps a tuning after a warm-up: typical ones, then the widest
    seconds: float = Field(default=60, gt=0)  # a tuning starts no further step that would end after this
    cpu_bf16: bool = False  # a CPU computes in bf16
    plain_attention: bool = False  # and without PyTorch's fused attention
    num_generations: int = 8  # answers to each prompt (grpo)
    max_completion_length: int = 256  # tokens of each (grpo)
    arguments: dict[str, Any] = {}


class StepMeasured(BaseModel):
    purpose: str  # "warm-up", "time" or "memory"
    tokens: int  # padded
    widest: int  # padded tokens of the widest forward pass
    seconds: float
    peak_gib: float


class Measurement(BaseModel):
    """One tuning: measured, estimated where it clearly could not fit, or sized where nobody asked to have it run.

    `step_seconds` is the mean over the batches that training draws, `peak_gib` the whole process at the widest batch.
    """

    tuning: str
    status: Literal["measured", "estimated", "sized", "failed"]
    source: str  # how it was found, as the end of a sentence; the reason where it failed
    kind: str = "RAM"  # or "GPU"
    parameters: int | None = None
    trainable: int | None = None
    steps: list[StepMeasured] = []
    step_seconds: float | None = None
    tokens_per_second: float | None = None  # padded tokens, at the mean step
    heldout_row_seconds: float | None = None  # the loss of one held-out row, without training on it
    checkpoint_seconds: float | None = None  # to write one checkpoint, with the optimizer's state
    start_seconds: float | None = None  # from the start of Python to the first step: imports, loading the model
    peak_gib: float | None = None
    load_peak_gib: float | None = None


class ProbeResult(BaseModel):
    config: ProbeConfig
    machine: Machine
    measured_at: float  # seconds since 1970
    seconds: float  # what the probe itself took
    busy: float  # running processes for each usable core when it started: above 1 the times are too high
    versions: dict[str, str]
    tunings: list[Measurement]

    def tuning(self, name: str) -> Measurement | None:
        return next((one for one in self.tunings if one.tuning == name), None)


def probe_key(
    model_fingerprint: str,
    *,
    batch_size: int,
    accumulation: int = 1,
    longest: int,
    mean_length: float,
    lora_rank: int,
    checkpointing: bool = False,
    tunings: list[str],
    machine_id: str,
    arguments: dict[str, Any] | None = None,
) -> str:
    """A name for "the same measurement": 32 hex digits.

    Lengths fall into buckets of about 12 % (six to a doubling), so that a few rows more or fewer measure nothing again.
    """
    said = {
        "version": PROBE_VERSION,
        "model": model_fingerprint,
        "batch": [batch_size, accumulation],
        "lengths": [length_bucket(longest), length_bucket(mean_length)],
        "rank": lora_rank,
        "checkpointing": checkpointing,
        "tunings": sorted(set(tunings)),
        "machine": machine_id,
        "arguments": arguments or {},
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def length_bucket(tokens: float) -> int:
    """The number of the bucket, six to each doubling."""
    return round(6 * math.log2(max(1.0, tokens)))


def read_probe(folder: Path, key: str, *, now: float | None = None) -> ProbeResult | None:
    """The kept answer; None where there is none, it is too old, or its file cannot be read."""
    try:
        found = read_json(folder / f"{key}.json")
        result = ProbeResult.model_validate(found) if found is not None else None
    except (OSError, ValueError):
        return None
    if result is None:
        return None
    kept = KEPT_BUSY_S if result.busy > 1 else KEPT_DAYS * 86_400
    return result if (now or time.time()) - result.measured_at <= kept else None


def write_probe(folder: Path, key: str, result: ProbeResult) -> Path | None:
    """Keep an answer; returns its file, or None where it is not worth keeping.

    A failure, or a tuning that only lacked memory which others held at that moment, may end otherwise the next time.
    """
    for one in result.tunings:
        of_the_moment = one.status == "estimated" and (one.peak_gib or 0) < result.machine.memory_gib
        if one.status == "failed" or of_the_moment:
            return None
    path = folder / f"{key}.json"
    write_json(path, result.model_dump(mode="json"))
    return path
