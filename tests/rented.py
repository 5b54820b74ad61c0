"""Machines for hire in tests: laws of real models, today's prices, and what is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.report import DataReport, Inspection, LengthEffect, MethodFit, Preview, TokenCounts
from tunebook.pipeline.data.source import Source
from tunebook.pipeline.hardware.catalogue import Catalogue, snapshot_prices
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import Shape
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.hardware.rented import Work, rented_options
from tunebook.pipeline.hardware.ways import Laws
from tunebook.pipeline.ledger import Allowance
from tunebook.pipeline.plan.forecasting import Forecasts
from tunebook.pipeline.plan.machines import Machines
from tunebook.pipeline.plan.model import ModelFacts
from tunebook.pipeline.spec import make_spec

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
    tried: int = 0,
    tried_tokens: int = 0,
) -> Work:
    """A training on rows that are mostly `length` tokens long, with three checkpoints and an evaluation."""
    drawn = list(lengths) if lengths is not None else [min(longest, length)] * 9 + [longest]
    steps = max(1, round(rows * epochs / batch))
    shape = Shape(lengths=drawn, steps=steps, batch=batch, rank=rank, longest=max(drawn))
    mean = sum(drawn) / len(drawn)
    return Work(
        shape, checkpoints=3, heldout_tokens=3 * 64 * mean, answers=answers, answer_tokens=mean, generated_tokens=0.0,
        tried=tried, tried_tokens=tried_tokens,
    )  # fmt: skip


def options(model: str, of: Work | None = None, **more: Any) -> list[Option]:
    """What `rented_options` says of all machines; `catalogue`, `now` and its other arguments may be given."""
    catalogue = more.pop("catalogue", None) or prices()
    return rented_options(catalogue, laws_of(model), of or work(), **({"now": NOW} | more))


def on(found: Sequence[Option], name: str, tuning: str) -> Option:
    return next(one for one in found if one.flavor == name and one.tuning == tuning)


# A plan's machines, without its data and its model

#: Never read.
SOURCE = Source(builder=None, path="acme/rows")


def inspected(rows: int, *, length: int = 900, longest: int = 2000) -> Inspection:
    """Rows that are nearly all `length` long, as an inspection tells of them."""
    report = DataReport(
        dataset="rows", rows=rows, columns=[], format="prompt and completion",
        methods={"sft": MethodFit(status="ready", why="it fits", mapping=None, code=None)}, recommended="sft",
        tokens=TokenCounts(p50=length, p99=length, max=longest, total=rows * length), checks=[], findings=[],
    )  # fmt: skip
    few = max(1, rows // 100)
    effects = [
        LengthEffect(max_length=at, cut=cut, dead=0, lost=0, trained=rows, tokens=rows, filled=1.0)
        for at, cut in ((length - 1, rows), (length, few), (longest, 0))
    ]
    histogram = {"edges": [length - 100, length + 1, longest + 1], "counts": [rows - few, few]}
    preview = Preview.model_construct(rows=[], max_length=None, histogram=histogram, lengths=effects)
    return Inspection.model_construct(
        report=report, rows_found={}, preview=preview, fingerprint="f", train_rows=rows, eval_rows=0,
        answer_kind="long", source=SOURCE, settings={}, lens=None, unreadable=[], rows_known=True, split_rows=rows, left_out=[],
    )  # fmt: skip


def machines(model: str, all_rows: int, **said: Any) -> Machines:
    """A plan's machines for a spec. The inspection is of as many rows as it says, as a new one would be."""
    spec = make_spec(model="a/b", dataset="rows", **{"backend": "hf-jobs"} | said)
    cap = spec.budget_usd
    allowance = Allowance(
        cap_usd=cap, why=f"the budget of ${cap} that the cell names", left_usd=None, binds="cell" if cap else None
    )
    facts = ModelFacts(path="a/b", revision="r", fingerprint="f", title="b", max_positions=32768)
    forecasts = Forecasts(prices(read_at=NOW), laws_of(model), [])
    kept = min(all_rows, spec.rows or all_rows)
    kept -= math.ceil(kept * (spec.eval_share or 0))  # as the rows are read
    return Machines(spec, facts, inspected(kept), None, forecasts, None, allowance, [])
