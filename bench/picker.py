"""The hardware picker's own work: 22 machines with three tunings each, what the sliders need, and what is sent of it.

Usage: python bench/picker.py. The laws of memory are those of Qwen2.5-7B that the tests keep, the prices those that are
shipped; each time is the median of several tries. Exit status 1 if a limit is missed.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: What is measured, its limit and its unit; None: told, not judged.
LIMITS: dict[str, tuple[float | None, str]] = {
    "options of all machines, the first time": (300, "ms"),
    "options of all machines, asked again": (100, "ms"),
    "what the sliders need": (100, "ms"),
    "offers where the budget is too small": (1000, "ms"),
    "a whole plan, its data known": (1000, "ms"),
    "the panel's view of it": (200, "kB"),
    "1,000 evaluations of a law": (300, "ms"),
}


def median_ms(call: Callable[[], Any], before: Callable[[], Any] = lambda: None, tries: int = 7) -> float:
    taken = []
    for _ in range(tries):
        before()
        began = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def measured() -> dict[str, float]:
    sys.path.insert(0, str(ROOT / "tests"))
    from rented import laws_of, machines

    from tunebook.pipeline.hardware.memory_law import peak
    from tunebook.pipeline.plan.settle import settle
    from tunebook.widgets.views import plan_view

    free, poor = machines("7b", 60_000), machines("7b", 60_000, budget_usd=2)
    chosen = settle(free)
    assert chosen.plan_id is not None and chosen.explore is not None
    law = laws_of("7b")["qlora", True]
    view = json.dumps(plan_view(chosen, decides=True), ensure_ascii=False).encode()
    print(f"{len(chosen.options)} options of {len({one.flavor for one in chosen.options})} machines: {chosen.sentence}")
    return {
        "options of all machines, the first time": median_ms(free.options, peak.cache_clear),
        "options of all machines, asked again": median_ms(free.options),
        "what the sliders need": median_ms(lambda: free.explore(chosen.options, chosen.options[0])),
        "offers where the budget is too small": median_ms(lambda: poor.offers(None), tries=3),
        "a whole plan, its data known": median_ms(lambda: settle(free), peak.cache_clear, tries=3),
        "the panel's view of it": len(view) / 1000,
        "1,000 evaluations of a law": median_ms(
            lambda: [peak(law, rows=1 + at % 64, context=128 + at, rank=16) for at in range(1000)], peak.cache_clear
        ),
    }


def main() -> int:
    """Print the figures; the exit status says whether they are within the limits."""
    missed = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["TUNEBOOK_HOME"] = home
        for name, value in measured().items():
            limit, unit = LIMITS[name]
            late = limit is not None and value > limit
            missed += late
            print(
                f"{name}: {value:,.1f} {unit}" + ("" if limit is None else f", limit {limit:,.0f}") + " MISSED" * late
            )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
