"""The checkpoints of a run against its base and each other.

Every checkpoint is paired with the base item by item. `vs_base.p` is the p of that one pair; what counts as told apart
is Holm's adjustment over all checkpoints (`separable`), because of several tries one succeeds by luck.

`best` is the earliest checkpoint within the noise of the highest score (paired p >= 0.05 against it), among those that
beat the base and, where some can be told apart from the base, among those. It is "base" where none beats it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tunebook.pipeline.errors import WorkFailed
from tunebook.pipeline.evaluation.scores import ComparedCheckpoint, Comparison, Score, ScoreTable, VsBase
from tunebook.pipeline.evaluation.statistics import holm, mcnemar, paired_permutation
from tunebook.pipeline.evaluation.wording import sentence

__all__ = ["ALPHA", "BASE", "compare", "sentence", "step_of"]

ALPHA = 0.05
BASE = "base"
Items = Mapping[str, Sequence[Mapping[str, Any]]]


def step_of(target: str) -> int:
    """The step in a checkpoint's name; 0 for the base and for names without one.

    >>> step_of("checkpoint-40"), step_of("base")
    (40, 0)
    """
    found = re.search(r"(\d+)$", target)
    return int(found[1]) if found and target != BASE else 0


def compare(table: ScoreTable, items: Items) -> Comparison:
    """Compare the targets of one evaluation. `items` has, for each target, `{"id", "passed" | "value", ...}` an item.

    Raises WorkFailed if two targets were not scored on the same items: they could not be paired.
    """
    values = {row.target: _values(row.target, items) for row in table.rows}
    for name, own in values.items():
        if own.keys() != values[table.rows[0].target].keys():
            raise WorkFailed(f"{name} was not scored on the same items as {table.rows[0].target}")
    rows = sorted(table.rows, key=lambda row: (row.target != BASE, step_of(row.target)))
    base = next((row for row in rows if row.target == BASE), None)
    compared = [_compared(row, base, values) for row in rows]
    best, separable, alike = _choose(compared, values, table.higher_is_better)
    return Comparison(
        benchmark=table.benchmark,
        metric=table.metric,
        higher_is_better=table.higher_is_better,
        rows=compared,
        best=best,
        separable=separable,
        alike=alike,
    )


def _values(target: str, items: Items) -> dict[str, float]:
    if target not in items:
        raise WorkFailed(f"{target} has a score and no items to pair")
    return {str(item["id"]): float(item["passed"] if "passed" in item else item["value"]) for item in items[target]}


def paired_p(after: Mapping[str, float], before: Mapping[str, float], is_count: bool) -> float:
    """Two-sided p that two targets score the same, from the same items by id."""
    pairs = [(after[name], before[name]) for name in before]
    if is_count:
        return mcnemar(sum(a > b for a, b in pairs), sum(a < b for a, b in pairs))
    return paired_permutation([a for a, _ in pairs], [b for _, b in pairs])


def _compared(row: Score, base: Score | None, values: dict[str, dict[str, float]]) -> ComparedCheckpoint:
    against = None
    if base is not None and row is not base:
        counts = row.passed is not None and base.passed is not None
        against = VsBase(delta=_delta(row, base), p=paired_p(values[row.target], values[BASE], counts))
    return ComparedCheckpoint(
        checkpoint=row.target, step=step_of(row.target), vs_base=against, **row.model_dump(exclude={"target"})
    )


def _delta(row: Score, base: Score) -> float:
    """In items where the row is a count: a base that is a coin toss by definition has half of them."""
    if row.passed is None or row.total is None:
        return row.score - base.score
    return float(row.passed - (base.passed if base.passed is not None else base.score * row.total))


def _choose(
    rows: list[ComparedCheckpoint], values: dict[str, dict[str, float]], higher: bool
) -> tuple[str, bool, list[str]]:
    """(best, whether it can be told apart from the base, the other checkpoints that can't be told from it)."""

    def gain(row: ComparedCheckpoint) -> float:
        return row.score if higher else -row.score

    checkpoints = [row for row in rows if row.checkpoint != BASE]
    base = next((row for row in rows if row.checkpoint == BASE), None)
    told = told_from_base(rows)
    candidates = [row for row in checkpoints if base is None or gain(row) > gain(base)]
    if not candidates:
        return BASE, False, []
    candidates = [row for row in candidates if row.checkpoint in told] or candidates
    top = max(candidates, key=lambda row: (gain(row), -row.step))

    def same(one: ComparedCheckpoint, other: ComparedCheckpoint) -> bool:
        return paired_p(values[one.checkpoint], values[other.checkpoint], one.passed is not None) >= ALPHA

    best = next(row for row in candidates if row is top or same(row, top))
    alike = [row.checkpoint for row in checkpoints if row is not best and same(row, best)]
    return best.checkpoint, best.checkpoint in told, alike


def told_from_base(rows: Sequence[ComparedCheckpoint]) -> set[str]:
    """The checkpoints that differ from the base, better or worse, after Holm's adjustment."""
    tested = [(row.checkpoint, row.vs_base.p) for row in rows if row.vs_base is not None and row.vs_base.p is not None]
    adjusted = holm([p for _, p in tested])
    return {name for (name, _), p in zip(tested, adjusted, strict=True) if p < ALPHA}
