"""Rows that nearly repeat another: MinHash finds the candidates, the real Jaccard similarity of their shingles decides.

Two rows are near copies if at least 0.7 of their shingles are shared, in each part of what they say: the same question
with another answer is no copy, nor is the same answer to another question. Shingles that many rows share
are a template (an instruction, a system prompt) and say nothing about copies: they are left out, so that rows which
differ only in what fills a template are different.

Memory: about 400 bytes a row beside the rows themselves. `bench/near_duplicates.py` measures the rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.said import words
from tunebook.pipeline.data.shingles import Said, Shingled, mixed, shingled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 0.7
LIKELY = 0.55  # of MinHash's estimate, whose standard error is 0.04: a pair below it is not looked at more closely
BANDS, IN_BAND = 25, 5  # a pair of similarity 0.7 agrees in some band with probability 0.99, one of 0.8 with 0.99995
FEWEST = 3  # shingles of its own that a row must have to be compared
TEMPLATE_SHARE, TEMPLATE_ROWS = 0.01, 20  # a shingle that more rows share, and more than so many, is a template's
SAMPLE = 20_000  # rows that templates are looked for in
TRIED = 3  # pairs of one row that are compared
AT_ONCE = 2048  # pairs that are compared together
ALIGNED = 4000  # words of two texts that are compared word by word; of more they are counted
SEED = 42


@dataclass(frozen=True)
class Copy:
    """A row that is nearly the same as another one before it."""

    place: int
    of: int


def near_copies(count: int, said: Said, *, apart: int = 0, skip: Collection[int] = ()) -> list[Copy]:
    """Rows among `count` that nearly repeat an earlier one, in their order, each with one that it repeats.

    With `apart` only rows from that place on are compared, and only with those before it. `skip` are left out: rows
    that are known to be exact copies, say.
    """
    import numpy as np

    skipped = set(skip)
    kept = [place for place in range(count) if place not in skipped]
    templates = template_shingles(kept, said)
    places, bands, marks = _sketches(kept, said, templates)
    if len(places) < 2:
        return []
    pairs = np.unique(np.concatenate([_likely(band, marks, places, apart) for band in bands]), axis=0)
    return _verified(_likeliest(pairs, marks, places), said, templates)


def words_apart(left: str, right: str) -> int:
    """In how many words two texts differ: those that one would change, add or take away."""
    one, other = words(left), words(right)
    if len(one) + len(other) > ALIGNED:  # alignment takes the square of the length
        more, fewer = Counter(one) - Counter(other), Counter(other) - Counter(one)
        return max(more.total(), fewer.total())
    steps = SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    return sum(max(a2 - a1, b2 - b1) for step, a1, a2, b1, b2 in steps if step != "equal")


def template_shingles(places: Sequence[int], said: Said) -> NDArray[np.uint64]:
    """The shingles that many rows share."""
    import numpy as np

    sample = places[:: max(1, len(places) // SAMPLE)]
    seen: list[NDArray[np.uint64]] = [np.zeros(0, dtype=np.uint64)]
    for part in shingled(sample, said):
        rows = part.row_of
        order = np.lexsort((rows, part.flat))
        flat, rows = part.flat[order], rows[order]
        first = np.ones(len(flat), dtype=bool)  # of several times in one row
        first[1:] = (flat[1:] != flat[:-1]) | (rows[1:] != rows[:-1])
        seen.append(flat[first])
    shingles, counts = np.unique(np.concatenate(seen), return_counts=True)
    return shingles[counts > max(TEMPLATE_ROWS, TEMPLATE_SHARE * len(sample))]


def _own(part: Shingled, templates: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which shingles belong to no template."""
    import numpy as np

    if not len(templates):
        return np.ones(len(part.flat), dtype=bool)
    at = np.minimum(np.searchsorted(templates, part.flat), len(templates) - 1)
    return np.asarray(templates[at] != part.flat)


