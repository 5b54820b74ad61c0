"""One sentence or two that a person could act on: which checkpoint is better than what, and how sure that is."""

from __future__ import annotations

from tunebook.pipeline.evaluation.scores import ComparedCheckpoint, Comparison
from tunebook.pipeline.evaluation.statistics import holm, mcnemar

ALPHA = 0.05
BASE = "base"
#: With fewer items not even a sweep is told from luck: all n of n gained have p = 2 / 2**n.
FEWEST_ITEMS = next(n for n in range(1, 20) if mcnemar(n, 0) < ALPHA)


def sentence(comparison: Comparison) -> str:
    """What the comparison says, in plain words.

    "Step 160 is better than the base: 61 of 100 against 44 (paired p = 0.004). Steps 160 and 240 can't be told apart."
    """
    base = next((row for row in comparison.rows if row.checkpoint == BASE), None)
    checkpoints = [row for row in comparison.rows if row.checkpoint != BASE]
    if not checkpoints:
        return f"No checkpoint is scored yet; the base has {_score(base)}." if base else "Nothing is scored yet."
    best = next((row for row in checkpoints if row.checkpoint == comparison.best), None)
    if base is None:
        assert best is not None
        return f"{_name(best)} scores {_score(best)}; there is no base to compare with.{_alike(comparison, best)}"
    total = checkpoints[0].total
    few = f" {total} held-out rows are too few to tell." if total and total < FEWEST_ITEMS else ""
    what = _Base(base, total)
    if best is None:
        return _none_better(what, checkpoints, comparison.higher_is_better) + few
    against = f"{_score(best)} against {what.short}"
    if comparison.separable:
        return f"{_name(best)} is better than {what.name}: {against} ({_p(best)}).{_alike(comparison, best)}"
    many = len(checkpoints) > 1 and _raw(best) < ALPHA
    luck = f", which is not enough after {len(checkpoints)} tries" if many else ""
    verdict = few or f" That can't be told from luck ({_p(best)}{luck})."
    return f"{_name(best)} scores a little better than {what.name}: {against}.{verdict}{_alike(comparison, best)}"


class _Base:
    """How the base is spoken of. One that is no count among counts knows nothing yet: half of the items, by guessing."""

    def __init__(self, row: ComparedCheckpoint, total: int | None) -> None:
        guesses = row.passed is None and total is not None
        self.number = row.score
        self.name = "guessing" if guesses else "the base"
        self.short = f"{row.score * total:.12g}" if guesses and total else _short(row)
        self.score = f"{self.short} of {total}" if guesses else _score(row)


def _none_better(base: _Base, checkpoints: list[ComparedCheckpoint], higher: bool) -> str:
    sign = 1 if higher else -1
    adjusted = holm([_raw(row) for row in checkpoints])
    worse = [
        row for row, p in zip(checkpoints, adjusted, strict=True) if p < ALPHA and sign * row.score < sign * base.number
    ]
    if worse:
        lowest = min(worse, key=lambda row: sign * row.score)
        return (
            f"No checkpoint is better than {base.name}, which scores {base.score}. "
            f"{_name(lowest)} is worse: {_score(lowest)} ({_p(lowest)})."
        )
    top = max(checkpoints, key=lambda row: (sign * row.score, -row.step))
    if all(row.score == base.number for row in checkpoints):
        every = _name(top) if len(checkpoints) == 1 else "every checkpoint"
        return f"No difference: {base.name} and {every} score {base.score}."
    return (
        f"No checkpoint is better than {base.name}: {_score(top)} at step {top.step} against {base.short} ({_p(top)})."
    )


def _alike(comparison: Comparison, best: ComparedCheckpoint) -> str:
    others = [row for row in comparison.rows if row.checkpoint in comparison.alike]
    if not others:
        return ""
    if len(others) == 1:
        first, second = sorted([best, others[0]], key=lambda row: row.step)
        return f" Steps {first.step} and {second.step} can't be told apart."
    steps = [str(row.step) for row in others]
    return f" Steps {', '.join(steps[:-1])} and {steps[-1]} can't be told apart from step {best.step}."


def _name(row: ComparedCheckpoint) -> str:
    return f"Step {row.step}" if row.step else row.checkpoint


def _score(row: ComparedCheckpoint) -> str:
    return f"{row.passed} of {row.total}" if row.passed is not None else _number(row.score)


def _short(row: ComparedCheckpoint) -> str:
    return str(row.passed) if row.passed is not None else _number(row.score)


def _number(value: float) -> str:
    """Three significant digits, without an exponent: 1.51, 0.0421, 1234."""
    from decimal import Decimal

    return f"{Decimal(f'{value:.3g}'):f}"


def _raw(row: ComparedCheckpoint) -> float:
    return row.vs_base.p if row.vs_base is not None and row.vs_base.p is not None else 1.0


def _p(row: ComparedCheckpoint) -> str:
    """The pair's p, with the digits that matter; it never rounds to a level that it misses."""
    p = _raw(row)
    if p < 0.001:
        return "paired p < 0.001"
    digits = 3 if p < 0.01 or round(p, 2) == ALPHA != p else 2
    return f"paired p = {p:.{digits}f}"
