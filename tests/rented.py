"""Machines for hire in tests: laws of real models, today's prices, and what is trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tunebook.pipeline.hardware.catalogue import Catalogue, snapshot_prices
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import Shape
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.hardware.rented import Work, rented_options
from tunebook.pipeline.hardware.ways import Laws

DATA = Path(__file__).parent / "unit" / "data"
NOW = 1_790_000_000.0  # September 2026


@cache
def laws_of(model: str) -> Laws:
    """The six laws of "0.5b", "7b" or "72b" of Qwen2.5; the file says how they were made."""
    told = json.loads((DATA / f"laws-qwen2.5-{model}.json").read_text())["laws"]
    return {(name.split()[0], name.split()[1] == "True"): MemoryLaw.model_validate(law) for name, law in told.items()}


def prices(**changes: Any) -> Catalogue:
    """The machine types of August 2026, with prices as if the Hub had just told them."""
    return snapshot_prices().model_copy(update={"source": "live", "read_at": NOW - 60} | changes)


def flavor(name: str, **changes: Any) -> Flavor:
    return snapshot_prices().flavor(name).model_copy(update=changes)


def work(
    rows: int = 1000,
    *,
    length: int = 400,
    longest: int = 1024,
    batch: int = 8,
    epochs: float = 1,
    rank: int = 16,
    lengths: Sequence[int] | None = None,
    answers: int = 400,
) -> Work:
    """A training on rows that are mostly `length` tokens long, with three checkpoints and an evaluation."""
    drawn = list(lengths) if lengths is not None else [min(longest, length)] * 9 + [longest]
    steps = max(1, round(rows * epochs / batch))
    shape = Shape(lengths=drawn, steps=steps, batch=batch, rank=rank, longest=max(drawn))
    mean = sum(drawn) / len(drawn)
    return Work(
        shape, checkpoints=3, heldout_tokens=3 * 64 * mean, answers=answers, answer_tokens=mean, generated_tokens=0.0
    )


def options(model: str, of: Work | None = None, **more: Any) -> list[Option]:
    """What `rented_options` says of all machines; `catalogue`, `now` and its other arguments may be given."""
    catalogue = more.pop("catalogue", None) or prices()
    return rented_options(catalogue, laws_of(model), of or work(), **({"now": NOW} | more))


def on(found: Sequence[Option], name: str, tuning: str) -> Option:
    return next(one for one in found if one.flavor == name and one.tuning == tuning)
