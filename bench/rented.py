"""Runs on rented machines, against the stand-in Hub on this machine: from the click to the submit, from a job's line to the
curve, and what it costs to follow twenty of them.

    python bench/rented.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "examples")]
FOLLOWED, WATCHED_S, LINES = 20, 30.0, 90

PREPARE = """
from tunebook.pipeline import control
from tunebook.functions import read_spec
import time
words = "Fine-tune ada/SmolLM2-135M-Instruct on ada/kinds with LoRA for 6 steps\\nno gguf\\n"
words += "backend: hf-jobs\\nbudget: 2\\nseed: {seed}"
_, spec = read_spec(words)
run_id, _ = control.start(spec, words)
until = time.monotonic() + 300
while time.monotonic() < until:
    now = control.look(control.Journal(control.home()), run_id)
    if now.run.plan_id and not now.supervised:
        break
    time.sleep(0.2)
time.sleep(2)  # the supervisor that made the plan stands by now
control.confirm(run_id, now.run.plan_id, by="a bench")
while not any(event.kind == "attempt" for event in control.Journal(control.home()).events(run_id)):
    time.sleep(0.01)
control.cancel(run_id)
events = control.Journal(control.home()).events(run_id)
answer = next(event.time for event in events if event.kind == "confirmed")
"""


def main(runs: int) -> int:
    from hub.__main__ import seeded
    from hub.clients import TOKEN, Client
    from hub.server import StandInHub, served
    from prepare_model import prepare
    from small import small_data
    from tiny import tiny_model

    folder = Path(tempfile.mkdtemp(prefix="rented-"))
    real = prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct")
    with served(StandInHub()) as hub:
        kinds = ROOT / "examples" / "data" / "kinds"
        seeded(hub, tiny_model(real, folder / "tiny"), small_data(kinds, folder / "kinds"))
        hub.accounts[TOKEN] = "ada"
        client = Client(hub, folder / "machine")
        waits = []
        for number in range(runs):
            confirmed = client.script(PREPARE.replace("{seed}", str(100 + number)), token=TOKEN)
            job = list(hub.jobs.all.values())[-1]
            waits.append(job.created_at - confirmed)
            print(f"from the consent to the job on the Hub: {1000 * waits[-1]:.0f} ms", flush=True)
        print(f"median of {runs}: {1000 * statistics.median(waits):.0f} ms, with 5 requests and an upload in it")
    with served(StandInHub()) as hub:
        follow_twenty(hub, folder / "twenty")
    return 0


def follow_twenty(hub: object, folder: Path) -> None:
    """Twenty supervisors, each with its job: what they use of a core, and how late a line is in the file that curves read."""
    import psutil
    from money.schedules import Field, confirmed, made_plan

    folder.mkdir()
    os.environ["MONEY_ANSWER_S"] = "20"
    field = Field(hub, folder)  # type: ignore[arg-type]
    hub.jobs.instead = lambda job, volumes: [  # type: ignore[attr-defined]
        "sh", "-c", f"for n in $(seq {LINES}); do date +%s.%N; sleep 0.7; done; sleep 60"
    ]  # fmt: skip
    with field.player(0) as player:
        names = [f"followed-{number}" for number in range(FOLLOWED)]
        for name in names:
            confirmed(field.journal, name, made_plan())
            player.send(name, wait=False, poll_s=2.0)
            time.sleep(0.4)  # not all at once: twenty uploads together are slow
        logs = [folder / "runs" / name / "jobs" / "train-1" / "log.txt" for name in names]
        until = time.monotonic() + 120
        while not all(log.exists() and log.stat().st_size for log in logs) and time.monotonic() < until:
            time.sleep(0.05)
        late: list[float] = []
        over = threading.Event()
        watcher = threading.Thread(target=_watch, args=(logs[0], late, over))
        watcher.start()
        followers = psutil.Process(player.lives.pid).children()
        before = sum(sum(one.cpu_times()[:2]) for one in followers)
        began = time.monotonic()
        time.sleep(WATCHED_S)
        used = sum(sum(one.cpu_times()[:2]) for one in followers) - before
        share = used / (time.monotonic() - began)
        over.set()
        watcher.join()
        for one in followers:
            one.kill()
    print(f"following {len(followers)} runs: {100 * share:.1f} % of one core (over {WATCHED_S:.0f} s)")
    late.sort()
    print(f"a line is in the file {1000 * statistics.median(late):.0f} ms after it was said (median of {len(late)}; "
          f"at most {1000 * late[-1]:.0f} ms)")  # fmt: skip


def _watch(log: Path, late: list[float], over: threading.Event) -> None:
    seen = len(log.read_text().splitlines())
    while not over.wait(0.01):
        lines = log.read_text().splitlines()
        for line in lines[seen:]:
            late.append(time.time() - float(line))
        seen = len(lines)


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"  # of this process; the clients have the stand-in
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
