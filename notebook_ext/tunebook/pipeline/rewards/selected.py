"""Rewards as they are named: numeric, tags*0.2, length(50-200), my_rewards.py:polite*0.5."""

from __future__ import annotations

import difflib
import math
import re

from pydantic import BaseModel

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards.catalogue import BUILT_IN, installed

EXAMPLE = "name rewards such as numeric, tags*0.2 or my_rewards.py:polite"
_WEIGHT = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_VALUE = re.compile(rf"(?:({_WEIGHT})\s*\*\s*)?(.+?)(?:\s*\*\s*({_WEIGHT}))?", re.DOTALL)
_FILE = re.compile(r"(.+\.py):(.+)", re.DOTALL)
_OPTION = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
#: What people call them elsewhere.
_ALSO = {
    "accuracy": "numeric",
    "code": "unit_tests",
    "format": "tags",
    "json": "json_schema",
    "math": "numeric",
    "multiple_choice": "choice",
    "number": "numeric",
    "regex": "pattern",
    "similarity": "fuzzy",
    "symbolic": "numeric",
    "tests": "unit_tests",
}


class RewardChoice(BaseModel):
    """One reward, and how much it counts. With `file` or `source`, `name` is a function in there."""

    name: str
    weight: float = 1.0
    file: str | None = None
    source: str | None = None  # of a notebook's function, with all that it needs
    option: str | None = None  # what a built-in reward is told, such as 50-200 in length(50-200)
    why: str = ""

    def said(self) -> str:
        """As `parse_rewards` reads it."""
        name = f"{self.file}:{self.name}" if self.file else self.name
        name += f"({self.option})" if self.option is not None else ""
        return name if self.weight == 1 else f"{name}*{self.weight:g}"


def parse_rewards(values: list[str]) -> list[RewardChoice]:
    """The rewards that are named. Raises CallError for a name that is not known, a weight that is none, a repetition."""
    choices = [_parsed(value) for value in values]
    for number, choice in enumerate(choices):
        if any((other.file, other.name) == (choice.file, choice.name) for other in choices[:number]):
            raise CallError("rewards", f"name {choice.name} twice", "name it once, with the weight it is to have")
    return choices


def _parsed(value: str) -> RewardChoice:
    found = _VALUE.fullmatch(value.strip())
    if not found:
        raise CallError("rewards", "are empty", EXAMPLE)
    if found[1] and found[3]:
        raise CallError("rewards", f"{value!r} has two weights", "give one, such as tags*0.2")
    body, weight = found[2].strip(), float(found[1] or found[3] or 1)
    if not math.isfinite(weight) or weight == 0:
        raise CallError("rewards", f"{value!r} has the weight {weight:g}", "give a weight such as 0.2, or leave it out")
    if file := _FILE.fullmatch(body):
        if not file[2].isidentifier():
            raise CallError("rewards", f"{file[2]!r} is no name of a function", "write my_rewards.py:polite")
        return RewardChoice(name=file[2], weight=weight, file=file[1])
    option = _OPTION.fullmatch(body)
    name = option[1] if option else body
    if name not in BUILT_IN and name not in installed():
        raise CallError("rewards", f"{name!r} is not known", _near(name))
    if option and not (name in BUILT_IN and BUILT_IN[name].constant):
        raise CallError("rewards", f"{name} takes nothing in brackets", f"write {name}")
    return RewardChoice(name=name, weight=weight, option=option[2].strip() if option else None)


def _near(name: str) -> str:
    known = [*BUILT_IN, *installed()]
    lower = re.sub(r"[\s-]+", "_", name.strip().lower())
    if "*" in name:
        return "write a weight as a number, such as tags*0.2"
    close = [_ALSO[lower]] if lower in _ALSO else difflib.get_close_matches(lower, known, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}? Known: {', '.join(known)}"
    own = lower if lower.isidentifier() else "polite"
    return f"choose among {', '.join(known)}, or name a function of your own as my_rewards.py:{own}"
