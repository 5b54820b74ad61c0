"""The whole job at the terminal: a real model, real data, every stage, as `make demo` runs it.

Everything printed is read from the run. What it makes stays under .demo/ (set TUNEBOOK_HOME to keep it elsewhere).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunebook.widgets.facts import Facts

EXAMPLES = Path(__file__).resolve().parent
ROOT = EXAMPLES.parent
BEGAN = time.monotonic()

PREPARED = {"data": "inspect the data", "plan": "plan, with measured steps"}
INSTRUCTION = """\
Fine-tune {model} on {data} with LoRA rank 16, learning rate 5e-4, batch size 8, for 42 steps, on this machine.
save_steps: 14
benchmark: exact_match
gguf: Q4_K_M
goal: name the kind of thing that a definition describes
"""


def main() -> int:
    os.environ.setdefault("TUNEBOOK_HOME", str(ROOT / ".demo"))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here needs the network

    sys.path.insert(0, str(EXAMPLES))
    from prepare_model import prepare

    model = prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct")
    instruction = INSTRUCTION.format(model=os.path.relpath(model), data=os.path.relpath(EXAMPLES / "data" / "kinds"))
    print(f"The instruction:\n\n{instruction}", flush=True)

    from tunebook.follow import follow
    from tunebook.functions import read_spec
    from tunebook.pipeline import control

    _, spec = read_spec(instruction)
    run_id, _ = control.start(spec, instruction, yes=True, again=True)
    facts = follow(run_id)
    if facts.run.state != "succeeded":
        return 1
    tell_times(facts)
    print(f"\nLook closer:  TUNEBOOK_HOME={os.environ['TUNEBOOK_HOME']} {sys.executable} -m tunebook compare {run_id}")
    return 0


def tell_times(facts: Facts, prepared: Mapping[str, str] = PREPARED) -> None:
    """A line for each stage with its time, and what was not a stage's. `prepared` names the parts of the preparation."""
    run = facts.run
    stages = {name: facts.prepared[part] for part, name in prepared.items() if part in facts.prepared}
    stages |= run.done_stages
    whole = (run.ended_at or time.time()) - run.created_at
    print("\nstage                        seconds")
    for name, seconds in stages.items():
        print(f"{name:<28} {seconds:7.1f}")
    print(f"{'around them':<28} {whole - sum(stages.values()):7.1f}")
    print(f"{'in all':<28} {whole:7.1f}")
    print(f"{'with starting up':<28} {time.monotonic() - BEGAN:7.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
