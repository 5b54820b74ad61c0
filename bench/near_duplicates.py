"""The search for near copies among short rows: at most 5 minutes for 1 million on 2 cores.

Usage: python bench/near_duplicates.py [ROWS]. One row in 100 is planted: an earlier row with one word changed. The rows
have 20 to 40 words, drawn by Zipf's law, so that they share their frequent words as real text does. Exit status 1 if
it takes longer than the limit's share, or finds less than 98 % of what was planted, or a row that was not.
"""

from __future__ import annotations

import resource
import sys
import time
from itertools import accumulate
from random import Random

LIMIT_S_A_MILLION = 300
RECALL = 0.98

Rows = list[tuple[str, str]]


def generated(count: int) -> tuple[Rows, dict[int, int]]:
    """The rows, and for each planted one the row that it nearly repeats."""
    random = Random(0)
    vocabulary = [f"{number:x}w" for number in range(30_000)]
    weights = list(accumulate(1 / (rank + 1) for rank in range(len(vocabulary))))

    def text(words: int) -> str:
        return " ".join(random.choices(vocabulary, cum_weights=weights, k=words))

    rows: Rows = []
    planted: dict[int, int] = {}
    for number in range(count):
        if number % 100 == 99:
            planted[number] = random.choice([at for at in range(max(0, number - 99), number) if at not in planted])
            asked, answer = rows[planted[number]]
            rows.append((f"changed {asked.split(' ', 1)[1]}", answer))
        else:
            rows.append((text(random.randint(10, 20)), text(random.randint(10, 20))))
    return rows, planted


def main() -> int:
    """Print the figures; the exit status says whether they are within the limits."""
    from tunebook.pipeline.data.near import near_copies

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows, planted = generated(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    found = {copy.place: copy.of for copy in near_copies(count, rows.__getitem__)}
    seconds = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    hits = len(planted.keys() & found.keys())
    others = len(found.keys() - planted.keys())
    print(f"{count:,} rows in {seconds:.1f} s, {count / seconds:,.0f} rows/s, {grown:.0f} MB beside the rows")
    print(f"a million at this rate: {seconds / count * 1e6:.0f} s, limit {LIMIT_S_A_MILLION} s")
    print(f"found {hits} of {len(planted)} planted copies, {others} rows that were not planted")
    slow = count >= 100_000 and seconds / count * 1e6 > LIMIT_S_A_MILLION
    return int(slow or hits < RECALL * len(planted) or others > 0)


if __name__ == "__main__":
    sys.exit(main())
