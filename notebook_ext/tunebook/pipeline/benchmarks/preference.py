"""Preference: of two answers to a prompt, the model finds the chosen one more likely."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tunebook.pipeline.benchmarks.base import Ask, Context, Item, Output, Pair
from tunebook.pipeline.benchmarks.rows import pair_items


class _Ranked:
    """Pairs whose chosen answer is to come out above the rejected one, by whatever the target is asked for."""

    name: str
    higher_is_better = True
    is_count = True

    def items(self, context: Context) -> list[Item]:
        """One item a pair. Raises CallError unless every row has a chosen and a rejected answer."""
        return pair_items(context, self.name)

    def score(self, item: Item, output: Output) -> bool:
        assert isinstance(output, Pair)
        return output.chosen > output.rejected

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        return 0


class Preference(_Ranked):
    """The share of held-out pairs whose chosen answer has the higher mean log-probability a token.

    Tokens are DPO's: the answer's own, with what the template or the end token adds, behind the same prompt.

    Why not DPO's own implicit reward: it is a difference from the base, so the base itself has none; the ranking by
    log-probability is there for every model, and the base and its checkpoints are asked the same.

    Why a mean and not the sum: a sum falls with every token, so the shorter answer wins, whichever was chosen. Of 49
    pairs that differed by 4 tokens or more, SmolLM2-135M gave the shorter answer the higher sum 48 times, and the higher
    mean 22 times.

    An exact tie is no preference: the pair is not passed.
    """

    name = "preference"
    metric = "chosen above rejected"
    asks: Ask = "pair"


class RewardAccuracy(_Ranked):
    """The share of held-out pairs whose chosen answer a reward model scores above the rejected one.

    A language model has no score: the head that training gives it begins as random numbers. One such head orders all
    pairs by one random direction, so its share may be 0.35 or 0.65 by luck and says nothing about the base. A target
    without a trained head is therefore not asked: it is a coin toss, 0.5 of each pair, by definition.
    """

    name = "reward_accuracy"
    metric = "chosen scored above rejected"
    asks: Ask = "reward"
