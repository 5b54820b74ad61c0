"""Which benchmark fits a method where nobody named one."""

from __future__ import annotations

_BY_METHOD = {
    "sft": "heldout_loss",
    "dpo": "preference",
    "kto": "verdict",
    "reward": "reward_accuracy",
    "grpo": "mean_reward",
}


def default_benchmark(method: str) -> str:
    """What the method's held-out rows can be scored on as they are. SFT with short answers can be asked more of.

    >>> default_benchmark("dpo")
    'preference'
    """
    return _BY_METHOD[method]
