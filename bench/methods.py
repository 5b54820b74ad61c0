"""Every method on a small real task: what the base scores on held-out rows, and what the best checkpoint does.

    python bench/methods.py [METHOD ...]

SmolLM2-135M on this machine, through the whole pipeline, from the words of a cell to the comparison: the demo's
definitions for SFT, DPO, KTO and a reward model, small sums from reasoning-gym for GRPO, which goes on with the adapter
of a short SFT run: a model that never answers with a number alone would earn no reward to learn from. That adapter is
then the base. Without names all five.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples")]

#: The lines of the cell beside model and data, and the steps: all, and those of the short form that the tests run.
#: Rates are higher than for a large model: a few short steps must show.
RECIPES = {
    "sft": ("learning_rate: 5e-4\nbenchmark: exact_match", 60, 40),
    "dpo": ("method: dpo\nlearning_rate: 2e-4", 30, 20),
    "kto": ("method: kto\nlearning_rate: 2e-4", 40, 26),
    "reward": ("method: reward\nlearning_rate: 5e-4", 60, 40),
    "grpo": ("method: grpo\nlearning_rate: 3e-4\nbatch_size: 64\nmax_completion_length: 6", 40, 32),
}
#: The run that GRPO goes on with.
WARM = "method: sft\nlearning_rate: 5e-4\nmax_steps: 12\nbenchmark: exact_match"
TRAIN, TEST = 480, 150


def main(names: list[str]) -> int:
    os.environ.update(HF_HUB_OFFLINE="1", TUNEBOOK_HOME=tempfile.mkdtemp(prefix="tunebook-methods-"))
    from prepare_model import prepare

    model = prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct")
    print(f"{'method':8}{'benchmark':18}{'rows':>6}{'base':>9}{'best':>9}{'p':>10}{'minutes':>9}  said", flush=True)
    worse = 0
    for name in names or list(RECIPES):
        began = time.monotonic()
        base, best, p, benchmark, said, rows = run(name, Path(model))
        better = best is not None and p is not None and p < 0.05
        worse += not better
        line = f"{name:8}{benchmark:18}{rows:6}{base:9.3f}{best if best is not None else float('nan'):9.3f}"
        print(f"{line}{p if p is not None else 1.0:10.2g}{(time.monotonic() - began) / 60:9.1f}  {said}", flush=True)
    return 1 if worse else 0


def run(method: str, model: Path, *, short: bool = False) -> tuple[float, float | None, float | None, str, str, int]:
    """(base, best, p of the pairs, benchmark, what the comparison says, rows) of one run."""
    import tunebook
    from tunebook.pipeline.evaluation.wording import sentence

    data = Path(os.environ["TUNEBOOK_HOME"]) / "data" / method
    rows_for(method, data)
    if method == "grpo":
        model = checkpoint(finished(f"model: {model}\ndataset: {answers(data)}\n{WARM}"))
    lines, steps, fewer = RECIPES[method]
    recipe = f"{lines}\nmax_steps: {steps}"
    if short:
        recipe = f"{lines}\nmax_steps: {fewer}\nsave_steps: {fewer}"  # only the last checkpoint is scored
    found = tunebook.compare(finished(f"model: {model}\ndataset: {data}\n{recipe}"))
    base = next(row for row in found.rows if row.checkpoint == "base")
    others = [row for row in found.rows if row.checkpoint != "base" and row.vs_base]
    best = next((row for row in others if row.checkpoint == found.best), None)
    p = best.vs_base.p if best and best.vs_base else None
    return base.score, best.score if best else None, p, found.benchmark, sentence(found), TEST


def finished(instruction: str) -> str:
    """The id of the run, when it has succeeded."""
    import tunebook

    done = tunebook.run(f"{instruction}\ntuning: lora\nbackend: local\ngguf: none", yes=True, wait=True)
    if done.state != "succeeded":
        raise SystemExit(f"the run has {done.state}: {tunebook.show(done.run_id).why}")
    return done.run_id


def checkpoint(run_id: str) -> Path:
    """The folder of its last one."""
    from tunebook.pipeline.run_folder import RunFolder

    return RunFolder(run_id).checkpoints()[-1][1]


def answers(data: Path) -> Path:
    """The sums again, each with its answer as a completion."""
    to = data.parent / "answers"
    to.mkdir()
    for file in data.glob("*.jsonl"):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        made = [
            {"prompt": row["prompt"], "completion": [{"role": "assistant", "content": row["answer"]}]} for row in rows
        ]
        (to / file.name).write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return to


def rows_for(method: str, to: Path) -> None:
    if method != "grpo":
        from method_data import method_data

        method_data(method, ROOT / "examples" / "data" / "kinds", to, train=TRAIN, test=TEST)
        return
    to.mkdir(parents=True, exist_ok=True)
    system = {"role": "system", "content": "Answer with a number."}  # shorter than the template's own
    rows = [
        {"prompt": [system, {"role": "user", "content": one["question"]}], "answer": one["answer"]} for one in sums()
    ]
    for name, part in (("train", rows[TEST:]), ("test", rows[:TEST])):
        (to / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")


def sums() -> list[dict[str, Any]]:
    """Sums of two numbers up to 20 from reasoning-gym, each once: what is held out was never seen."""
    import reasoning_gym

    drawn = reasoning_gym.create_dataset(
        "basic_arithmetic", size=40 * TRAIN, seed=1, min_terms=2, max_terms=2, min_digits=1, max_digits=2,
        operators=["+", "-"], allow_parentheses=False, allow_negation=False,
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for one in drawn:
        if all(int(number) <= 20 for number in re.findall(r"\d+", one["question"])):
            found.setdefault(one["question"], one)
    return list(found.values())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
