"""A generator of flawed data sets for each silent killer: which rows are flawed is known, and a clean twin goes with it.

`FLAWS[id](random)` makes them; the same seed makes the same rows. The twin is the same set before it was spoiled, so a
check that finds something in it is wrong, and so is one that finds other rows than the ones named.
"""

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


@dataclass(frozen=True)
class Flawed:
    """A set with flaws, the numbers of its flawed rows, and its clean twin. `keywords` go to `inspect_data`."""

    rows: list[Row]
    flawed: list[int]
    clean: list[Row]
    held_out: list[Row] | None = None
    clean_held_out: list[Row] | None = None
    keywords: dict[str, Any] = field(default_factory=dict)


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


def held_out_and_trained(random: Random) -> Flawed:
    """K11: some held-out questions are trained too, word for word or with a word changed."""
    clean, held_out = pairs(random), pairs(random, 30)
    asked = random.sample(held_out, 5)
    exact = [turns(question_of(row).upper(), answer_of(row)) for row in asked[:2]]
    near = [turns(reworded(question_of(row), random), answer_of(row)) for row in asked[2:]]
    return with_rows(random, clean, [*exact, *near], held_out=held_out, clean_held_out=held_out)


def trained_twice(random: Random) -> Flawed:
    """K13: copies of rows behind them, word for word or with a word of the prompt or the answer changed."""
    clean = pairs(random)
    chosen = random.sample(clean, 9)
    copies = [turns(question_of(row), f"  {answer_of(row).upper()}") for row in chosen[:3]]
    copies += [turns(reworded(question_of(row), random), answer_of(row)) for row in chosen[3:6]]
    copies += [turns(question_of(row), reworded(answer_of(row), random)) for row in chosen[6:]]
    return Flawed([*clean, *copies], list(range(60, 69)), clean)


def problem(random: Random) -> Row:
    """A row of code that is nobody's benchmark."""
    name = f"{random.choice(DEEDS)}_{random.choice(THINGS)}"
    steps = "\n".join(
        f"    {random.choice(THINGS)} = {random.choice(THINGS)} * {random.randint(2, 99)}" for _ in range(6)
    )
    question = f"Write {name}(x). {sentence(random)}.\n>>> {name}({random.randint(1, 9)})"
    return turns(question, f"from typing import List\n\ndef {name}(x: int) -> List[int]:\n{steps}\n    return [x]")


def benchmark_trained(random: Random) -> Flawed:
    """K12: a prompt in other letters, a solution within other text, a part of a prompt. All of HumanEval."""
    from tunebook.pipeline.benchmarks import benchmark_texts

    texts = [text for text in benchmark_texts("humaneval") if len(text.text.split()) > 40]
    prompts = [text.text for text in texts if text.part == "prompt"]
    solutions = [text.text for text in texts if text.part == "solution"]
    clean = [problem(random) for _ in range(50)]
    shouted, part = random.sample(prompts, 2)
    spoiled = [
        turns(shouted.upper(), sentence(random)),
        turns(sentence(random), f"Here you are:\n{random.choice(solutions)}\nHave fun."),
        turns(f"{sentence(random)}: {' '.join(part.split()[5:30])} {sentence(random)}", sentence(random)),
    ]
    return with_rows(random, clean, spoiled, keywords={"against": "humaneval"})


FLAWS: dict[str, Callable[[Random], Flawed]] = {
    "K11": held_out_and_trained,
    "K12": benchmark_trained,
    "K13": trained_twice,
}
