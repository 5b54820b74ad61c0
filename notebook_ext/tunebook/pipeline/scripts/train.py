"""Write the training script: a real Python file (templates/sft.py) with the plan's values put in."""

from __future__ import annotations

import pprint
import re
from importlib.resources import files
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.data.leaving_out import code
from tunebook.pipeline.data.source import Source, load_code

#: What the script needs, beside torch, in the ranges its template was written for.
REQUIREMENTS = {
    "datasets": ">=5,<6",
    "peft": ">=0.21,<0.22",
    "torch": ">=2.6",
    "trackio": ">=0.43,<0.44",
    "transformers": ">=5.23,<5.24",
    "trl": ">=1.16,<1.17",
}

FOUR_BIT = {"bitsandbytes": ">=0.46"}

_PLAN_BLOCK = re.compile(r"# <plan>\n.*?# </plan>\n", re.DOTALL)


class TrainSettings(BaseModel):
    """Every value that the plan decides for the training script."""

    model: str
    model_revision: str | None
    source: Source
    leave_out: list[int] = []  # numbers of training rows, of
    split_rows: int = 0  # so many
    to_trl: str | None  # source of `def to_trl(row)`; None where rows are ready as they are
    rows: int | None
    eval_share: float
    held_out_rows: int  # at most so many are kept to measure with
    loss_rows: int  # and so many of them for the held-out loss during training
    seed: int
    max_length: int | None
    packing: bool
    epochs: float
    max_steps: int | None
    device_batch_size: int
    accumulation: int
    learning_rate: float
    warmup_steps: int
    checkpointing: bool
    eval_steps: int
    save_steps: int
    half_weights: bool = False  # frozen weights in 16 bit where there is a GPU
    four_bit: bool = False  # and in 4 bit
    lora_rank: int | None  # None: every weight is trained
    report_to: list[str]
    data_settings: dict[str, Any] = {}  # fields of SFTConfig that the data and the template call for


def dependencies(four_bit: bool = False) -> list[str]:
    """`four_bit`: weights in 4 bit need one more."""
    needed = REQUIREMENTS | (FOUR_BIT if four_bit else {})
    return [f"{name}{versions}" for name, versions in sorted(needed.items())]


def train_script(settings: TrainSettings, *, timeout_s: int, flavor: str | None = None) -> str:
    """The whole script as text; the same settings give the same bytes."""
    template = (files("tunebook.pipeline.scripts") / "templates" / "sft.py").read_text(encoding="utf-8")
    body, count = _PLAN_BLOCK.subn(lambda _: _plan_block(settings), template)
    assert count == 1, "the template has one <plan> block"
    text = _header(timeout_s, flavor, settings.four_bit) + body
    compile(text, "train.py", "exec")
    return text


def _header(timeout_s: int, flavor: str | None, four_bit: bool) -> str:
    lines = ["# /// script", '# requires-python = ">=3.11"', "# dependencies = ["]
    lines += [f'#     "{dependency}",' for dependency in dependencies(four_bit)]
    lines += ["# ]", "#", "# [tool.hf-jobs]", f'# timeout = "{timeout_s}s"']
    lines += [f'# flavor = "{flavor}"'] if flavor else []
    return "\n".join([*lines, "# ///", ""])


def _plan_block(s: TrainSettings) -> str:
    constants: dict[str, Any] = {
        "MODEL": s.model,
        "MODEL_REVISION": s.model_revision,
        "HELD_OUT_ROWS": s.held_out_rows,
        "LOSS_ROWS": s.loss_rows,
        "SEED": s.seed,
        "MAX_LENGTH": s.max_length,
        "PACKING": s.packing,
        "EPOCHS": s.epochs,
        "MAX_STEPS": s.max_steps,
        "DEVICE_BATCH_SIZE": s.device_batch_size,
        "ACCUMULATION": s.accumulation,
        "LEARNING_RATE": s.learning_rate,
        "WARMUP_STEPS": s.warmup_steps,
        "CHECKPOINTING": s.checkpointing,
        "HALF_WEIGHTS": s.half_weights,
        "FOUR_BIT": s.four_bit,
        "EVAL_STEPS": s.eval_steps,
        "SAVE_STEPS": s.save_steps,
        "REPORT_TO": s.report_to,
        "DATA_SETTINGS": s.data_settings,
    }
    lines = [f"{name} = {pprint.pformat(value, width=100)}" for name, value in constants.items()]
    lora = (
        "None  # every weight is trained"
        if s.lora_rank is None
        else f'LoraConfig(r={s.lora_rank}, lora_alpha={2 * s.lora_rank}, target_modules="all-linear", task_type="CAUSAL_LM")'
    )
    lines += [f"LORA = {lora}", "", "", *_load_rows(s), "", "", (s.to_trl or READY).strip(), "", ""]
    return "\n".join(lines)


READY = "to_trl = None  # TRL takes the rows as they are"


def _load_rows(s: TrainSettings) -> list[str]:
    left_out = code(s.leave_out, s.split_rows)
    body = load_code(s.source, leave_out=left_out, rows=s.rows, eval_share=s.eval_share or None, seed=s.seed)
    return [
        "def load_rows() -> tuple[Dataset, Dataset | None]:",
        *(f"    {line}" for line in body.splitlines()),
        "    return train_rows, eval_rows",
    ]
