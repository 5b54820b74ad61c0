"""Pairs of a chosen and a rejected answer that teach nothing, or something else than was meant: K15."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import Layout, share
from tunebook.pipeline.data.report import Finding, Severity

FEWEST = 30  # pairs before lengths are compared
LONGER_IN = 0.8  # of the pairs, and
EFFECT = 0.8  # Cohen's d of the paired logarithms of the lengths: a large effect
MANY = 0.05  # of the pairs: from here on what makes a pair useless is an error

#: Columns that say how good each answer is, by the names that published data sets use.
SCORES = (
    ("score_chosen", "score_rejected"),
    ("chosen_score", "rejected_score"),
    ("chosen_rating", "rejected_rating"),
    ("rating_chosen", "rating_rejected"),
    ("chosen_reward", "rejected_reward"),
    ("reward_chosen", "reward_rejected"),
)
LAST_ANSWER = "\n\nAssistant:"  # how a dialogue written as one text marks it


@dataclass(frozen=True)
class Pair:
    place: int
    before_chosen: str  # the prompt as it stands before each answer
    before_rejected: str
    chosen: str
    rejected: str


@check("K15")
def pairs_teach_a_difference(examined: Examined) -> Verdict:
    """Equal answers, other prompts, labels that are swapped, and lengths that alone tell which answer is chosen."""
    pairs = list(_pairs(examined))
    if not pairs:
        raise Skip("the rows are no preference pairs")
    findings = [
        *_equal(examined, pairs),
        *_other_prompts(examined, pairs),
        *_swapped(examined, pairs),
        *_lengths(examined, pairs),
    ]
    if findings:
        return Verdict(f"{len(pairs):,} pairs compared", findings)
    return Verdict(f"the answers of {len(pairs):,} pairs differ, by more than their length, after the same prompts")


def _equal(examined: Examined, pairs: list[Pair]) -> Iterator[Finding]:
    places = [pair.place for pair in pairs if pair.chosen.split() == pair.rejected.split()]
    if places:
        message = "{n} {have|has} the same answer as chosen and as rejected, so nothing is learned from {them|it}"
        severity: Severity = "error" if len(places) >= MANY * len(pairs) else "warning"
        yield examined.finding("K15", severity, places, message, "take {these pairs|this pair} out", leave_out=True)


def _other_prompts(examined: Examined, pairs: list[Pair]) -> Iterator[Finding]:
    places = [pair.place for pair in pairs if pair.before_chosen.split() != pair.before_rejected.split()]
    if places:
        message = "{n} {have|has} another prompt before the chosen answer than before the rejected one"
        severity: Severity = "error" if len(places) >= MANY * len(pairs) else "warning"
        remedy = "pair answers to the same prompt, or take {these pairs|this pair} out"
        yield examined.finding("K15", severity, places, message, remedy, leave_out=True)


def _swapped(examined: Examined, pairs: list[Pair]) -> Iterator[Finding]:
    columns = {column.name for column in examined.columns}
    for better, worse in SCORES:
        if not {better, worse} <= columns:
            continue
        places = [pair.place for pair in pairs if _less(examined.rows[pair.place], better, worse)]
        if places:
            message = f"{{n}} {{reject|rejects}} the answer that its own scores ({better}, {worse}) call the better one"
            severity: Severity = "error" if len(places) >= MANY * len(pairs) else "warning"
            yield examined.finding(
                "K15", severity, places, message, "swap chosen and rejected in {these pairs|this pair}"
            )
    seen: dict[tuple[str, str, str], int] = {}
    against: set[int] = set()
    for pair in pairs:
        prompt, chosen, rejected = (" ".join(t.split()) for t in (pair.before_chosen, pair.chosen, pair.rejected))
        if chosen == rejected:
            continue
        if (other := seen.get((prompt, rejected, chosen))) is not None:
            against |= {other, pair.place}
        seen.setdefault((prompt, chosen, rejected), pair.place)
    if against:
        message = "{n} {contradict|contradicts} another: what one of them chooses the other rejects, after one prompt"
        remedy = "keep the pair that is right, so that each prompt says one thing"
        yield examined.finding("K15", "warning", sorted(against), message, remedy)


def _less(row: dict[str, Any], better: str, worse: str) -> bool:
    values = row.get(better), row.get(worse)
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values) and values[0] < values[1]  # type: ignore[operator]


def _lengths(examined: Examined, pairs: list[Pair]) -> Iterator[Finding]:
    """Whether the length alone would tell the chosen answer from the rejected one."""
    measured = [
        (pair.place, math.log(len(pair.chosen) / len(pair.rejected)))
        for pair in pairs
        if pair.chosen and pair.rejected and pair.chosen.split() != pair.rejected.split()
    ]
    if len(measured) < FEWEST:
        return
    mean = sum(value for _, value in measured) / len(measured)
    spread = math.sqrt(sum((value - mean) ** 2 for _, value in measured) / (len(measured) - 1))
    effect = abs(mean) / spread if spread else math.inf
    longer = mean > 0
    places = [place for place, value in measured if (value > 0 if longer else value < 0)]
    if effect < EFFECT or len(places) < LONGER_IN * len(measured):
        return
    size = f"{effect:.1f} standard deviations" if effect < 100 else "without exception"
    message = (
        f"{{n}} ({share(len(places), len(measured))} of the pairs) {{choose|chooses}} the "
        f"{'longer' if longer else 'shorter'} answer, {size}, so length is learned instead of quality"
    )
    remedy = "balance the lengths, or choose a loss that allows for them, such as DPO with ld_alpha or SimPO"
    yield examined.finding("K15", "warning", places, message, remedy)


def _pairs(examined: Examined) -> Iterator[Pair]:
    for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True)):
        if layout is not None and layout.format == "preference":
            yield _pair(place, row, layout)


def _pair(place: int, row: dict[str, Any], layout: Layout) -> Pair:
    column = layout.columns.get("prompt")
    prompt = "\n".join(said.texts(row.get(column))) if column else ""
    (before, chosen), (before_other, rejected) = (_split(row[name]) for name in ("chosen", "rejected"))
    return Pair(place, f"{prompt}\n{before}", f"{prompt}\n{before_other}", chosen, rejected)


def _split(answer: Any) -> tuple[str, str]:
    """What stands before the last answer, and the answer."""
    if isinstance(answer, list):
        before = "\n".join(f"{said.role_of(turn)}: {' '.join(said.texts(turn))}" for turn in answer[:-1])
        return before, "\n".join(said.texts(answer[-1:]))
    before, mark, last = str(answer or "").rpartition(LAST_ANSWER)
    return (before, last) if mark else ("", last)
