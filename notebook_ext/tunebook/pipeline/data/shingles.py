"""Shingles of rows: every three words in a row as one 64-bit number, the same on every machine and in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.said import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 3  # words
CLIP = 100_000  # characters of each part of a row that are looked at
CHUNK_ROWS, CHUNK_WORDS = 8192, 400_000

#: What the row at a place says, part by part: what it asks, what it answers. As many parts for each row.
Said = Callable[[int], tuple[str, ...]]


@dataclass(frozen=True)
class Shingled:
    """Some rows. `flat` holds their shingles: those of part p of row n are flat[bounds[n, p]:bounds[n, p + 1]]."""

    places: NDArray[np.int64]
    flat: NDArray[np.uint64]
    bounds: NDArray[np.int64]

    @property
    def row_of(self) -> NDArray[np.int64]:
        """For each shingle the number of its row."""
        import numpy as np

        return np.repeat(np.arange(len(self.places)), self.bounds[:, -1] - self.bounds[:, 0])


def shingled(places: Sequence[int], said: Said) -> Iterator[Shingled]:
    """The rows at these places, some thousand at a time."""
    taken: list[int] = []
    texts: list[list[str]] = []
    size = 0
    for place in places:
        for text in said(place):
            texts.append(words(text[:CLIP]))
            size += len(texts[-1])
        taken.append(place)
        if len(taken) >= CHUNK_ROWS or size >= CHUNK_WORDS:
            yield _shingled(taken, texts)
            taken, texts, size = [], [], 0
    if taken:
        yield _shingled(taken, texts)


def _shingled(places: list[int], texts: list[list[str]]) -> Shingled:
    import numpy as np

    flat, ends = ngrams(texts, WIDTH)
    parts = len(texts) // len(places)
    bounds = np.stack([ends[part : len(ends) - parts + part : parts] for part in range(parts + 1)], axis=1)
    return Shingled(np.array(places, dtype=np.int64), flat, bounds)


def ngrams(texts: Sequence[Sequence[str]], width: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Every `width` words in a row as a number, and where those of each text begin: text n has [bounds[n]:bounds[n+1]].

    A text of fewer words has one, of all its words; a text without words has none.
    """
    import numpy as np
    from rensa import RMinHash

    hashes = RMinHash.hash_token_sets(texts)
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    first = np.fromiter(chain.from_iterable(hashes), dtype=np.uint64, count=int(lengths.sum()))
    at = np.arange(len(first))
    text_end = np.repeat(np.cumsum(lengths), lengths)
    text_start = np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = mixed(first)
    for ahead in range(1, width):
        values = mixed(values ^ np.where(at + ahead < text_end, np.roll(first, -ahead), np.uint64(0)))
    valid = (at + width <= text_end) | (at == text_start)
    counts = np.where(lengths >= width, lengths - width + 1, np.minimum(lengths, 1))
    return values[valid], np.concatenate([[0], np.cumsum(counts)])


def mixed(values: Any) -> Any:
    """Every bit of a number depends on every other: splitmix64."""
    import numpy as np

    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
