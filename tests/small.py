"""The whole pipeline in its one small form: real model, real data, every stage, under 90 seconds on two cores.

Browser, notebook and kill tests share it: 64 rows to train on, 16 held out, 12 steps of 4 rows, a checkpoint every 6.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

TRAIN_ROWS, HELD_OUT_ROWS = 64, 16
STEPS, SAVE_STEPS = 12, 6
CHECKPOINTS = ["checkpoint-6", "checkpoint-12"]
#: The name that the examples use; in a folder that `small_workspace` made it is found there, as transformers would.
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
DATASET = "data/kinds"


def small_data(kinds: Path, to: Path) -> Path:
    """The first rows of examples/data/kinds as a data set of its own in the folder `to`, which is returned."""
    to.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train.jsonl", TRAIN_ROWS), ("test.jsonl", HELD_OUT_ROWS)):
        with (kinds / name).open(encoding="utf-8") as file:
            text = "".join(islice(file, rows))
        if not (to / name).exists():  # a file that is written again is other data to a run that knew it
            (to / name).write_text(text, encoding="utf-8")
    return to


def small_instruction(model: str | Path = MODEL, dataset: str | Path = DATASET, **more: object) -> str:
    """The instruction of the small form; `more` fields are added as lines or replace the ones that are there."""
    fields = {
        "max_steps": STEPS,
        "batch_size": 4,
        "save_steps": SAVE_STEPS,
        "learning_rate": 5e-4,
        "gguf": "Q4_K_M",
    } | more
    lines = [f"{name}: {value}" for name, value in fields.items()]
    return "\n".join([f"Fine-tune {model} on {dataset} with LoRA, on this machine.", *lines])


def small_workspace(folder: Path, *, model: Path, kinds: Path) -> Path:
    """A working folder in which the examples run as they stand: the model under its name, the small data beside it."""
    small_data(kinds, folder / DATASET)
    link = folder / MODEL
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(model, target_is_directory=True)
    return folder
