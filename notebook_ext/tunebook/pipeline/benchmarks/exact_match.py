"""Exact match: the answer is right if it is the expected text, letter for letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from tunebook.pipeline.benchmarks.base import Ask, Context, Item, Output
from tunebook.pipeline.benchmarks.rows import Row, held_out_rows
from tunebook.pipeline.errors import CallError

#: Room behind the longest expected answer, so that an answer that goes on is seen to go on, and no more is paid for.
MARGIN_TOKENS = 2
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)


def normalised(text: str) -> str:
    """Unicode NFC, white space runs as one space, none at the ends. Case and punctuation stay: they are trained too.

    >>> normalised("  New\\n York ")
    'New York'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


class ExactMatch:
    """Held-out rows of the run's own data: the prompt in, the completion compared after `normalised`.

    Case-sensitive: rows teach one way to write an answer, and who reads it by program needs that one. A closed
    `<think>` block before the answer, which some chat templates put there, is no part of it.
    """

    name = "exact_match"
    metric = "exact match"
    higher_is_better = True
    is_count = True
    asks: Ask = "answer"

    def items(self, context: Context) -> list[Item]:
        """One item a row. Raises CallError unless every row has a prompt and one answer."""
        return [_item(name, row) for name, row in held_out_rows(context)]

    def score(self, item: Item, output: Output) -> bool:
        answer = _THOUGHT.sub("", str(output), count=1)
        return normalised(answer) == normalised(item.expected)

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        return max(tokens(item) for item in items) + MARGIN_TOKENS


def _item(name: str, row: Row) -> Item:
    prompt, expected = row.get("prompt"), answer_of(row.get("completion"))
    if not isinstance(prompt, str | list) or expected is None:
        raise CallError(
            "benchmark",
            f"exact_match needs a prompt and one answer in every held-out row, and row {name} has not",
            "use `benchmark: heldout_loss`, or data with a prompt and a completion",
        )
    return Item(id=name, prompt=prompt, expected=expected, row=row)


def answer_of(completion: Any) -> str | None:
    """The text of a completion, given as text or as one assistant turn; None if it is anything else."""
    if isinstance(completion, list) and len(completion) == 1 and isinstance(completion[0], dict):
        completion = completion[0].get("content")
    return completion if isinstance(completion, str) else None
