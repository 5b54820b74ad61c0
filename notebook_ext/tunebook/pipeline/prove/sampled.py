"""Answers for GRPO's clone to be rewarded for: what random weights say is all alike to most rewards."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from tunebook.pipeline.rewards.tried import solution_of

#: Columns that hold a reference answer, as data sets for GRPO name them.
REFERENCES = (
    "answer",
    "solution",
    "ground_truth",
    "target",
    "completion",
    "label",
    "output",
    "response",
    "final_answer",
)
#: Random weights call no tool, so that nothing in an environment would tell one answer from another.
TOOLS = "every second answer gets a reward of one more, as the clone calls no tool"


def plant(note: Callable[[str], None]) -> None:
    """Within each group the first answer stays the clone's own; the others are made of the row's reference answer."""
    from trl import GRPOTrainer

    score, single = GRPOTrainer._generate_and_score_completions, GRPOTrainer._generate_single_turn
    judge = GRPOTrainer._calculate_rewards

    @wraps(score)
    def scored(self: Any, inputs: Any) -> Any:
        self._proved_inputs = inputs
        return score(self, inputs)

    @wraps(judge)
    def judged(self: Any, *arguments: Any, **keywords: Any) -> Any:
        rewards = judge(self, *arguments, **keywords)
        if self.tools:
            note(TOOLS)
            rewards[::2, 0] = rewards[::2, 0].nan_to_num() + 1.0
        return rewards

    @wraps(single)
    def sampled(self: Any, *arguments: Any, **keywords: Any) -> Any:
        ids, logprobs = single(self, *arguments, **keywords)
        rows = getattr(self, "_proved_inputs", [])
        if len(rows) != len(ids) or self.tools:
            return ids, logprobs
        note("three of four answers are planted: the reference answer, alone, worked out and cut")
        group = self.num_generations if self.model.training else self.num_generations_eval
        return [_planted(self, rows[at], own, at % group) for at, own in enumerate(ids)], logprobs

    GRPOTrainer._generate_and_score_completions = scored
    GRPOTrainer._generate_single_turn = sampled
    GRPOTrainer._calculate_rewards = judged


def _planted(trainer: Any, row: dict[str, Any], own: list[int], place: int) -> list[int]:
    if place == 0:
        return own
    reference = reference_of(row)
    texts = (
        f"<think>\nIt is so.\n</think>\n<answer>\n\\boxed{{{reference}}}\n</answer>\n#### {reference}",
        reference,
        reference[: len(reference) // 2],
    )
    tokenizer = trainer._tokenizer
    ids: list[int] = tokenizer(texts[(place - 1) % len(texts)], add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id]


def reference_of(row: dict[str, Any]) -> str:
    """The row's reference answer as text; a few words where it has none."""
    for name in REFERENCES:
        value = row.get(name)
        if isinstance(value, list) and value and isinstance(value[-1], dict):
            value = value[-1].get("content")
        if value not in (None, "", []):
            return value if isinstance(value, str) else json.dumps(value)
    if row.get("tests") and (program := solution_of(row)):
        return program
    return "Yes, that is so."
