"""The source of reward functions, executed in this process and called as TRL's GRPO calls them.

It is code of the person or of a package that they chose, the same that trains the model: it runs where the evaluation
runs, which is a job with a process of its own, and never in a notebook's kernel.
"""

from __future__ import annotations

import asyncio
import inspect
import linecache
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from tunebook.pipeline.errors import CallError

MODULE = "tunebook_rewards"
#: What the trainer hands over in its own way and is no column.
_OWN = ("prompt", "completion", "completion_ids")


@dataclass(frozen=True)
class Rewards:
    """Reward functions with their weights."""

    functions: list[Callable[..., Any]]
    weights: list[float]

    def totals(
        self, rows: Sequence[dict[str, Any]], answers: Sequence[str], ids: Sequence[list[int]] | None
    ) -> list[float]:
        """The weighted sum for each answer; NaN where no function gives a number. Raises CallError for one that fails."""
        if not rows:
            return []
        prompts = [row["prompt"] for row in rows]
        turns = isinstance(prompts[0], list)
        completions = [[{"role": "assistant", "content": text}] if turns else str(text) for text in answers]
        names = [name for name in dict.fromkeys(name for row in rows for name in row) if name not in _OWN]
        given: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
        given |= {"prompts": prompts, "completions": completions}
        given |= {"trainer_state": None, "log_extra": _unheard, "log_metric": _unheard}
        if ids is not None:
            given["completion_ids"] = list(ids)
        found = [_called(function, given, len(rows)) for function in self.functions]
        return [_sum(values, self.weights) for values in zip(*found, strict=True)]


def rewards_of(source: str) -> Rewards:
    """The functions in `REWARDS` and their weights, all 1 without `REWARD_WEIGHTS`. Raises CallError for a bad source."""
    module = ModuleType(MODULE)
    file = f"<{MODULE}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # tracebacks show the lines
    sys.modules[MODULE] = module  # data classes look their module up
    try:
        exec(compile(source, file, "exec"), module.__dict__)
    except Exception as failure:  # someone else's code raises what it likes
        raise CallError("rewards", f"cannot be loaded ({_reason(failure)})", "mend their source") from failure
    functions = getattr(module, "REWARDS", None)
    if not isinstance(functions, list | tuple) or not functions or not all(callable(one) for one in functions):
        raise CallError(
            "rewards", "have no list of functions called REWARDS", "end their source with `REWARDS = [...]`"
        )
    weights = getattr(module, "REWARD_WEIGHTS", None)
    weights = [1.0] * len(functions) if weights is None else list(weights)
    if len(weights) != len(functions):
        raise CallError(
            "rewards", f"are {len(functions)} functions with {len(weights)} REWARD_WEIGHTS", "give one weight for each"
        )
    return Rewards(list(functions), [float(weight) for weight in weights])


def _called(function: Callable[..., Any], given: dict[str, Any], count: int) -> list[float | None]:
    name = getattr(function, "__name__", type(function).__name__)
    try:
        values = function(**given)
        if inspect.isawaitable(values):
            with ThreadPoolExecutor(1) as other:  # in a notebook this thread has a loop that runs already
                values = other.submit(asyncio.run, _awaited(values)).result()
        found = [None if value is None else float(value) for value in values]
    except Exception as failure:  # someone else's code raises what it likes
        raise CallError("rewards", f"{name} failed ({_reason(failure)})", "mend the function") from failure
    if len(found) != count:
        raise CallError("rewards", f"{name} returned {len(found)} numbers for {count} answers", "return one for each")
    if any(value is not None and math.isinf(value) for value in found):
        raise CallError("rewards", f"{name} returned an infinite number", "return finite numbers, or None")
    return found


async def _awaited(values: Any) -> Any:
    return await values


def _sum(values: Sequence[float | None], weights: Sequence[float]) -> float:
    parts = [
        value * weight
        for value, weight in zip(values, weights, strict=True)
        if value is not None and not math.isnan(value)
    ]
    return math.fsum(parts) if parts else math.nan


def _unheard(*_: Any, **__: Any) -> None:
    """What a function would log beside a training's curves; here is none."""


def _reason(failure: Exception) -> str:
    lines = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {lines[0]}"[:160] if lines else type(failure).__name__
