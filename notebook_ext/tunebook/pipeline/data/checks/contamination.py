"""Training rows that hold what a benchmark asks, or how that is solved: K12.

The rule is the usual one: 13 words in a row that are the same, letter case and punctuation aside; a shorter prompt must
be the whole of what a row says in one place. What several items of the benchmark share is its boilerplate, and what is
mostly digits is a list of numbers: neither tells that anything was copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tunebook.pipeline.benchmarks import BenchmarkText
from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import Layout, share
from tunebook.pipeline.data.report import Severity
from tunebook.pipeline.data.shingles import ngrams

WIDTH = 13  # words
FEWEST = 4  # words of a prompt that is shorter; fewer are said by anybody
LETTERS = 8  # of the 13 words must have a letter in them
CHUNK = 4096

Words = tuple[str, ...]


@check("K12")
def benchmark_is_not_trained(examined: Examined) -> Verdict:
    """A benchmark that was trained on measures memory."""
    if examined.against is None:
        raise Skip("needs a benchmark to look for, such as --against humaneval")
    name, items = examined.against, len({text.item for text in examined.against_texts})
    known = _index(examined.against_texts)
    told: dict[int, tuple[str, int]] = {}
    for place in _suspects(examined, known):
        if overlap := _longest(_texts(examined.rows[place], examined.layouts.of_row[place]), known):
            told[place] = overlap
    if not told:
        return Verdict(f"none of {len(examined.rows):,} rows holds a text of the {items:,} items of {name}")
    place, (item, words) = next(iter(told.items()))
    leaked = len({item for item, _ in told.values()})
    message = f"{{n}} {{hold|holds}} text of {leaked:,} of the {items:,} items of {name}"
    evidence = f"row {examined.numbers[place]} shares {words:,} words in a row with {' '.join(item.split())[:80]}"
    severity: Severity = "error" if leaked >= 0.1 * items else "warning"
    remedy = f"take these rows out before a model is scored on {name}"
    why = f"{leaked:,} of {items:,} items ({share(leaked, items)}) are trained"
    return Verdict(why, [examined.finding("K12", severity, list(told), message, remedy, evidence)])


def _index(texts: Sequence[BenchmarkText]) -> dict[Words, str]:
    """What gives a copy away, and the item that it is from."""
    found: dict[Words, set[str]] = {}
    for text in texts:
        words = said.words(text.text)
        if len(words) >= WIDTH:
            telling = (run for run in _runs(words) if sum(not word.isdigit() for word in run) >= LETTERS)
            for run in telling:
                found.setdefault(run, set()).add(text.item)
        elif text.part == "prompt" and len(words) >= FEWEST:
            found.setdefault(tuple(words), set()).add(text.item)
    return {run: next(iter(items)) for run, items in found.items() if len(items) == 1}


def _runs(words: Sequence[str]) -> Iterator[Words]:
    """Every 13 words in a row; of fewer words, all."""
    for at in range(max(1, len(words) - WIDTH + 1)):
        yield tuple(words[at : at + WIDTH])


def _suspects(examined: Examined, known: dict[Words, str]) -> Iterator[int]:
    """Places of rows that share a number with the index: quick, and nearly always right."""
    import numpy as np

    wanted = np.sort(ngrams(list(known), WIDTH)[0])
    if not len(wanted):
        return
    for start in range(0, len(examined.rows), CHUNK):
        texts: list[list[str]] = []
        place_of: list[int] = []
        for place in range(start, min(start + CHUNK, len(examined.rows))):
            for words in _texts(examined.rows[place], examined.layouts.of_row[place]):
                texts.append(words)
                place_of.append(place)
        if not texts:
            continue
        flat, bounds = ngrams(texts, WIDTH)
        hit = wanted[np.minimum(np.searchsorted(wanted, flat), len(wanted) - 1)] == flat
        rows = np.repeat(np.array(place_of), np.diff(bounds))[hit]
        yield from np.unique(rows).tolist()


def _longest(texts: Iterator[list[str]], known: dict[Words, str]) -> tuple[str, int] | None:
    """The item whose text a row shares most of in one place, and how many words that are."""
    best: tuple[str, int] | None = None
    for words in texts:
        item, length = "", 0
        for run in _runs(words):
            now = known.get(run, "")
            length = length + 1 if now and now == item else len(run) if now else 0
            item = now
            if now and (best is None or length > best[1]):
                best = (now, length)
    return best


def _texts(row: dict[str, Any], layout: Layout | None) -> Iterator[list[str]]:
    """The words of each text of a row by itself."""
    for _, column in layout.parts if layout else ():
        for text in said.texts(row.get(column)):
            yield said.words(text)
