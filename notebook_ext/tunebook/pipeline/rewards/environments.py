"""Environments for GRPO: a class that sets the task, is used through its methods, and says what a run was worth."""

from __future__ import annotations

import ast
import importlib.util
import re
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards.carried import OF_THE_SCRIPT, joined_imports, self_contained
from tunebook.pipeline.rewards.embed import joined
from tunebook.pipeline.rewards.trial import RewardCheck
from tunebook.pipeline.rewards.trial_process import tried_apart

SECONDS = 120.0
_VALUE = re.compile(r"(?P<place>.+\.py|[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_REMEDY = "name a class, such as my_env.py:MyEnv or package.module:MyEnv"
#: For classes without `get_reward`, which TRL calls by itself. It stands behind the other rewards.
_REWARD = '''\
def environment_reward(environments, **kwargs):
    """What each environment says its run was worth; None where it says nothing."""
    return [None if one.reward is None else float(one.reward) for one in environments]


REWARDS = [*REWARDS, environment_reward]
REWARD_WEIGHTS = [*REWARD_WEIGHTS, 1.0]
'''


class EnvironmentCode(BaseModel):
    """Source that defines ENVIRONMENT, to stand behind that of the rewards, and what it needs to be installed."""

    name: str
    source: str
    requirements: dict[str, str]


def environment(value: str) -> EnvironmentCode:
    """The environment that is named, as `my_env.py:MyEnv` or `package.module:MyEnv`. Raises CallError if it cannot be."""
    found = _VALUE.fullmatch(value.strip())
    if not found:
        raise CallError("environment", f"is {value!r}", _REMEDY)
    place, name = found["place"], found["name"]
    return _of_file(Path(place), name) if place.endswith(".py") else _of_package(place, name)


def environment_code(value: str) -> str:
    """The source alone."""
    return environment(value).source


def try_environment(
    code: EnvironmentCode, rows: list[dict[str, Any]] | None = None, *, seconds: float = SECONDS
) -> list[RewardCheck]:
    """Make it, reset it, use its tools, ask for its reward, as TRL does. In a process of its own; never raises.

    What was checked is in each id: environment.runs, environment.reset, environment.tools, environment.reward.
    """
    before = "REWARDS = []\nREWARD_WEIGHTS = []\n\n\n"
    asked = {"what": "environment", "source": before + code.source, "rows": (rows or [{}])[:3]}
    found = tried_apart(asked, seconds)
    checks = [RewardCheck.model_validate(one) for one in found.get("checks", [])]
    if "error" in found:
        step = "loaded" if found["step"] == "load" else f"used ({found['step']})"
        evidence = f"{code.name} cannot be {step}: {found['error']}. Mend it, or install what it imports."
        checks.append(RewardCheck(id="environment.runs", passed=False, evidence=evidence))
    return checks


def _of_file(path: Path, name: str) -> EnvironmentCode:
    try:
        source = path.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as failure:
        why = getattr(failure, "strerror", None) or "it is no UTF-8 text"
        raise CallError("environment", f"{path} cannot be read ({why})", _REMEDY) from None
    part, tree = self_contained(source, path.name, path.expanduser().parent, "environment")
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        there = f"name one of {', '.join(classes)}" if classes else _REMEDY
        raise CallError("environment", f"{path.name} has no class {name}", there)
    _must_do(classes[name], classes, path.name)
    title = "\n".join(f"# {line}".rstrip() for line in part.title.splitlines())
    owns = _has(classes[name], classes, "get_reward")
    blocks = [
        joined_imports([part]),
        title,
        part.body,
        f"ENVIRONMENT = {name}",
        "" if owns is not False else _REWARD.strip(),
    ]
    return EnvironmentCode(name=name, source=joined(blocks), requirements=part.requirements)


def _of_package(module: str, name: str) -> EnvironmentCode:
    try:
        there = importlib.util.find_spec(module) is not None
    except Exception:  # noqa: BLE001 - someone else's code
        there = False
    if not there:
        raise CallError("environment", f"{module} is not installed", f"install its package, or {_REMEDY}")
    requirements: dict[str, str] = {}
    for package in packages_distributions().get(module.partition(".")[0], [])[:1]:
        if package not in OF_THE_SCRIPT:
            requirements[package] = f">={version(package).partition('+')[0]}"
    lines = [f"from {module} import {name}", "", f"ENVIRONMENT = {name}"]
    reward = (
        _REWARD.strip()
        .replace("REWARDS = [*", f'if not hasattr({name}, "get_reward"):\n    REWARDS = [*')
        .replace("\nREWARD_WEIGHTS = [*", "\n    REWARD_WEIGHTS = [*")
    )
    return EnvironmentCode(name=name, source="\n".join([*lines, "", "", reward, ""]), requirements=requirements)


def _has(node: ast.ClassDef, classes: dict[str, ast.ClassDef], name: str) -> bool | None:
    """Whether a class has a method; None where it may be inherited from elsewhere."""
    if any(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name == name for part in node.body):
        return True
    above = [classes.get(base.id) if isinstance(base, ast.Name) else None for base in node.bases]
    found = [_has(base, classes, name) if base is not None and base is not node else None for base in above]
    return True if True in found else None if None in found else False


def _must_do(node: ast.ClassDef, classes: dict[str, ast.ClassDef], place: str) -> None:
    if _has(node, classes, "reset") is False:
        remedy = "write def reset(self, **row), which sets the task and returns its text"
        raise CallError("environment", f"{node.name} in {place} has no method reset", remedy)
    reset = next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "reset"), None)
    if reset is not None and reset.args.kwarg is None:
        problem = f"{node.name}.reset in {place} takes only what it names, and TRL hands over every column of a row"
        raise CallError("environment", problem, "write def reset(self, **row)")
    if _has(node, classes, "get_reward") is False and "reward" not in _attributes(node):
        problem = f"{node.name} in {place} says nowhere what a run was worth"
        raise CallError("environment", problem, "write def get_reward(self), or keep self.reward")


def _attributes(node: ast.ClassDef) -> set[str]:
    parts = list(ast.walk(node))
    found = {part.attr for part in parts if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)}
    found |= {part.name for part in parts if isinstance(part, ast.FunctionDef)}
    return found | {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
