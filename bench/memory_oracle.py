"""The memory oracle against GPUs that others measured, against torch.profiler on real tensors, and how long it takes.

Usage: python bench/memory_oracle.py [published|profiler|timings]. Exit status 1 if a published row is off by more than 3 %
or by more than 2 % under, if a step on real tensors is off by more than 0.5 % where no reason is named, or by less where
one is. docs/memory.md quotes what this prints.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GIB, MIB = 2**30, 2**20
OVER, UNDER = 0.03, 0.02


def published(parent: Path) -> bool:
    from shapes import PUBLISHED, qwen

    import tunebook

    print(f"{'measured on an RTX 4080':38} {'GiB':>6} {'oracle':>16} {'accelerate':>16} {'0.9 P + 1.4 GB':>16}")
    right = True
    for size, tuning, length, checkpointing, attention, measured in PUBLISHED:
        folder = qwen(parent, size)
        told = tunebook.memory(
            folder, tuning=tuning, seq=length, checkpointing=checkpointing, attention=attention, loss="plain",
            targets="q_proj,k_proj,v_proj,o_proj",
        ).allocated_gib  # fmt: skip
        weights, adam = accelerate_says(folder)
        formula = (0.9 * weights / 4 + 1.4e9) / GIB
        cells = "".join(f"{gib:8.3f} {gib / measured - 1:+7.1%}" for gib in (told, adam / GIB, formula))
        kept = "checkpointing" if checkpointing else "no checkpointing"
        print(f"{size:4} {tuning:5} {length:4} {kept:16} {attention[:5]:5} {measured:6.3f} {cells}")
        right &= -UNDER <= told / measured - 1 <= OVER
    print("accelerate: `accelerate estimate-memory`, training with Adam in 16 bit, for which adapters do not exist")
    return right


def accelerate_says(folder: str) -> tuple[int, int]:
    """(bytes of the weights in float32, the most bytes of a training with Adam), by accelerate's own functions."""
    from accelerate import init_empty_weights
    from accelerate.commands.estimate import estimate_training_usage
    from accelerate.utils import calculate_maximum_sizes
    from transformers import AutoConfig, AutoModelForCausalLM

    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    model.tie_weights()
    total, _ = calculate_maximum_sizes(model)
    return total, max(estimate_training_usage(total, "float16").values())


def profiler(parent: Path) -> bool:
    from real_step import BELOW, LIMIT, LONG, SHORT, oracle_peak, real_peak, within

    print(f"{'a step on the CPU, MiB':71} {'profiler':>9} {'oracle':>9}  {'off':>8}  highest in")
    right, worst = True, 0.0
    for case in (*SHORT, *LONG):
        ask = case.ask(parent)
        told, phase = oracle_peak(ask)
        measured = real_peak(ask)
        good = within(case, measured, told)
        right &= good
        worst = worst if case.reason else max(worst, abs(told / measured - 1))
        name = f"{case.model}: {case.words}"
        end = phase + (f": {case.reason}" if case.reason else "") + ("" if good else "  WRONG")
        print(f"{name:71} {measured / MIB:9.2f} {told / MIB:9.2f} {told / measured - 1:+9.3%}  {end}", flush=True)
    explained = sum(bool(case.reason) for case in LONG)
    alike = len(SHORT) + len(LONG) - explained
    print(f"{alike} configurations agree within {worst:.3%}, limit {LIMIT:.1%}; {explained} differ for a reason")
    print(BELOW)
    return right


def timings(parent: Path) -> None:
    from shapes import QWEN, qwen

    from tunebook.pipeline.hardware.memory import make_ask
    from tunebook.pipeline.hardware.memory_law import peak
    from tunebook.pipeline.hardware.oracle import Oracle

    folders = {size: qwen(parent, size) for size in QWEN}
    began = time.perf_counter()
    command = [sys.executable, "-m", "tunebook", "memory", folders["1.5B"], "--json"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"TUNEBOOK_HOME": str(parent / "home")})
    print(f"{'`tunebook memory`, a new process, 1.5B':44} {time.perf_counter() - began:7.2f} s")
    oracle = Oracle()
    oracle.estimate(make_ask(model=folders["1.5B"]))
    for size in QWEN:
        for tuning in ("qlora", "full"):
            ask = make_ask(model=folders[size], tuning=tuning)
            oracle.estimate(ask)
            began = time.perf_counter()
            oracle.estimate(ask)
            print(f"{f'an estimate, {size}, {tuning}':44} {time.perf_counter() - began:7.2f} s")
    law = None
    for tuning in ("full", "lora", "qlora"):
        began = time.perf_counter()
        law = oracle.law(make_ask(model=folders["1.5B"], tuning=tuning))
        print(f"{f'a law, 1.5B, {tuning}':44} {time.perf_counter() - began:7.2f} s")
    oracle.close()
    assert law is not None
    began = time.perf_counter()
    for number in range(1000):
        peak(law, rows=1 + number % 8, context=256 + number, rank=4 + number % 60)
    print(f"{'1,000 evaluations of a law':44} {time.perf_counter() - began:7.3f} s")


def main() -> int:
    """Print the tables; the exit status says whether every figure is within its limit."""
    sys.path.insert(0, str(ROOT / "tests"))
    warnings.filterwarnings("ignore")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    wanted = sys.argv[1:] or ["published", "profiler", "timings"]
    right = True
    with tempfile.TemporaryDirectory() as place:
        if "published" in wanted:
            right &= published(Path(place))
            print()
        if "profiler" in wanted:
            right &= profiler(Path(place))
            print()
        if "timings" in wanted:
            timings(Path(place))
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
