"""Reward functions of a notebook: written into a file of their own, with what they use, so that a script can carry them."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tunebook.pipeline.errors import CallError

_NAMED = re.compile(r"((?:[-+.\deE]+\s*\*\s*)?)([A-Za-z_]\w*)((?:\s*\*\s*[-+.\deE]+)?)")


def written(rewards: Sequence[Any], names: Mapping[str, Any]) -> list[str]:
    """The rewards with each function, or name of one among `names`, as FILE.py:NAME; all others as they are.

    Raises CallError for a function whose text is not to be had, or which uses what cannot be written into a file.
    """
    return [_written(one, names) for one in rewards]


def _written(reward: Any, names: Mapping[str, Any]) -> str:
    if isinstance(reward, FunctionType):
        return _file_of(reward)
    found = _NAMED.fullmatch(str(reward).strip())
    if found and isinstance(names.get(found[2]), FunctionType) and not _is_built_in(found[2]):
        return f"{found[1]}{_file_of(names[found[2]])}{found[3]}"
    return str(reward)


def _is_built_in(name: str) -> bool:
    from tunebook.pipeline.rewards import parse_rewards

    try:
        parse_rewards([name])
    except CallError:
        return False
    return True


def _file_of(function: Callable[..., Any]) -> str:
    """The file that holds the function. The same text is the same file, so that a cell run again finds its run."""
    from tunebook.pipeline.home import home

    name = function.__name__
    if not name.isidentifier():
        raise CallError("rewards", f"{name} has no name of its own", "define it with `def`")
    text = "\n\n\n".join(part for part in _parts(function, {}).values()) + "\n"
    folder = home() / "rewards" / hashlib.sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return f"{path}:{name}"


def _parts(function: Callable[..., Any], found: dict[str, str]) -> dict[str, str]:
    """What the function uses, each by its name and before what uses it, and the function itself last."""
    assert isinstance(function, FunctionType)
    source = _source(function)
    for name in sorted(_names(function.__code__) | _named_outside(source)):
        value = function.__globals__.get(name)
        if name in found or name == function.__name__ or name not in function.__globals__:
            continue
        if isinstance(value, ModuleType):
            found[name] = f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
        elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
            _parts(value, found)
        elif isinstance(value, FunctionType | type) and value.__module__ not in ("__main__", function.__module__):
            found[name] = f"from {value.__module__} import {value.__name__}" + (
                f" as {name}" if value.__name__ != name else ""
            )
        elif _is_plain(value):
            found[name] = f"{name} = {value!r}"
        else:
            problem = f"{function.__name__} uses {name}, which cannot be written into a script"
            raise CallError("rewards", problem, "define it inside the function, or keep the reward in a file")
    found[function.__name__] = source
    return found


def _source(function: Callable[..., Any]) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):
        problem = f"the text of {function.__name__} is not to be had"
        raise CallError("rewards", problem, "define it in a cell, or keep it in a file: my_rewards.py:polite") from None


def _named_outside(source: str) -> set[str]:
    """Names that are looked up when the function is defined: in its annotations, defaults and decorators."""
    defined = ast.parse(source).body[0]
    if isinstance(defined, ast.FunctionDef | ast.AsyncFunctionDef):
        defined.body = []
    return {node.id for node in ast.walk(defined) if isinstance(node, ast.Name)}


def _names(code: CodeType) -> set[str]:
    """Global names that the code uses, with those of functions inside it."""
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*(_names(one) for one in inner))


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, str | int | float | bool | bytes)
