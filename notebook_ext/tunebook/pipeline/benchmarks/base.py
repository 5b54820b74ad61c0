"""What a benchmark is: items to put to a model, and a rule that scores what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

#: Text as it stands, or turns `{"role", "content"}` for the model's chat template.
Prompt = str | list[dict[str, Any]]
#: What a model does with an item: see `Benchmark`.
Ask = Literal["answer", "loss", "pair", "reward"]


class Answer(str):
    """The text of an answer that knows the tokens it was made of, the end token with them where there was one."""

    __slots__ = ("ids",)
    ids: list[int]

    def __new__(cls, text: str, ids: list[int]) -> Answer:
        answer = super().__new__(cls, text)
        answer.ids = ids
        return answer


@dataclass(frozen=True)
class Pair:
    """What a model makes of the two answers of a pair, in the same unit: more is liked better."""

    chosen: float
    rejected: float


#: What a model gives for an item, by what was asked: an answer's text, a loss, or a pair.
Output = str | float | Pair


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
    rewards: str | None = None  # the source of a run's own reward functions


@dataclass(frozen=True)
class BenchmarkText:
    """A text that must not be trained on by who wants to be scored honestly: of which item, and which part of it."""

    item: str
    part: Literal["prompt", "solution"]
    text: str


class Benchmark(Protocol):
    """Found by name in the entry-point group `tunebook.benchmarks`: an instance, or a class that takes no arguments.

    `asks` says what a model does with an item:
    - "answer": a greedy completion, scored as text;
    - "loss": the mean loss of the row's trained tokens, in nats a token, scored as that number;
    - "pair": the mean log-probability a token of the row's chosen and of its rejected answer, scored as a `Pair`;
    - "reward": the score that a reward model gives to each of the two, scored as a `Pair`.

    Where items cannot be scored one by one, a benchmark may also have `scores(items, outputs) -> list[bool | float]`,
    which is then asked for all items of a target at once. Where its score is a share and still no count, it may have
    `comparisons(items) -> int`: of how many independent ones it is a share, at least; so 1 of few is not called certain.

    A benchmark whose items are always the same may also have `texts() -> Iterable[BenchmarkText]`, what it asks and how
    that is solved: `inspect --against NAME` looks for them in training rows (see `benchmarks.texts`).
    """

    name: str
    metric: str  # in words: "exact match"
    higher_is_better: bool
    is_count: bool  # every item is passed or not; else the score is the mean of the items' values
    asks: Ask

    def items(self, context: Context) -> list[Item]:
        """At least one item, ids distinct, the same for the same context. Raises CallError if there is none."""
        ...

    def score(self, item: Item, output: Output) -> bool | float:
        """Passed or not (a count), or the item's value. `output` is what the model gave for what was asked."""
        ...

    def max_new_tokens(self, items: Sequence[Item], tokens: Callable[[Item], int]) -> int:
        """How many tokens a model may answer with. `tokens` counts those of an expected answer, its end included."""
        ...


def number(output: Output) -> float:
    """An output that was asked for as a number."""
    assert isinstance(output, int | float)
    return float(output)
