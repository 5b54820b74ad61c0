"""Wait for a person's consent with everything loaded: what is paid for starts at the click, not two seconds after it.

The lease is not held meanwhile: whoever confirms starts a supervisor as ever, and the first of the two takes the lease.
"""

from __future__ import annotations

import os
import time

from tunebook.pipeline.backends import backend
from tunebook.pipeline.journal import Journal, fold
from tunebook.pipeline.plan import load_plan

STANDBY_S = 300.0
LOOK_S = 0.03


def consented(journal: Journal, run_id: str) -> bool:
    """Whether the run's plan, one that costs money, was confirmed while this waited. At once False for any other run."""
    run = fold(journal.events(run_id))
    if run.state != "draft" or run.plan_id is None or not run.max_usd:
        return False
    plan = load_plan(journal, run.plan_id)
    if plan.chosen is None:
        return False
    backend(plan.chosen.backend).get_ready(plan.on_the_hub())
    until, seen = time.monotonic() + STANDBY_S, _stamp(journal)
    while time.monotonic() < until:
        time.sleep(LOOK_S)
        if (now := _stamp(journal)) == seen:
            continue
        if now is None:  # the home is gone
            return False
        seen, state = now, fold(journal.events(run_id))
        if state.state != "draft" or state.plan_id != run.plan_id:
            return state.state == "confirmed" and state.plan_id == run.plan_id
    return False


def _stamp(journal: Journal) -> list[int] | None:
    """Changes whenever something is written into the journal; None where it is not there any more."""
    found = []
    for path in (journal.path, journal.path.with_name(f"{journal.path.name}-wal")):
        try:
            told = os.stat(path)
            found += [told.st_mtime_ns, told.st_size]
        except FileNotFoundError:
            found += [0, 0]
    return found if found[1] else None
