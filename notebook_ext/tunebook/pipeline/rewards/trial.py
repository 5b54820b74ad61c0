"""The trial of rewards before anything is trained: on the rows' right answers, and on answers that are wrong."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.rewards.catalogue import BUILT_IN
from tunebook.pipeline.rewards.embed import RewardCode
from tunebook.pipeline.rewards.trial_process import tried_apart
from tunebook.pipeline.rewards.tried import Row, Tried, tried_on

ROWS = 8  # are tried: what is wrong with a reward shows in a few
SECONDS = 180.0
_NOT_COLUMNS = ("prompt", "completion", "completion_ids")


class RewardCheck(BaseModel):
    """`id` is the reward's name and what was checked: numeric.runs, numeric.numbers, numeric.varies, numeric.right_first."""

    id: str
    passed: bool
    evidence: str


def try_rewards(
    code: RewardCode, rows: list[Row], *, conversational: bool, seconds: float = SECONDS
) -> list[RewardCheck]:
    """What each reward does with answers to real rows. It is run in a process of its own and never raises.

    Built-in rewards that judge answers must put every right one above every wrong one. Of those that judge the form, and
    of a person's own, only what any reward must do is asked: to run, to give numbers, and to tell answers apart.
    """
    rows = rows[:ROWS]
    if not code.names:
        return []
    if not rows:
        return [
            RewardCheck(id=f"{name}.runs", passed=False, evidence="there is no row to try it on") for name in code.names
        ]
    groups = {name: [tried_on(row, rows, name if name in code.built_in else "") for row in rows] for name in code.names}
    calls = [
        [_call(row, rows, group, conversational) for row, group in zip(rows, groups[name], strict=True)]
        for name in code.names
    ]
    asked = {"what": "rewards", "source": code.source, "names": code.names, "calls": calls}
    found = tried_apart(asked, seconds)
    checks: list[RewardCheck] = []
    for name in code.names:
        built_in = BUILT_IN[name] if name in code.built_in else None
        results = found["results"].get(name)
        if results is None:
            checks.append(_not_run(name, found))
        else:
            judges = built_in.judges if built_in else "form"
            checks += _checks(name, results, groups[name], judges == "answer", _missing(name if built_in else "", rows))
    return checks


