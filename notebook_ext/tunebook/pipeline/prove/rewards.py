"""The rewards of a GRPO script, tried as they stand in it: on right answers of its rows, and on wrong ones."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from tunebook.pipeline.prove.result import ProofCheck
from tunebook.pipeline.rewards import RewardCode, try_rewards
from tunebook.pipeline.rewards.catalogue import BUILT_IN, library_source

SECONDS = 20.0


def rewards_tried(script: Path, rows: list[dict[str, Any]]) -> list[ProofCheck]:
    """One check for each thing that is asked of a reward, by its name; none where REWARDS is no list of functions."""
    code = carried(script.read_text(encoding="utf-8"))
    if code is None or not rows:
        return []
    tried = try_rewards(code, rows, conversational=isinstance(rows[0].get("prompt"), list), seconds=SECONDS)
    return [ProofCheck(id=one.id, passed=one.passed, evidence=one.evidence) for one in tried]


def carried(source: str) -> RewardCode | None:
    """The part of a script that its rewards need: REWARDS, the functions in it, and what those use in turn."""
    tree = ast.parse(source)
    by_name: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for name in _defined(node):
            by_name.setdefault(name, []).append(node)
    named = _listed(by_name.get("REWARDS", []))
    if not named:
        return None
    needed: set[int] = set()
    waiting, seen = ["REWARDS"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in by_name.get(name, []):
            needed.add(id(node))
            waiting += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    kept = [ast.unparse(node) for node in tree.body if id(node) in needed]
    ours = [name for name in named if name in BUILT_IN and _unchanged(name, by_name[name])]
    return RewardCode(
        source="\n".join(kept) + "\n", requirements={}, names=named, weights=[1.0] * len(named), built_in=ours
    )


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Try | ast.If):
        return [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]
    return []


def _listed(nodes: list[ast.stmt]) -> list[str]:
    value = nodes[-1].value if nodes and isinstance(nodes[-1], ast.Assign) else None
    if not isinstance(value, ast.List) or not all(isinstance(one, ast.Name) for one in value.elts):
        return []
    return [one.id for one in value.elts if isinstance(one, ast.Name)]


def _unchanged(name: str, nodes: list[ast.stmt]) -> bool:
    """Whether a function is the library's, letter by letter: only then is it known what it has to say."""
    library = {ast.dump(node) for node in ast.parse(library_source(name)).body}
    return all(ast.dump(node) in library for node in nodes)
