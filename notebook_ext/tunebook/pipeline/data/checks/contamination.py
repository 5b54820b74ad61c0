"""Training rows that hold what a benchmark asks, or how that is solved: K12.

The rule is the usual one: 13 words in a row that are the same, letter case and punctuation aside; a shorter prompt must
be the whole of what a row says in one place. What several items of the benchmark share is its boilerplate, and what is
mostly digits is a list of numbers: neither tells that anything was copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunebook.pipeline.benchmarks import BenchmarkText
from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Skip, Verdict, check
from tunebook.pipeline.data.layout import share
from tunebook.pipeline.data.passages import WIDTH, Words, among, chunks, numbered, of_words, passages
from tunebook.pipeline.data.report import Severity

FEWEST = 4  # words of a prompt that is shorter; fewer are said by anybody


@check("K12")
def benchmark_is_not_trained(examined: Examined) -> Verdict:
    """A benchmark that was trained on measures memory."""
    if examined.against is None:
        raise Skip("needs a benchmark to look for, such as --against humaneval")
    name, items = examined.against, len({text.item for text in examined.against_texts})
    known = _index(examined.against_texts)
    told: dict[int, tuple[str, int]] = {}
    for place in _suspects(examined, known):
        if overlap := _longest(_texts(examined, place), known):
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
            for run in filter(of_words, passages(words)):
                found.setdefault(run, set()).add(text.item)
        elif text.part == "prompt" and len(words) >= FEWEST:
            found.setdefault(tuple(words), set()).add(text.item)
    return {run: next(iter(items)) for run, items in found.items() if len(items) == 1}


def _suspects(examined: Examined, known: dict[Words, str]) -> Iterator[int]:
    """Places of rows that share a number with the index: quick, and nearly always right."""
    import numpy as np

    wanted = np.sort(numbered(list(known), range(len(known)))[0])
    if not len(wanted):
        return
    for chunk in chunks(range(len(examined.rows))):
        texts = [(place, words) for place in chunk for words in _texts(examined, place)]
        flat, rows, _ = numbered([words for _, words in texts], [place for place, _ in texts])
        yield from np.unique(rows[among(flat, wanted)[1]]).tolist()


def _longest(texts: Iterator[list[str]], known: dict[Words, str]) -> tuple[str, int] | None:
    """The item whose text a row shares most of in one place, and how many words that are."""
    best: tuple[str, int] | None = None
    for words in texts:
        item, length = "", 0
        for run in passages(words):
            now = known.get(run, "")
            length = length + 1 if now and now == item else len(run) if now else 0
            item = now
            if now and (best is None or length > best[1]):
                best = (now, length)
    return best


def _texts(examined: Examined, place: int) -> Iterator[list[str]]:
    """The words of each text of a row by itself."""
    return map(said.words, said.apart(examined.rows[place], examined.layouts.of_row[place]))
