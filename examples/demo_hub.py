"""The demo with everything on the Hub, as `make demo HUB=1` runs it: a rented machine, a budget, a published model.

The Hub is the tests' stand-in (tests/hub), served by this process for as long as it lasts. It is spoken to by the same
clients over the same calls as the real one; its machines are processes here, and its money is nobody's. What comes back
of the run stays under .demo/rented/, whatever TUNEBOOK_HOME says: pretended money has no place in a real ledger.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from demo import EXAMPLES, ROOT, tell_times
from prepare_model import prepare

if TYPE_CHECKING:
    from hub.server import StandInHub

    from tunebook.pipeline.ledger import RunMoney

PUBLISHED = "ada/kinds-namer"
BUDGET_USD = 2.0
INSTRUCTION = """\
Fine-tune {model} on {data} with LoRA rank 16, learning rate 5e-4, batch size 8, for 24 steps.
save_steps: 12
benchmark: exact_match
gguf: Q4_K_M
push_to: {published}
goal: name the kind of thing that a definition describes
"""
WARNING = """\
The Hub of this demo is a stand-in at {url}, and its rented machines are this one: nothing leaves this
machine and nothing is paid. The prices are those of the real Hub, charged for the seconds that the job takes here.
"""
#: What the run may still need to cancel its job when this demo is interrupted.
CANCELLED_S = 20.0


def main() -> int:
    sys.path.insert(0, str(ROOT / "tests"))
    from hub.__main__ import DATA, MODEL, TOKEN, seeded
    from hub.server import StandInHub, served

    hub = StandInHub()
    with served(hub), tempfile.TemporaryDirectory(prefix="stand-in-hub-") as folder:
        print(WARNING.format(url=hub.url), flush=True)
        # The clients read these when they are imported, so nothing that imports them may come before. The cache is
        # new, since the one at home says of another Hub what is uploaded already.
        os.environ.update(HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN, HF_HOME=str(Path(folder, "here")), HF_HUB_OFFLINE="0")
        os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")
        os.environ["TUNEBOOK_HOME"] = str(ROOT / ".demo" / "rented")
        seeded(hub, prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct"), EXAMPLES / "data" / "kinds")
        if not rented(hub, INSTRUCTION.format(model=MODEL, data=DATA, published=PUBLISHED)):
            return 1
        return 0 if answers(hub, Path(folder, "elsewhere")) else 1


def rented(hub: StandInHub, instruction: str) -> bool:
    """Run the instruction on a rented machine, and settle the account. Whether both went well."""
    import tunebook
    from tunebook.follow import follow

    said = f"--on hf-jobs --budget {BUDGET_USD:g} --yes"
    print(f"The instruction, run with {said}:\n\n{instruction}\nPlanning", flush=True)
    began = time.monotonic()
    run_id = tunebook.run(instruction, on="hf-jobs", budget=BUDGET_USD, yes=True, again=True).run_id
    print(f"Planned in {time.monotonic() - began:.0f} s, and confirmed by --yes: {reserved(run_id)}.\n", flush=True)
    try:
        facts = follow(run_id)
    except KeyboardInterrupt:
        print(f"\nInterrupted: {run_id} is {given_up(run_id)}.", file=sys.stderr)
        return False
    if facts.run.state != "succeeded":
        return False
    tell_times(facts, {"plan": "prove the script"})
    print(f"\nLook closer:  TUNEBOOK_HOME={os.environ['TUNEBOOK_HOME']} {sys.executable} -m tunebook compare {run_id}")
    return settled(hub, run_id)


def reserved(run_id: str) -> str:
    money = money_of(run_id)
    return f"${money.reserved_usd:.4f} is reserved, of a budget of ${BUDGET_USD:.2f}"


def settled(hub: StandInHub, run_id: str) -> bool:
    """Print the account as the ledger here has it and as the stand-in does. Whether they agree and nothing is held back."""
    from hub.job_routes import spent_usd

    money, jobs = money_of(run_id), list(hub.jobs.all.values())
    billed = sum(spent_usd(hub, job) for job in jobs)
    count = f"{len(jobs)} job" + ("" if len(jobs) == 1 else "s")
    print(f"\nPaid, in the ledger here:     ${money.spent_usd:.6f}, still reserved ${money.reserved_usd:.6f}")
    print(f"Paid, as the stand-in says:   ${billed:.6f} for {count} of {sum(job.seconds() for job in jobs):.1f} s")
    if abs(money.spent_usd - billed) > 1e-5 or money.reserved_usd:
        print("The two do not agree.", file=sys.stderr)
        return False
    return True


def money_of(run_id: str) -> RunMoney:
    from tunebook.pipeline.ledger import budget_now

    return next(one for one in budget_now().runs if one.run_id == run_id)


def given_up(run_id: str) -> str:
    """Cancel the run, wait until its job is gone (without its Hub it would ask in vain for as long as it lives), and
    say how the run is then.
    """
    import tunebook

    tunebook.cancel(run_id)
    until = time.monotonic() + CANCELLED_S
    while (state := tunebook.show(run_id).state) == "cancelling" and time.monotonic() < until:
        time.sleep(0.2)
    return state


def answers(hub: StandInHub, cache: Path) -> bool:
    """Load what was published as anybody would, in a process with an empty cache, and ask it the first held-out row."""
    files = hub.repos["model", PUBLISHED].at("main").files
    print(f"\n{PUBLISHED} on the stand-in: {', '.join(sorted(files))}", flush=True)
    with (EXAMPLES / "data" / "kinds" / "test.jsonl").open(encoding="utf-8") as rows:
        row = json.loads(next(rows))
    cache.mkdir()
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "ask_published.py"), PUBLISHED],
        input=json.dumps(row["prompt"]),
        env={**os.environ, "HF_HOME": str(cache)},
        cwd=cache,
        text=True,
        stdout=subprocess.PIPE,
    )
    if done.returncode or not (answer := done.stdout.strip()):
        print(f"{PUBLISHED} does not load and answer.", file=sys.stderr)
        return False
    print(
        f"Asked:    {row['prompt'][-1]['content']}\nAnswers:  {answer} (expected: {row['completion'][-1]['content']})"
    )
    return True


if __name__ == "__main__":
    raise SystemExit(main())
