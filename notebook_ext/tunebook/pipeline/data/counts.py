"""Tokens a row over all rows: percentiles and a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from tunebook.pipeline.data.report import TokenCounts

BINS = 24


def token_counts(counts: Sequence[int] | None) -> TokenCounts | None:
    """Percentiles by nearest rank, so that each is the length of a real row."""
    if not counts:
        return None
    ordered = sorted(counts)
    return TokenCounts(p50=_rank(ordered, 0.5), p99=_rank(ordered, 0.99), max=ordered[-1], total=sum(ordered))


def _rank(ordered: Sequence[int], q: float) -> int:
    return ordered[max(0, ceil(q * len(ordered)) - 1)]


def histogram(counts: Sequence[int]) -> dict[str, list[int]] | None:
    """Rows by tokens in at most 24 bins of one width: `edges` (n + 1) and `counts` (n)."""
    if not counts:
        return None
    low, high = min(counts), max(counts)
    width = max(1, -(-(high - low + 1) // BINS))
    bins = -(-(high - low + 1) // width)
    result = [0] * bins
    for count in counts:
        result[(count - low) // width] += 1
    return {"edges": [low + width * number for number in range(bins + 1)], "counts": result}
