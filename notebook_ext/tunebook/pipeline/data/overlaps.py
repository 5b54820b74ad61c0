"""Rows that share a long passage with a held-out row: 13 words in a row, the usual rule for contamination.

A passage that several held-out rows hold says nothing, nor does one with words of a template, which many training rows
share (an instruction, a system prompt). What is mostly digits is a list of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunebook.pipeline.data import passages
from tunebook.pipeline.data.near import template_shingles
from tunebook.pipeline.data.passages import WIDTH
from tunebook.pipeline.data.said import words
from tunebook.pipeline.data.shingles import WIDTH as SHINGLE
from tunebook.pipeline.data.shingles import ngrams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

    if not rows:
        return []
    templates = template_shingles(rows, lambda place: (" ".join(train(place)),))
    known, owner = _telling(held_out, held, templates)
    if not len(known):
        return []
    hits: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # (places of training rows, numbers of known passages)
    for chunk in passages.chunks(rows):
        flat, row = _passages(chunk, train, templates)
        at, same = passages.among(flat, known)
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

    parts = [_passages(chunk, held, templates) for chunk in passages.chunks(range(count))]
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
    flat, row, bounds = passages.numbered(said, of)
    if not len(templates) or not len(flat):
        return flat, row
    shingles, starts = ngrams(said, SHINGLE)
    before = np.concatenate([[0], np.cumsum(passages.among(shingles, templates)[1])])  # template shingles before each
    first = np.arange(len(flat)) + np.repeat(starts[:-1] - bounds[:-1], np.diff(bounds))
    own = before[first + WIDTH - SHINGLE + 1] == before[first]
    return flat[own], row[own]


def _told(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a passage that both hold is one of words, not of numbers."""
    return bool(_of_words(one) & _of_words(other))


def _of_words(texts: Sequence[str]) -> set[passages.Words]:
    found = (words(text[:CLIP]) for text in texts)
    long = (said for said in found if len(said) >= WIDTH)
    return {passage for said in long for passage in passages.passages(said) if passages.of_words(passage)}