def _call(row: Row, rows: list[Row], group: list[Tried], conversational: bool) -> dict[str, Any]:
    """As TRL calls: one list for each column, with the row's value once for each answer."""
    many = len(group)
    columns = dict.fromkeys(name for one in rows for name in one if name not in _NOT_COLUMNS)
    texts = [tried.text for tried in group]
    completions: list[Any] = (
        [[{"role": "assistant", "content": text}] for text in texts] if conversational else list(texts)
    )
    call: dict[str, Any] = {name: [row.get(name)] * many for name in columns}
    call |= {"prompts": [row.get("prompt")] * many, "completions": completions}
    return call | {"completion_ids": [[0] * max(1, len(text) // 4) for text in texts]}


def _missing(name: str, rows: list[Row]) -> str | None:
    built_in = BUILT_IN.get(name)
    if built_in is None or not built_in.columns:
        return None
    needed = built_in.columns[0]
    if needed == "tests":
        return None
    return None if any(row.get(needed) is not None for row in rows) else needed


def _not_run(name: str, found: dict[str, Any]) -> RewardCheck:
    why = found.get("error", "it was not reached")
    if found["step"] == name:
        evidence = f"{name} did not come back: {why}. Make it return for every answer, however long or odd"
    elif found["step"] == "load":
        evidence = f"the source of the rewards cannot be loaded: {why}. Mend it, or install what it imports"
    else:
        evidence = f"{name} was not tried, since {found['step']} did not come back"
    return RewardCheck(id=f"{name}.runs", passed=False, evidence=f"{evidence}.")


def _checks(
    name: str, results: list[dict[str, Any]], groups: list[list[Tried]], ranks: bool, missing: str | None
) -> list[RewardCheck]:
    total = sum(len(group) for group in groups)
    failed = next((number for number, one in enumerate(results) if one.get("error")), None)
    if failed is not None:
        why = results[failed]["error"]
        remedy = (
            f"the rows have no column {missing}: choose another reward"
            if missing
            else "mend it, or let it return 0.0 for such an answer"
        )
        return [
            RewardCheck(id=f"{name}.runs", passed=False, evidence=f"{name} failed on row {failed} ({why}): {remedy}.")
        ]
    runs = RewardCheck(id=f"{name}.runs", passed=True, evidence=f"{total} answers to {len(groups)} rows, none failed")
    numbers = _numbers(name, results, groups, total)
    if not numbers.passed:
        return [runs, numbers]
    scores = [one["scores"] for one in results]
    unknown = ranks and not any(tried.right for group in groups for tried in group)
    checks = [runs, numbers, _varies(name, scores, total, unknown)]
    return [*checks, _right_first(name, scores, groups)] if ranks else checks


def _numbers(name: str, results: list[dict[str, Any]], groups: list[list[Tried]], total: int) -> RewardCheck:
    at = f"{name}.numbers"
    for one, group in zip(results, groups, strict=True):
        if "wrong" in one:
            return RewardCheck(
                id=at,
                passed=False,
                evidence=f"{name} gave {one['wrong']} ({one['of']}), which is no finite number: "
                "return a float, or None for a row it cannot judge.",
            )
        if len(one["scores"]) != len(group):
            return RewardCheck(
                id=at,
                passed=False,
                evidence=f"{name} gave {len(one['scores'])} scores for {len(group)} answers: "
                "return one for each, in their order.",
            )
    given = [value for one in results for value in one["scores"] if value is not None]
    if not given:
        return RewardCheck(
            id=at,
            passed=False,
            evidence=f"{name} gave None for each of {total} answers: the rows have nothing it can judge by: "
            "choose another reward.",
        )
    left = total - len(given)
    return RewardCheck(
        id=at,
        passed=True,
        evidence=f"{len(given)} numbers from {min(given):g} to {max(given):g}"
        + (f", {left} times None" if left else ""),
    )


def _varies(name: str, scores: list[list[float | None]], total: int, unknown: bool) -> RewardCheck:
    """`unknown`: no row says which answer is right, so that only wrong ones were tried."""
    different = sum(len({value for value in group if value is not None}) > 1 for group in scores)
    if different:
        return RewardCheck(
            id=f"{name}.varies", passed=True, evidence=f"scores differ within {different} of {len(scores)} groups"
        )
    if unknown:
        told = f"{total} wrong answers are told apart by nothing; the rows say no right one to try it on"
        return RewardCheck(id=f"{name}.varies", passed=True, evidence=told)
    value = next(value for group in scores for value in group if value is not None)
    same = (
        f"{value:g} for every one of {total} answers"
        if len({v for g in scores for v in g if v is not None}) == 1
        else "every answer to a row the same score"
    )
    return RewardCheck(
        id=f"{name}.varies",
        passed=False,
        evidence=f"{name} gave {same}, so that nothing can be learned from it: score good answers above bad ones.",
    )


def _right_first(name: str, scores: list[list[float | None]], groups: list[list[Tried]]) -> RewardCheck:
    at, first, of, least, most = f"{name}.right_first", 0, 0, 1.0, 0.0
    wrongly: str | None = None
    for number, (values, group) in enumerate(zip(scores, groups, strict=True)):
        right = [
            (value, tried) for value, tried in zip(values, group, strict=True) if tried.right and value is not None
        ]
        wrong = [
            (value, tried)
            for value, tried in zip(values, group, strict=True)
            if tried.right is False and value is not None
        ]
        if not right or not wrong:
            continue
        of += 1
        low, high = min(right, key=lambda pair: pair[0]), max(wrong, key=lambda pair: pair[0])
        least, most = min(least, low[0]), max(most, high[0])
        if low[0] > high[0]:
            first += 1
        else:
            wrongly = wrongly or f"in row {number} {low[1].what} has {low[0]:g} and {high[1].what} has {high[0]:g}"
    if not of:
        return RewardCheck(
            id=at, passed=True, evidence="no row has a right answer to try it on; only wrong ones were tried"
        )
    if wrongly:
        return RewardCheck(
            id=at,
            passed=False,
            evidence=f"{name} puts the right answer first in {first} of {of} rows; "
            f"{wrongly}: look at that row's answer, or choose another reward.",
        )
    return RewardCheck(
        id=at,
        passed=True,
        evidence=f"first in {first} of {of} rows: right answers have at least {least:g}, wrong ones at most {most:g}",
    )
