"""The proof in miniature: `python -m tunebook.pipeline.prove.job CONFIG RESULT` runs a training script on a tiny clone.

The libraries are imported once. Each run of the script is a process forked from here, with one thread, two at a time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.job import run
from tunebook.pipeline.progress import emit
from tunebook.pipeline.prove.overrides import SAVE_STEPS, STEPS
from tunebook.pipeline.prove.result import Proof, ProofConfig
from tunebook.pipeline.prove.runs import Runs
from tunebook.pipeline.prove.script import Script
from tunebook.pipeline.prove.trial import Trial

#: Steps and characters of each text: runs that learn by heart, and those that only have to run.
LEARNING = {"sft": (120, 160), "dpo": (30, 240), "kto": (30, 240), "reward": (30, 240)}
CHARACTERS = 1000


def main(config_path: Path, result_path: Path) -> None:
    """Read a ProofConfig, run the script in miniature, write a Proof.

    Raises CallError for what is no training script, or whose model has no config or tokenizer to be had.
    """
    began = time.monotonic()
    config = ProofConfig.model_validate(read_json(config_path))
    Script.read(Path(config.script))  # who calls wrongly need not wait
    # Read by the libraries when they are imported, and inherited by every run.
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    os.environ |= {"TQDM_DISABLE": "1", "WANDB_DISABLED": "true"}
    emit("progress", done=0, total=6, text="loading the libraries")
    import_all()
    with tempfile.TemporaryDirectory(prefix="proof-", dir=result_path.resolve().parent) as name:
        proof = proof_of(config, Path(name), began)
    write_json(result_path, proof.model_dump(mode="json"))


def proof_of(config: ProofConfig, folder: Path, began: float) -> Proof:
    """The proof of a script, whose runs write into an empty folder. Raises as `main`."""
    from tunebook.pipeline.prove.checks import judged

    script = Script.read(Path(config.script))
    checks = judged(script, prove(script, config, folder, began))
    passed = all(check.passed for check in checks)
    return Proof(passed=passed, seconds=round(time.monotonic() - began, 1), checks=checks)


def import_all() -> None:
    """Import what the script needs, once, before the processes that share it are forked."""
    import datasets
    import peft  # noqa: F401
    import torch
    from transformers import AutoModelForCausalLM, Trainer  # noqa: F401
    from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RewardTrainer, SFTTrainer  # noqa: F401

    torch.set_num_threads(1)  # a pool of threads would not outlive a fork
    datasets.disable_progress_bars()


def prove(script: Script, config: ProofConfig, folder: Path, began: float) -> Runs:
    """The clone, and every run on it."""
    from tunebook.pipeline.data.template import load_tokenizer
    from tunebook.pipeline.prove.clone import adapter_clone, make_clone

    model = beside(script.model, script.path)
    tokenizer = load_tokenizer(model, script.revision)
    what = make_clone(model, script.revision, tokenizer, folder / "clone")
    adapter = adapter_clone(beside(script.adapter, script.path), folder) if script.adapter else None

    def trial(name: str, steps: int, **more: Any) -> Trial:
        return Trial(
            name=name,
            method=script.method,
            script=str(script.path.resolve()),
            model=script.model,
            clone=str(folder / "clone"),
            adapter=script.adapter,
            adapter_clone=adapter,
            several=script.several,
            cards=script.cards,
            steps=steps,
            **{"characters": CHARACTERS, **more},
        )

    def asked(name: str) -> bool:
        return not config.only or name in config.only

    runs = Runs(folder, what)
    runs.start(trial("run", STEPS, save_steps=SAVE_STEPS))
    if script.method in LEARNING and asked("learn"):
        steps, characters = LEARNING[script.method]
        learning: dict[str, Any] = {"learns": True, "characters": characters}
        learning["until"] = began + config.learning_s
        runs.start(trial("learn", steps, **learning))
        if script.method == "sft" and not config.quick:
            runs.start(trial("control", steps, spoil="ends", **learning))
    if runs.ended("run").exit_code != 0:
        runs.give_up()
        return runs
    if asked("resume"):
        runs.start(trial("resume", STEPS, save_steps=SAVE_STEPS), prepare=interrupted)
    if asked("nan"):
        runs.start(trial("nan", STEPS, save_steps=STEPS, spoil="nan"))
    if asked("signal"):
        runs.start(trial("signal", STEPS, save_steps=10 * STEPS, spoil="signal"))
    runs.wait()
    return runs


def beside(model: str, script: Path) -> str:
    """A folder that is named from where the script lies, or the name as it is."""
    folder = script.parent / model
    return str(folder) if not Path(model).is_absolute() and folder.is_dir() else model


def interrupted(folder: Path) -> None:
    """What a run leaves that is killed while it writes its last checkpoint: a whole one, and a half one."""
    output = folder / "output"
    output.mkdir()
    made = sorted((folder.parent / "run" / "output").glob("checkpoint-*"))
    if len(made) < 2:
        return
    whole, last = made
    shutil.copytree(whole, output / whole.name)
    shutil.copytree(last, output / last.name)
    largest = max((output / last.name).rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    os.truncate(largest, largest.stat().st_size // 2)


if __name__ == "__main__":
    sys.exit(run(main))
