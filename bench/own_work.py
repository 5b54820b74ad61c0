"""The pipeline's own work around the demo's jobs, as a share of the whole: at most 5 %.

Usage: python bench/own_work.py. It reads the newest finished run under .demo/ and runs the demo first if there is none.
The jobs are the inspection, the measured steps, the training, the evaluation and the export; what is left is ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 0.05


def main() -> int:
    """Print the figures; the exit status says whether they are within the limit."""
    os.environ["TUNEBOOK_HOME"] = str(ROOT / ".demo")
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.watch import Live
    from tunebook.widgets.facts import Gatherer

    def newest() -> str | None:
        journal = Journal(home())
        return next((run for run in journal.run_ids() if journal.events(run)[-1].kind == "succeeded"), None)

    if newest() is None:
        subprocess.run([sys.executable, str(ROOT / "examples" / "demo.py")], check=True)
    run_id = newest()
    assert run_id is not None
    live = Live(run_id)
    live.poll()
    facts = Gatherer(live).gather()
    jobs = {**facts.prepared, **facts.run.done_stages}
    whole = (facts.run.ended_at or 0) - facts.run.created_at
    share = 1 - sum(jobs.values()) / whole
    print(", ".join(f"{name} {seconds:.0f} s" for name, seconds in jobs.items()), f"of {whole:.0f} s")
    print(f"own work: {whole - sum(jobs.values()):.1f} s, {100 * share:.1f} % of the demo, limit {100 * LIMIT:.0f} %")
    return int(share > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
