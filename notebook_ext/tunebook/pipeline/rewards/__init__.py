"""Rewards for GRPO: functions that a training script carries as they stand, and their trial before it starts."""
