"""The Python text of the rewards that a training script carries."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from pprint import pformat
from types import ModuleType

from pydantic import BaseModel

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.rewards.carried import Carried, joined_imports, self_contained, taken_apart
from tunebook.pipeline.rewards.catalogue import BUILT_IN, LIBRARY, entry_point, installed, library_source
from tunebook.pipeline.rewards.selected import EXAMPLE, RewardChoice


class RewardCode(BaseModel):
    """Source that defines REWARDS and REWARD_WEIGHTS, and what it needs to be installed."""

    source: str
    requirements: dict[str, str]
    names: list[str]
    weights: list[float]
    built_in: list[str] = []  # those of `names` that are the library's


def reward_code(choices: list[RewardChoice]) -> RewardCode:
    """The text for these rewards; the same choices give the same bytes. Raises CallError for one that cannot be carried."""
    parts: dict[str, Carried] = {}  # by where they come from
    for choice in choices:
        if choice.file is None and choice.source is None and choice.name in BUILT_IN:
            _add_built_in(choice, parts)
        else:
            _add_own(choice, parts)
    _no_name_twice(parts)
    names = [choice.name for choice in choices]
    ours = [choice.name for choice in choices if choice.name in parts and choice.name in BUILT_IN]
    requirements: dict[str, str] = {}
    for part in parts.values():
        requirements |= part.requirements
    blocks = [joined_imports(list(parts.values())), *(_block(part) for part in parts.values())]
    weights = [choice.weight for choice in choices]
    blocks.append(f"REWARDS = [{', '.join(names)}]\nREWARD_WEIGHTS = {weights}")
    source = joined(blocks)
    compile(source, "rewards", "exec")
    return RewardCode(
        source=source,
        requirements=dict(sorted(requirements.items())),
        names=names,
        weights=weights,
        built_in=ours,
    )


def joined(blocks: list[str]) -> str:
    """The blocks as ruff likes them: two empty lines between, one between imports and what is neither class nor function."""
    imports, *rest = [block.strip("\n") for block in blocks]
    body = "\n\n\n".join(block for block in rest if block) + "\n"
    if not imports:
        return body
    return imports + ("\n\n\n" if body.startswith(("def ", "class ", "async ", "@")) else "\n\n") + body


def _block(part: Carried) -> str:
    title = textwrap.indent(part.title.strip(), "# ", lambda _: True).replace("# \n", "#\n")
    if not part.title.strip():
        return part.body.strip("\n")
    gap = "\n\n\n" if part.body.lstrip("\n").startswith(("def ", "class ", "async ", "@")) else "\n\n"
    return f"{title}{gap}{part.body.strip()}"


def _add_built_in(choice: RewardChoice, parts: dict[str, Carried]) -> None:
    built_in = BUILT_IN[choice.name]
    _add_module(choice.name, parts)
    part = parts[choice.name]
    part.requirements = dict(built_in.requirements)
    if choice.option is not None and built_in.constant and built_in.option:
        value = pformat(built_in.option(choice.option), width=110)
        part.body += f"\n\n\n{built_in.constant} = {value}"


def _add_module(name: str, parts: dict[str, Carried]) -> None:
    """A module of the library behind those that it imports from."""
    if name in parts:
        return
    part, _ = taken_apart(library_source(name), name)
    needed = [statement for statement in part.imports if statement.startswith(f"from {LIBRARY}.")]
    for statement in needed:
        _add_module(statement.removeprefix(f"from {LIBRARY}.").partition(" ")[0], parts)
    part.imports = [statement for statement in part.imports if statement not in needed]
    parts[name] = part


def _add_own(choice: RewardChoice, parts: dict[str, Carried]) -> None:
    """The text of a file, of a notebook's function, or of an installed package's module."""
    place, source, folder = _own_source(choice)
    if place in parts and choice.source is None:
        part, tree = parts[place], ast.parse(source)
    else:
        part, tree = self_contained(source, place, folder)
        parts[place] = part
    function = next(
        (
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == choice.name
        ),
        None,
    )
    if function is None:
        if choice.name in part.names:  # a partial, or an instance that can be called
            return
        there = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        raise CallError(
            "rewards",
            f"{place} has no function {choice.name}",
            f"name one of {', '.join(there)}" if there else f"define it: def {choice.name}(completions, **kwargs)",
        )
    if function.args.kwarg is None:
        raise CallError(
            "rewards",
            f"{choice.name} in {place} takes only the arguments it names, and TRL hands over every column",
            f"write def {choice.name}(completions, **kwargs)",
        )


def _own_source(choice: RewardChoice) -> tuple[str, str, Path | None]:
    if choice.source is not None:
        return f"the notebook's {choice.name}", textwrap.dedent(choice.source), None
    if choice.file is not None:
        path = Path(choice.file).expanduser()
        try:
            return path.name, path.read_text(encoding="utf-8"), path.parent
        except (OSError, ValueError) as failure:
            why = getattr(failure, "strerror", None) or "it is no UTF-8 text"
            raise CallError(
                "rewards", f"{choice.file} cannot be read ({why})", "name a Python file, such as my_rewards.py:polite"
            ) from None
    if choice.name not in installed():
        raise CallError("rewards", f"{choice.name!r} is not known", EXAMPLE)
    point = entry_point(choice.name)
    try:
        found = point.load()
        module = found if isinstance(found, ModuleType) else inspect.getmodule(found)
        name = choice.name if isinstance(found, ModuleType) else found.__name__
        source = inspect.getsource(module) if module else ""
    except Exception as failure:  # someone else's code raises what it likes
        why = (str(failure).splitlines() or [type(failure).__name__])[0][:160]
        raise CallError(
            "rewards", f"{choice.name!r} could not be loaded from {point.value} ({why})", "mend or uninstall it"
        ) from failure
    if name != choice.name:
        raise CallError(
            "rewards", f"{choice.name!r} is the function {name} in {point.value}", "name both alike, or uninstall it"
        )
    return point.module, source, None


def _no_name_twice(parts: dict[str, Carried]) -> None:
    owner: dict[str, str] = {}
    for place, part in parts.items():
        imported = {ast.unparse(ast.parse(one)).rpartition(" ")[2]: one for one in part.imports}
        for name, what in [*((name, place) for name in dict.fromkeys(part.names)), *imported.items()]:
            if owner.setdefault(name, what) != what:
                first = owner[name]
                raise CallError(
                    "rewards",
                    f"{name} means one thing in {first} and another in {place} ({what})",
                    f"rename {name} in yours",
                )
