"""One measured value of a run: of a training step, or of the machine at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Point:
    step: int  # of a machine's measurements: their number within the series
    value: float | None  # None: it was not a finite number
    time: float  # seconds since the epoch
