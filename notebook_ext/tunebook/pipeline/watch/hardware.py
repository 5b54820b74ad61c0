"""What a rented machine measures of itself: hardware.jsonl of a job's folder as series that stay small, and as present values.

The series lie along time and not along steps: a machine also works, or waits, while there is no step: when it loads the
model, evaluates or exports. That is where an idle GPU costs the most, and all of it would fall onto one step.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from tunebook.pipeline.watch.point import Point

HARDWARE_FILE = "hardware.jsonl"
#: Points lie as far apart as this part of the time measured so far, and never closer than they are measured. Every second
#: of the first ten minutes is kept, one in six after an hour: no plot shows more, and a day is under 4,000 points a series.
POINTS_ACROSS = 600
#: Seconds without a measurement after which the line breaks: another job, or nobody was here to listen.
GAP_S = 15.0
#: What is kept of a measurement; the totals do not change, the newest is enough.
_SERIES = ("gpu_pct", "gpu_memory_gib", "cpu_pct", "memory_gib")


@dataclass(frozen=True)
class Usage:
    """The GPU's use and memory; of a machine without one, the CPU's. None is what was not measured."""

    of: Literal["gpu", "cpu"]
    time: float  # of the newest measurement
    pct: float | None
    gib: float | None
    total_gib: float | None
    mean_pct: float | None  # over all of the run
    peak_gib: float | None


@dataclass
class _Sum:
    count: int = 0
    total: float = 0.0
    most: float = 0.0

    def add(self, value: float) -> None:
        self.count, self.total, self.most = self.count + 1, self.total + value, max(self.most, value)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass
class Hardware:
    """The measurements of a run's jobs, one line after another. `series` only grows."""

    series: dict[str, list[Point]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._newest: dict[str, float] = {}
        self._began = self._kept = 0.0  # when the first was measured, and when what became the last point was
        self._whole = {name: _Sum() for name in _SERIES}
        self._waiting: dict[str, _Sum] = {}

    def take(self, line: str) -> None:
        """One line of the file. What is not a measurement, or was taken already, changes nothing."""
        values = _measured(line)
        now, before = values.get("time"), self._newest.get("time")
        if now is None or (before is not None and now <= before):
            return
        if before is None:
            self._began = now
        elif now - before > GAP_S:
            self._keep(before)
            self._break(before)
        self._newest = values
        for name in _SERIES:
            if name in values:
                self._whole[name].add(values[name])
                self._waiting.setdefault(name, _Sum()).add(values[name])
        if before is None or now - before > GAP_S or now - self._kept >= (now - self._began) / POINTS_ACROSS:
            self._keep(now)

    def _keep(self, time: float) -> None:
        """A point is the mean of what was measured since the last: one look at a use that flickers says little."""
        for name, waiting in self._waiting.items():
            points = self.series.setdefault(f"hardware/{name}", [])
            points.append(Point(len(points), waiting.mean, time))
        self._waiting, self._kept = {}, time

    def _break(self, time: float) -> None:
        for points in self.series.values():
            points.append(Point(len(points), None, time))

    def usage(self) -> Usage | None:
        """What people look at; None before anything was measured."""
        if not self._newest:
            return None
        gpu = self._whole["gpu_pct"].count + self._whole["gpu_memory_gib"].count > 0
        pct, gib = ("gpu_pct", "gpu_memory_gib") if gpu else ("cpu_pct", "memory_gib")
        memory = self._whole[gib]
        return Usage(
            of="gpu" if gpu else "cpu",
            time=self._newest["time"],
            pct=self._newest.get(pct),
            gib=self._newest.get(gib),
            total_gib=self._newest.get(gib.replace("_gib", "_total_gib")) or None,
            mean_pct=self._whole[pct].mean,
            peak_gib=memory.most if memory.count else None,
        )


def _measured(line: str) -> dict[str, float]:
    """The finite numbers of a line; {} where it is none of ours."""
    try:
        record: Any = json.loads(line)
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    return {
        name: float(value)
        for name, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
