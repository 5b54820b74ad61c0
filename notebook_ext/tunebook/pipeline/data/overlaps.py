"""Rows that share a long passage with a held-out row: 13 words in a row, the usual rule for contamination.

A passage that several held-out rows hold says nothing, nor does one with words of a template, which many training rows
share (an instruction, a system prompt). What is mostly digits is a list of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebook.pipeline.data.near import template_shingles
from tunebook.pipeline.data.said import words
from tunebook.pipeline.data.shingles import WIDTH as SHINGLE
from tunebook.pipeline.data.shingles import ngrams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 13  # words
LETTERS = 8  # of the 13 words must have a letter in them
CHUNK = 4096  # rows
CLIP = 100_000  # characters of each text that are looked at

#: The texts of the row at a place, each by itself.
Texts = Callable[[int], Sequence[str]]


@dataclass(frozen=True)
class Overlap:
    """A training row, the held-out row that it shares most with, and how many words in a row that is at the least."""

    place: int
    of: int
    words: int


def overlaps(rows: Sequence[int], train: Texts, held_out: int, held: Texts) -> list[Overlap]:
    """The training rows at these places that share a passage with one of the first `held_out` held-out rows."""
    import numpy as np

    templates = template_shingles(rows, lambda place: (" ".join(train(place)),))
    known, owner = _telling(held_out, held, templates)
    if not len(known):
        return []
    hits: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # (places of training rows, numbers of known passages)
    for start in range(0, len(rows), CHUNK):
        flat, row = _passages(rows[start : start + CHUNK], train, templates)
        at = np.minimum(np.searchsorted(known, flat), len(known) - 1)
        same = known[at] == flat
        hits.append((row[same], at[same]))
    place, passage = (np.concatenate(part) for part in zip(*hits, strict=True))
    pairs = np.unique(np.stack([passage, place], axis=1), axis=0)
    shared: dict[tuple[int, int], int] = {}
    for number, row_at in pairs.tolist():
        key = (row_at, int(owner[number]))
        shared[key] = shared.get(key, 0) + 1
    best: dict[int, Overlap] = {}
    for (row_at, of), count in shared.items():
        found = Overlap(row_at, of, count + WIDTH - 1)
        if row_at not in best or found.words > best[row_at].words:
            best[row_at] = found
    return [best[row_at] for row_at in sorted(best) if _told(train(row_at), held(best[row_at].of))]


def _telling(count: int, held: Texts, templates: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The passages that one held-out row alone has, in order, and which row that is."""
    import numpy as np

    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    parts = [_passages(chunk, held, templates) for chunk in chunks]
    flat, row = (np.concatenate(part) for part in zip(*parts, strict=True))
    if not len(flat):
        return flat, row
    order = np.lexsort((row, flat))
    flat, row = flat[order], row[order]
    opens = np.ones(len(flat), dtype=bool)
    opens[1:] = flat[1:] != flat[:-1]
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(flat)) - 1
    alone = row[first] == row[last]
    return flat[first[alone]], row[first[alone]]


def _passages(
    places: Sequence[int], texts: Texts, templates: NDArray[np.uint64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A number for every 13 words in a row that are no template's, and the place of the row that has them."""
    import numpy as np

    said: list[list[str]] = []
    of: list[int] = []
    for place in places:
        for text in texts(place):
            if len(found := words(text[:CLIP])) >= WIDTH:
                said.append(found)
                of.append(place)
    if not said:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    flat, bounds = ngrams(said, WIDTH)
    row = np.repeat(np.array(of, dtype=np.int64), np.diff(bounds))
    if not len(templates):
        return flat, row
    shingles, starts = ngrams(said, SHINGLE)
    at = np.minimum(np.searchsorted(templates, shingles), len(templates) - 1)
    before = np.concatenate([[0], np.cumsum(templates[at] == shingles)])  # template shingles before each
    first = np.arange(len(flat)) + np.repeat(starts[:-1] - bounds[:-1], np.diff(bounds))
    own = before[first + WIDTH - SHINGLE + 1] == before[first]
    return flat[own], row[own]


def _told(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a passage that both hold is one of words, not of numbers."""
    return bool(_of_words(one) & _of_words(other))


def _of_words(texts: Sequence[str]) -> set[tuple[str, ...]]:
    runs: set[tuple[str, ...]] = set()
    for text in texts:
        found = words(text[:CLIP])
        for at in range(len(found) - WIDTH + 1):
            run = tuple(found[at : at + WIDTH])
            if sum(not word.isdigit() for word in run) >= LETTERS:
                runs.add(run)
    return runs
