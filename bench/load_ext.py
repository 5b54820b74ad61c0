"""What `%load_ext tunebook` adds to IPython, in fresh processes.

Usage: python bench/load_ext.py [ROUNDS]. Exit status 1 if it adds more than 100 ms or imports something heavy.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

LIMIT_MS = 100
HEAVY = ("torch", "transformers", "datasets", "trl", "trackio", "plotly", "huggingface_hub")

#: The clock runs around the magic alone: IPython's own start varies by more than what is measured here.
PROBE = f"""
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "storemagic")
began = time.perf_counter()
shell.run_line_magic("load_ext", "tunebook")
ms = (time.perf_counter() - began) * 1000
print(json.dumps({{"ms": ms, "heavy": [name for name in {HEAVY!r} if name in sys.modules]}}))
"""


def once() -> tuple[float, list[str]]:
    """Milliseconds and the heavy modules of one fresh process."""
    finished = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    result = json.loads(finished.stdout.splitlines()[-1])
    return result["ms"], result["heavy"]


def main() -> int:
    """Print the figures; the exit status says whether they are within the limit."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    once()  # byte code is written at the first import
    loads = [once() for _ in range(rounds)]
    times = [ms for ms, _ in loads]
    heavy = sorted({name for _, names in loads for name in names})
    median = statistics.median(times)
    spread = f"median of {rounds}, {min(times):.1f} to {max(times):.1f}"
    print(f"%load_ext tunebook: {median:.1f} ms ({spread}), limit {LIMIT_MS} ms")
    print(f"heavy modules imported: {', '.join(heavy) or 'none'}")
    return int(median > LIMIT_MS or bool(heavy))


if __name__ == "__main__":
    sys.exit(main())
