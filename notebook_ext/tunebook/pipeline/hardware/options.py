"""One row of the hardware picker: a backend, a machine and a way of tuning, with memory, time and price as bands."""

from __future__ import annotations

from pydantic import BaseModel


class Band(BaseModel):
    """Half of such runs end at or below p50, nine in ten at or below p90."""

    p50: float
    p90: float


class Memory(BaseModel):
    """GiB that the training process needs at its peak, and what the machine has."""

    low: float
    high: float
    available: float
    kind: str  # "RAM" or "GPU"
    source: str  # "measured on this machine with 2 real steps", "estimated ..."


class Option(BaseModel):
    backend: str
    flavor: str
    tuning: str
    fits: bool
    memory: Memory | None
    hours: Band | None
    usd: Band | None
    max_usd: float | None
    why: str  # one clause: why chosen, why not, what it trades
    detail: str = ""  # what the time is made of and how sure it is; one sentence
    step_seconds: Band | None = None  # measured or forecast seconds for one optimizer step
