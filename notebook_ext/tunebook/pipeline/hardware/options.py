"""One row of the hardware picker: a backend, a machine and a way of tuning, with memory, time and price as bands."""

from __future__ import annotations

import math

from pydantic import BaseModel

#: What is tried in turn where the user did not say: the least change to the model first.
PREFERENCE = ("lora", "qlora", "full")
NAMES = {"lora": "LoRA", "qlora": "QLoRA", "full": "full fine-tuning"}


class Band(BaseModel):
    """Half of such runs end at or below p50, nine in ten at or below p90."""

    p50: float
    p90: float


class Memory(BaseModel):
    """GiB that the training process needs at its peak on one card, or in RAM, and what there is of it."""

    low: float
    high: float
    available: float
    kind: str  # "RAM" or "GPU"
    source: str  # "measured on this machine with 2 real steps", "forecast ..."


class Picked(BaseModel):
    """What was picked for a machine: the effective batch is device_batch * accumulation * cards."""

    device_batch: int
    accumulation: int
    checkpointing: bool
    precision: str  # what the pass computes in: "bf16", "fp16" or "fp32"
    cards: int = 1
    spread: str = ""  # over cards: "DDP" (each holds all), "FSDP" (each holds a part); "offload": weights wait in RAM

    def sentence(self) -> str:
        """'batch 4 × 2, checkpointing, bf16, 4 cards with FSDP'."""
        said = [f"batch {self.device_batch}" + (f" × {self.accumulation}" if self.accumulation > 1 else "")]
        said += ["checkpointing"] if self.checkpointing else []
        said += [self.precision]
        said += [f"{self.cards} cards with {self.spread}"] if self.cards > 1 else []
        said += ["weights in RAM"] if self.spread == "offload" else []
        return ", ".join(said)


class Option(BaseModel):
    backend: str
    flavor: str
    tuning: str
    fits: bool
    memory: Memory | None
    hours: Band | None
    usd: Band | None
    max_usd: float | None  # price x timeout: the most that it can cost
    why: str  # one clause: why chosen, why not, what it trades
    detail: str = ""  # what the time is made of and how sure it is; one sentence
    step_seconds: Band | None = None  # measured or forecast seconds for one optimizer step
    unlearned_step_s: float | None = None  # the same before past runs were taken into account
    picked: Picked | None = None
    card: str = ""  # the model of its cards, where it has some
    usd_per_hour: float | None = None  # 0 for this machine
    timeout_s: int | None = None
    front: bool = False  # nothing else is both cheaper and faster
    recommended: bool = False
    unstarted: str = ""  # what the script is not started with yet that this needs; a clause
    blocked: str = ""  # why it cannot be started from here although it fits; a clause

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.backend, self.flavor, self.tuning)


def needed(gib: float) -> str:
    """Memory or disk that is needed, to three digits and never less than it is: "21.9", "140"."""
    step = _step(gib)
    return _digits(math.ceil(round(gib / step, 6)) * step, step)


def there_is(gib: float) -> str:
    """Memory or disk that is there, to three digits and never more than it is."""
    step = _step(gib)
    return _digits(math.floor(round(gib / step, 6)) * step, step)


def _step(gib: float) -> float:
    return float(10 ** max(-1, math.floor(math.log10(gib)) - 2)) if gib > 0 else 0.1


def _digits(gib: float, step: float) -> str:
    return f"{gib:.1f}" if step < 1 else f"{gib:,.0f}"
