"""Looks at an environment the way TRL's GRPO trainer does; runs in the trial's own process."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable
from typing import Any

from tunebook.pipeline.rewards.trial_child import reason

#: What a tool is called with, by the type that it names.
_EXAMPLES: dict[Any, Any] = {str: "42", int: 1, float: 1.0, bool: True, list: [], dict: {}}


def looked_at(module: Any, asked: dict[str, Any], note: Callable[..., None]) -> None:
    checks: list[dict[str, Any]] = []

    def found(what: str, passed: bool, evidence: str) -> bool:
        checks.append({"id": f"environment.{what}", "passed": passed, "evidence": evidence})
        note(checks=checks)
        return passed

    note(step="reset")
    cls = module.ENVIRONMENT
    name = cls.__name__
    try:
        one, other = cls(), cls()
    except BaseException as failure:  # noqa: BLE001 - someone else's code
        found("runs", False, f"{name}() failed ({reason(failure)}): it is made without arguments.")
        note(step="done")
        return
    tasks = []
    for row in asked["rows"]:
        try:
            tasks.append(one.reset(**row))
        except BaseException as failure:  # noqa: BLE001 - someone else's code
            found("reset", False, f"{name}.reset(**row) failed ({reason(failure)}): it is given every column of a row.")
            note(step="done")
            return
    if found("reset", *_task(name, tasks)):
        note(step="tools")
        tools = [member for member, _ in inspect.getmembers(cls, inspect.isfunction) if not member.startswith("_")]
        tools = [tool for tool in tools if tool not in ("reset", "get_reward")]
        found("tools", *_tools(name, one, tools))
        note(step="reward")
        found("reward", *_reward(module, name, one, other, asked["rows"][0], tools))
    note(step="done")


def _task(name: str, tasks: list[Any]) -> tuple[bool, str]:
    wrong = next((task for task in tasks if task is not None and not isinstance(task, str | list)), None)
    if wrong is not None:
        return False, f"{name}.reset gave {type(wrong).__name__}: return the task as text, or None."
    said = next((task for task in tasks if isinstance(task, str)), None)
    return True, f"a task such as {said[:80]!r}" if said else "it adds nothing to the prompt"


def _tools(name: str, one: Any, tools: list[str]) -> tuple[bool, str]:
    """TRL makes each tool's description from its type hints and its docstring, and fails where these are missing."""
    if not tools:
        return True, f"{name} has no tools: what the model says is read by the rewards alone"
    for tool in tools:
        function = getattr(one, tool)
        bare = [at for at, how in inspect.signature(function).parameters.items() if how.annotation is how.empty]
        if bare or not inspect.getdoc(function):
            what = f"the type of {bare[0]}" if bare else "a docstring"
            return False, f"{name}.{tool} cannot be described to a model: it lacks {what}; write it, with Args."
    from transformers.utils import get_json_schema  # takes seconds

    for tool in tools:
        try:
            get_json_schema(getattr(one, tool))
        except BaseException as failure:  # noqa: BLE001 - someone else's code
            why = reason(failure)
            return (
                False,
                f"{name}.{tool} cannot be described to a model ({why}): give it types and a docstring with Args.",
            )
    return True, f"tools: {', '.join(tools)}"


def _reward(module: Any, name: str, one: Any, other: Any, row: dict[str, Any], tools: list[str]) -> tuple[bool, str]:
    try:
        other.reset(**row)
        before = _worth(module, other)
        one.reset(**row)
        outcomes = [_used(one, tool) for tool in tools]
        after = _worth(module, one)
        one.reset(**row)
        again = _worth(module, one)
    except BaseException as failure:  # noqa: BLE001 - someone else's code
        return False, f"{name} failed to say what a run was worth ({reason(failure)}): return a float, or None."
    for value in (before, after, again):
        if value is not None and (isinstance(value, str) or not math.isfinite(float(value))):
            return False, f"{name} gave the reward {value!r}: return a finite number, or None."
    if again != before:
        return (
            False,
            f"{name}.reset leaves the reward at {again!r}, where a new one has {before!r}: set it anew in reset.",
        )
    raised = f", {sum(outcomes)} of {len(tools)} tools raised" if any(outcomes) else ""
    return True, f"reward {before!r} after reset, {after!r} after each tool was used once{raised}"


def _worth(module: Any, one: Any) -> Any:
    if hasattr(type(one), "get_reward"):
        value = one.get_reward()
        return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value
    return module.REWARDS[-1](environments=[one])[0]


def _used(one: Any, tool: str) -> bool:
    """Whether the tool raised, which TRL tells the model and goes on."""
    function = getattr(one, tool)
    try:
        needed = [
            one for one in inspect.signature(function, eval_str=True).parameters.values() if one.default is one.empty
        ]
        value = function(
            **{one.name: _EXAMPLES.get(one.annotation, "42") for one in needed if one.kind is not one.VAR_KEYWORD}
        )
        if inspect.isawaitable(value):
            asyncio.run(_awaited(value))
    except Exception:  # noqa: BLE001 - someone else's code
        return True
    return False


async def _awaited(value: Any) -> Any:
    return await value
