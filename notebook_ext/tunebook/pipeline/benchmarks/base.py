"""What a benchmark is: items to put to a model, and a rule that scores what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

#: Text as it stands, or turns `{"role", "content"}` for the model's chat template.
Prompt = str | list[dict[str, Any]]


@dataclass(frozen=True)
class Item:
    """One question. `row` is the row that it came from, ready for TRL; empty where there is none."""

    id: str
    prompt: Prompt
    expected: str
    row: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a benchmark may draw its items from."""

    rows_file: Path | None = None  # held-out rows as jsonl, in one of TRL's formats
    limit: int | None = None  # at most so many items
    seed: int = 0  # which ones, where the limit leaves some out


@dataclass(frozen=True)
class BenchmarkText:
    """A text that must not be trained on by who wants to be scored honestly: of which item, and which part of it."""

    item: str
    part: Literal["prompt", "solution"]
    text: str


class Benchmark(Protocol):
    """Found by name in the entry-point group `tunebook.benchmarks`: an instance, or a class that takes no arguments.

    `asks` says what a model does with an item: "answer" (a greedy completion, scored as text) or "loss" (the mean
    loss of the row's trained tokens, in nats a token, scored as that number).

    A benchmark whose items are always the same may also have `texts() -> Iterable[BenchmarkText]`, what it asks and how
    that is solved: `inspect --against NAME` looks for them in training rows (see `benchmarks.texts`).
    """

    name: str
    metric: str  # in words: "exact match"
    higher_is_better: bool
    is_count: bool  # every item is passed or not; else the score is the mean of the items' values
    asks: Literal["answer", "loss"]

    def items(self, context: Context) -> list[Item]:
        """At least one item, ids distinct, the same for the same context. Raises CallError if there is none."""
        ...

    def score(self, item: Item, output: str | float) -> bool | float:
        """Passed or not (a count), or the item's value. `output` is the completion's text or the loss."""
        ...

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        """How many tokens a model may answer with. `tokens` counts those of an expected answer, its end included."""
        ...
