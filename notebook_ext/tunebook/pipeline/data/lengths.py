"""What each length limit would do to the rows, computed once, so that a slider only looks it up.

A limit cuts the end of a row, where its answer is; TRL drops a row none of whose trained tokens are left.
"""

from __future__ import annotations

import bisect
import random
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.data.report import LengthEffect

if TYPE_CHECKING:
    from tunebook.pipeline.data.summary import Summary

#: Limits on the slider at most. Enough to feel continuous, few enough to travel with every snapshot.
LIMITS = 48
SHORTEST = 8
#: Rows that are packed to see how full packed rows get; of more rows, a sample.
PACKED = 4096


def effects(
    summary: Summary, chosen: int | None = None, *, most: int | None = None, apart: bool = False
) -> list[LengthEffect]:
    """The effect of each limit, the shortest first; the last one cuts nothing, or is `most`. `chosen` is among them if
    it cuts. The two sequences of a pair go together where one of them is dropped, unless they are trained `apart`, as KTO does.
    """
    import numpy

    if not summary.tokens:
        return []
    tokens = _array(summary.tokens)
    row = _array(summary.position)
    trained, starts, ends = _array(summary.trained), _array(summary.start), _array(summary.end)
    owner = _array(summary.owner)
    packed = _sample(summary.tokens)
    result = []
    for limit in limits(summary.tokens, chosen, most):
        kept = numpy.zeros(len(tokens), dtype=numpy.int64)
        numpy.add.at(kept, owner, numpy.clip(numpy.minimum(ends, limit) - starts, 0, None))
        dead = (trained > 0) & (kept == 0)
        dropped = dead if apart or not dead.any() else numpy.isin(row, row[dead])
        result.append(
            LengthEffect(
                max_length=limit,
                cut=len(numpy.unique(row[tokens > limit])),
                dead=len(numpy.unique(row[dropped])),
                lost=int(trained.sum() - kept.sum()),
                trained=int(trained.sum()),
                tokens=int(numpy.minimum(tokens, limit)[~dropped].sum()),
                filled=filled([min(length, limit) for length in packed], limit),
            )
        )
    return result


def limits(tokens: Sequence[int], chosen: int | None = None, most: int | None = None) -> list[int]:
    """Limits worth a stop on the slider: multiples of 8 at the rows' own quantiles, and the longest row; none above `most`."""
    ordered = sorted(tokens)
    longest = ordered[-1]
    stops = {_up(ordered[at * (len(ordered) - 1) // LIMITS]) for at in range(LIMITS)}
    stops |= {max(SHORTEST, ordered[0] // 2 // 8 * 8), _up(longest)}
    stops |= {chosen} if chosen and chosen < longest else set()
    stops |= {most} if most else set()
    return sorted(stop for stop in stops if stop <= min(_up(longest), most or _up(longest)))


def filled(lengths: Iterable[int], limit: int) -> float:
    """The share of packed rows of `limit` tokens that is text: best fit decreasing, TRL's default way to pack.

    Each row goes where the least room is left that still holds it, the longest rows first.
    """
    room: list[int] = []  # of each packed row, in order
    total = rows = 0
    for length in sorted(lengths, reverse=True):
        total += length
        at = bisect.bisect_left(room, length)
        if at == len(room):
            rows += 1
            left = limit - length
        else:
            left = room.pop(at) - length
        if left:
            bisect.insort(room, left)
    return total / (rows * limit) if rows else 0.0


def _sample(tokens: array[int]) -> list[int]:
    return list(tokens) if len(tokens) <= PACKED else random.Random(0).sample(list(tokens), PACKED)


def _up(tokens: int) -> int:
    return max(SHORTEST, -(-tokens // 8) * 8)


def _array(values: array[int]) -> Any:
    import numpy

    return numpy.frombuffer(values, dtype=numpy.int64) if values else numpy.zeros(0, dtype=numpy.int64)
