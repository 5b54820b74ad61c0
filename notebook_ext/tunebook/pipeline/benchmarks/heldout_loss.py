"""Held-out loss: how surprised a model is by answers that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tunebook.pipeline.benchmarks.base import Ask, Context, Item, Output, number
from tunebook.pipeline.benchmarks.exact_match import answer_of
from tunebook.pipeline.benchmarks.rows import held_out_rows


class HeldoutLoss:
    """The mean over held-out rows of each row's mean loss, in nats a trained token; lower is better.

    Every row weighs the same, since rows are what was sampled: long answers do not drown short ones. A training's
    `eval_loss` averages tokens within a batch, so it can differ a little.
    """

    name = "heldout_loss"
    metric = "loss, nats a token"
    higher_is_better = False
    is_count = False
    asks: Ask = "loss"

    def items(self, context: Context) -> list[Item]:
        """One item a row, in any of TRL's formats for supervised training."""
        return [
            Item(id=name, prompt=row.get("prompt", ""), expected=answer_of(row.get("completion")) or "", row=row)
            for name, row in held_out_rows(context)
        ]

    def score(self, item: Item, output: Output) -> float:
        return number(output)

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        return 0
