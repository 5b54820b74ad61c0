"""The table of what runs cost whatever happens: `make chaos`, or `python -m money [SCHEDULES] [SEED]` under tests/."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from money.playing import play, table


def main(random: int, seed: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="money-") as folder:
        outcomes = play(Path(folder), random, seed)
    print(table(outcomes))
    print(f"{len(outcomes):,} schedules (seed {seed}) in {time.monotonic() - began:.0f} s.")
    broken = [one for one in outcomes if one.wrong]
    for one in broken[:20]:
        print(one, file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    arguments = [int(one) for one in sys.argv[1:]]
    raise SystemExit(main(*(arguments + [10_000, 0][len(arguments) :])))
