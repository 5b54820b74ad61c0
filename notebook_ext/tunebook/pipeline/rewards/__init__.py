"""Rewards for GRPO: functions that a training script carries as they stand, and their trial before it starts."""

from tunebook.pipeline.rewards.choose import choose
from tunebook.pipeline.rewards.embed import RewardCode, reward_code
from tunebook.pipeline.rewards.environments import (
    EnvironmentCode,
    environment,
    environment_code,
    try_environment,
)
from tunebook.pipeline.rewards.selected import RewardChoice, parse_rewards
from tunebook.pipeline.rewards.trial import RewardCheck, try_rewards

__all__ = [
    "EnvironmentCode",
    "RewardCheck",
    "RewardChoice",
    "RewardCode",
    "choose",
    "environment",
    "environment_code",
    "parse_rewards",
    "reward_code",
    "try_environment",
    "try_rewards",
]
