"""What flawed data sets are made of: the case itself, sentences that share little, and rows of prompt and completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Row = dict[str, Any]

NAMES = "Ada Bo Cleo Dirk Esme Finn Greta Hugo Iris Jonas Kira Liam Mona Nils Olga Piet Quin Rosa Sven Tilda".split()
PLACES = "Accra Bergen Cusco Delft Essen Faro Ghent Hanoi Izmir Jena Kobe Lagos Malmo Nantes Oslo Porto Quito".split()
THINGS = "anchor basket candle drum easel flute guitar hammer inkwell jacket kettle lantern mirror needle oven".split()
DEEDS = "bought carried dropped emptied found guarded hid inspected lost mended painted repaired sold traded".split()
TIMES = "at dawn|before noon|on Monday|after supper|in March|during the storm|last winter|by accident".split("|")

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Flawed:
    """A set with flaws, the numbers of its flawed rows, and its clean twin. `keywords` go to `inspect_data`.

    `change` makes the tokenizer that the case needs of the real one; without it the set is looked at without a model.
    """

    rows: list[Row]
    flawed: list[int]
    clean: list[Row]
    held_out: list[Row] | None = None
    clean_held_out: list[Row] | None = None
    keywords: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Any], None] | None = None


def sentence(random: Random) -> str:
    """One of many sentences of 20 words or so, no two of which share much."""
    clauses = (
        f"{random.choice(NAMES)} {random.choice(DEEDS)} {random.randint(2, 90)} {random.choice(THINGS)}s "
        f"{random.choice(TIMES)} in {random.choice(PLACES)}"
        for _ in range(3)
    )
    return ", then ".join(clauses)


def pair(random: Random) -> Row:
    """A prompt and an answer, each with a sentence of its own."""
    return turns(f"Tell it in your own words: {sentence(random)}.", f"{sentence(random)}.")


def turns(question: Any, answer: Any) -> Row:
    return {"prompt": [{"role": "user", "content": question}], "completion": [{"role": "assistant", "content": answer}]}


def question_of(row: Row) -> str:
    return str(row["prompt"][0]["content"])


def answer_of(row: Row) -> str:
    return str(row["completion"][0]["content"])


def pairs(random: Random, count: int = 60) -> list[Row]:
    return [pair(random) for _ in range(count)]


def with_rows(random: Random, clean: list[Row], spoiled: list[Row], **more: Any) -> Flawed:
    """The clean rows with the spoiled ones put between them at random, their order kept."""
    total = len(clean) + len(spoiled)
    flawed = sorted(random.sample(range(total), len(spoiled)))
    left, bad, rows = iter(clean), iter(spoiled), []
    for number in range(total):
        rows.append(next(bad) if number in set(flawed) else next(left))
    return Flawed(rows, flawed, clean, **more)


def reworded(text: str, random: Random) -> str:
    """The same text with one word of it replaced."""
    said = text.split(" ")
    said[random.randrange(len(said))] = "elsewhere"
    return " ".join(said)