def _sketches(places: Sequence[int], said: Said, templates: NDArray[np.uint64]) -> tuple[Any, Any, Any]:
    """The places of rows that can be compared, a number for each of their bands, and a byte for each MinHash value."""
    import numpy as np
    from rensa import RMinHash

    kept = np.empty(len(places), dtype=np.int64)
    bands = np.empty((BANDS, len(places)), dtype=np.uint32)
    marks = np.empty((len(places), BANDS * IN_BAND), dtype=np.uint8)
    done = 0
    for part in shingled(places, said):
        own = _own(part, templates)
        ends = np.concatenate([part.bounds[:, 0], part.bounds[-1:, -1]])
        sizes = np.diff(np.concatenate([[0], np.cumsum(own)])[ends])
        enough = sizes >= FEWEST
        if not enough.any():
            continue
        flat = part.flat[own & enough[part.row_of]]
        offsets = np.concatenate([[0], np.cumsum(sizes[enough])]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, BANDS * IN_BAND, SEED)
        values = np.array(matrix.to_rows(), dtype=np.uint64)
        here = slice(done, done + len(values))
        kept[here] = part.places[enough]
        marks[here] = mixed(values) >> np.uint64(56)
        for band in range(BANDS):
            folded = np.zeros(len(values), dtype=np.uint64)
            for column in range(band * IN_BAND, (band + 1) * IN_BAND):
                folded = mixed(folded ^ values[:, column])
            bands[band, here] = folded >> np.uint64(32)
        done = here.stop
    return kept[:done], bands[:, :done], marks[:done]


def _likely(band: Any, marks: Any, places: Any, apart: int) -> Any:
    """Pairs of numbers of rows (later, earlier) that agree in a band and may be alike by their MinHash values.

    Each row is paired with the first and the last one before it that it agrees with, not with all of them: another
    band finds another pair, and a bucket of a million rows costs no more than a million pairs.
    """
    import numpy as np

    order = np.argsort(band, kind="stable")
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = band[order][1:] != band[order][:-1]
    at = np.arange(len(order))
    first = np.maximum.accumulate(np.where(opens, at, 0))
    if apart:
        last = np.maximum.accumulate(np.where(places[order] < apart, at, 0))
        later = (places[order] >= apart) & (places[order[first]] < apart)
    else:
        last = np.maximum(at - 1, 0)
        later = ~opens
    pairs = np.concatenate(
        [np.stack([order[later], order[earlier[later]]], axis=1) for earlier in (first, np.maximum(last, first))]
    )
    return pairs[_estimates(pairs, marks) >= LIKELY]


def _estimates(pairs: Any, marks: Any) -> Any:
    """The similarity of each pair by its MinHash values."""
    import numpy as np

    parts = np.array_split(pairs, 1 + len(pairs) // 100_000)
    return np.concatenate([(marks[part[:, 0]] == marks[part[:, 1]]).mean(axis=1) for part in parts])


def _likeliest(pairs: Any, marks: Any, places: Any) -> NDArray[np.int64]:
    """Of each later row the few pairs that are most alike, as places: all best ones first, then all second ones."""
    import numpy as np

    pairs = pairs[np.lexsort((pairs[:, 1], -_estimates(pairs, marks), pairs[:, 0]))]
    opens = np.ones(len(pairs), dtype=bool)
    opens[1:] = pairs[1:, 0] != pairs[:-1, 0]
    at = np.arange(len(pairs))
    rank = at - np.maximum.accumulate(np.where(opens, at, 0))
    kept = rank < TRIED
    chosen: NDArray[np.int64] = places[pairs[kept][np.lexsort((pairs[kept][:, 0], rank[kept]))]]
    return chosen


def _verified(pairs: NDArray[np.int64], said: Said, templates: NDArray[np.uint64]) -> list[Copy]:
    """The pairs that are near copies by the shingles themselves: at most one for each later row."""
    found: dict[int, int] = {}
    rows: list[list[int]] = pairs.tolist()
    for start in range(0, len(rows), AT_ONCE):
        some = [(later, earlier) for later, earlier in rows[start : start + AT_ONCE] if later not in found]
        sets = _sets(sorted({place for pair in some for place in pair}), said, templates)
        for later, earlier in some:
            if later not in found and all(map(_alike, sets[later], sets[earlier])):
                found[later] = earlier
    return [Copy(place, of) for place, of in sorted(found.items())]


def _sets(places: list[int], said: Said, templates: NDArray[np.uint64]) -> dict[int, list[frozenset[int]]]:
    """Of each row: the shingles of each of its parts, and those of all parts that are no template's."""
    result: dict[int, list[frozenset[int]]] = {}
    for part in shingled(places, said):
        own = _own(part, templates)
        for place, bounds in zip(part.places.tolist(), part.bounds.tolist(), strict=True):
            pieces = [part.flat[start:end] for start, end in pairwise(bounds)]
            whole = slice(bounds[0], bounds[-1])
            result[place] = [frozenset(some.tolist()) for some in (*pieces, part.flat[whole][own[whole]])]
    return result


def _alike(one: frozenset[int], other: frozenset[int]) -> bool:
    return one == other or len(one & other) >= NEAR * len(one | other)
