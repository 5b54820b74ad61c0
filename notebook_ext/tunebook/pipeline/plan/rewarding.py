"""The rewards of a GRPO plan: those that were named, else what the data set's own columns let a program check."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.spec import Spec


def rewards_of(inspection: Inspection) -> tuple[list[str], str]:
    """The rewards by name, as the field takes them, and why."""
    from tunebook.pipeline.rewards import choose

    chosen = choose(inspection.sample)
    return [one.said() for one in chosen], "; ".join(dict.fromkeys(one.why for one in chosen if one.why))


def reward_question(spec: Spec, inspection: Inspection) -> Question | None:
    """What to ask where nothing is named and nothing in the rows lets a program check an answer.

    Raises CallError for a reward or an environment that is not there.
    """
    from tunebook.pipeline.rewards import choose, environment_code, parse_rewards, reward_code

    if spec.environment is not None:
        environment_code(spec.environment)
    if spec.rewards is not None:
        reward_code(parse_rewards(spec.rewards))
    elif spec.environment is None and not choose(inspection.sample):
        why = "are needed: nothing in the rows lets a program check an answer; name some, such as `rewards: length`"
        return Question(
            field="rewards", why=f"{why}, or a function of your own, such as `rewards: my_rewards.py:polite`"
        )
    return None


def rewarded(settled: dict[str, Any]) -> dict[str, Any]:
    """Fields of TrainSettings."""
    from tunebook.pipeline.rewards import environment_code, parse_rewards, reward_code

    names = settled.get("rewards") or []
    found: dict[str, Any] = {name: settled[name] for name in ("num_generations", "max_completion_length")}
    found["rewards"] = reward_code(parse_rewards(names))
    if settled.get("environment"):
        found["environment"] = environment_code(settled["environment"])
    return found
