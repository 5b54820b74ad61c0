"""The rewards of a GRPO plan: those that were named, else what the data set's own columns let a program check."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.rewards import (
    RewardCheck,
    choose,
    environment,
    parse_rewards,
    reward_code,
    try_environment,
    try_rewards,
)
from tunebook.pipeline.spec import Spec


def rewards_of(inspection: Inspection) -> tuple[list[str], str]:
    """The rewards by name, as the field takes them, and why."""
    chosen = choose(inspection.sample)
    return [one.said() for one in chosen], "; ".join(dict.fromkeys(one.why for one in chosen if one.why))


def reward_question(spec: Spec, inspection: Inspection) -> Question | None:
    """What to ask where nothing is named and nothing in the rows lets a program check an answer, or where what is named
    fails on the rows: rewards are tried on real and on spoiled answers before anything is trained with them.

    Raises CallError for a reward or an environment that is not there.
    """
    names = spec.rewards if spec.rewards is not None else rewards_of(inspection)[0]
    if not names and spec.environment is None:
        why = (
            "are needed: nothing in the rows lets a program check an answer; name some, such as `rewards: length(1-50)`"
        )
        return Question(
            field="rewards", why=f"{why}, or a function of your own, such as `rewards: my_rewards.py:polite`"
        )
    if failed := _failed(
        try_rewards(reward_code(parse_rewards(names)), inspection.sample, conversational=_turns(inspection))
    ):
        return Question(field="rewards", why=f"failed on the rows: {failed.evidence}")
    if spec.environment is not None and (
        failed := _failed(try_environment(environment(spec.environment), inspection.sample))
    ):
        return Question(field="environment", why=f"failed on the rows: {failed.evidence}")
    return None


def _failed(checks: list[RewardCheck]) -> RewardCheck | None:
    return next((check for check in checks if not check.passed), None)


def _turns(inspection: Inspection) -> bool:
    return bool(inspection.sample) and isinstance(inspection.sample[0].get("prompt"), list)


def rewarded(settled: dict[str, Any]) -> dict[str, Any]:
    """Fields of TrainSettings."""
    found: dict[str, Any] = {name: settled[name] for name in ("num_generations", "max_completion_length")}
    found["rewards"] = reward_code(parse_rewards(settled.get("rewards") or []))
    if settled.get("environment"):
        found["environment"] = environment(settled["environment"])
    return found
