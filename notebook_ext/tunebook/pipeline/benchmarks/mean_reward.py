"""Mean reward: what a run's own reward functions give for greedy answers to held-out prompts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tunebook.pipeline.benchmarks.base import Ask, Context, Item, Output
from tunebook.pipeline.benchmarks.reward_code import Rewards, rewards_of
from tunebook.pipeline.benchmarks.rows import check_shape, held_out_rows, last_text
from tunebook.pipeline.errors import CallError

MAX_NEW_TOKENS = 256  # what GRPO's trainer lets an answer have, unless it is told otherwise


class MeanReward:
    """The mean over held-out prompts of the weighted sum of the rewards, in the rewards' own unit.

    The functions are those that the run trained with, called as TRL calls them: with all prompts and answers of a
    target at once and every other column of the rows. The answers are greedy, so that the same model gets the same
    score twice; while training they are sampled, so its curve of rewards can differ.

    A function may return None where it does not apply; what it would add is then left out, as while training. A row to
    which none applies has no reward at all, and a mean over other rows for each target would not be comparable: such a
    row is an error.
    """

    name = "mean_reward"
    metric = "reward"
    higher_is_better = True
    is_count = False
    asks: Ask = "answer"

    def __init__(self) -> None:
        self._rewards: Rewards | None = None  # known when the items are

    def items(self, context: Context) -> list[Item]:
        """One item a row. Raises CallError without reward functions, or for a row without a prompt."""
        if context.rewards is None:
            raise CallError("rewards", "are missing", "evaluate a run, which has its own, or give their source")
        self._rewards = rewards_of(context.rewards)
        rows = held_out_rows(context)
        check_shape(rows, ("prompt",), self.name)
        return [
            Item(id=name, prompt=row["prompt"], expected=last_text(row.get("answer") or ""), row=row)
            for name, row in rows
        ]

    def score(self, item: Item, output: Output) -> float:
        return self.scores([item], [output])[0]

    def scores(self, items: Sequence[Item], outputs: Sequence[Output]) -> list[float]:
        """Each answer's reward. Raises CallError for a function that fails, and for a row that none of them scores."""
        assert self._rewards is not None, "the items come first"
        totals = self._rewards.totals([item.row for item in items], [str(output) for output in outputs], _ids(outputs))
        for item, total in zip(items, totals, strict=True):
            if math.isnan(total):
                raise CallError(
                    "rewards",
                    f"give no number for row {item.id}",
                    "let at least one of them return a number for each held-out row",
                )
        return totals

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        return MAX_NEW_TOKENS


def _ids(outputs: Sequence[Output]) -> list[list[int]] | None:
    """The answers' tokens; None where some come from a file, which has texts alone."""
    found: list[Any] = [getattr(output, "ids", None) for output in outputs]
    return None if None in found else found
