"""Training scripts with few settings of their own, for tests: every method, on any data and model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunebook.pipeline.data.source import locate
from tunebook.pipeline.scripts import TrainSettings, train_script

METHODS = ("sft", "dpo", "kto", "reward", "grpo")

LENGTH_REWARD = '''\
def length(completions, **kwargs):
    """Longer answers score higher."""
    return [float(len(str(one))) for one in completions]


REWARDS = [length]
REWARD_WEIGHTS = [1.0]
'''


def settings(method: str, model: str | Path, dataset: str | Path, **more: Any) -> TrainSettings:
    """Six steps of four rows; `more` are other fields of TrainSettings."""
    fields: dict[str, Any] = {
        "method": method,
        "model": str(model),
        "model_revision": None,
        "source": locate(str(dataset)),
        "to_trl": None,
        "rows": None,
        "eval_share": 0.0,
        "held_out_rows": 16,
        "loss_rows": 8,
        "seed": 42,
        "max_length": 128,
        "packing": False,
        "epochs": 1.0,
        "max_steps": 6,
        "device_batch_size": 4,
        "accumulation": 1,
        "learning_rate": 1e-3,
        "warmup_steps": 1,
        "checkpointing": False,
        "eval_steps": 3,
        "save_steps": 3,
        "lora_rank": 8,
        "report_to": [],
    }
    if method in ("dpo", "kto"):
        fields["beta"] = 0.1
    if method == "grpo":
        from tunebook.pipeline.rewards import RewardCode

        code = RewardCode(source=LENGTH_REWARD, requirements={}, names=["length"], weights=[1.0])
        fields |= {"rewards": code, "num_generations": 4, "max_completion_length": 8, "beta": 0.0}
    return TrainSettings(**(fields | more))


def script(method: str, model: str | Path, dataset: str | Path, **more: Any) -> str:
    return train_script(settings(method, model, dataset, **more), timeout_s=3600)
