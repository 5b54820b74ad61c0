"""Passages: 13 words in a row, letter case and punctuation aside. That two texts have one in common is the usual rule for
telling that one was copied; what is mostly digits is a list of numbers and tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tunebook.pipeline.data.shingles import ngrams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 13  # words
LETTERS = 8  # of the 13 words must have a letter in them
_CHUNK = 4096  # rows

Words = tuple[str, ...]


def passages(words: Sequence[str]) -> Iterator[Words]:
    """Every 13 words in a row; of fewer words, all."""
    for at in range(max(1, len(words) - WIDTH + 1)):
        yield tuple(words[at : at + WIDTH])


def of_words(passage: Words) -> bool:
    """Whether enough of it are words, not numbers."""
    return sum(any(map(str.isalpha, word)) for word in passage) >= LETTERS


def chunks(places: Sequence[int]) -> Iterator[Sequence[int]]:
    """The places of rows, as many at a time as fit into memory by the numbers of their passages."""
    for start in range(0, len(places), _CHUNK):
        yield places[start : start + _CHUNK]


def numbered(
    texts: Sequence[Sequence[str]], of: Sequence[int]
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """A number for every passage of the texts, the place of the row that it is `of`, and where those of each text begin."""
    import numpy as np

    if not texts:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
    flat, bounds = ngrams(texts, WIDTH)
    return flat, np.repeat(np.array(of, dtype=np.int64), np.diff(bounds)), bounds


def among(numbers: NDArray[np.uint64], known: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each number a place in the sorted `known`, of which there are some, and whether it is the one there."""
    import numpy as np

    at = np.minimum(np.searchsorted(known, numbers), len(known) - 1)
    return at, known[at] == numbers
