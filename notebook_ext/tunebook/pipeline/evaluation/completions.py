"""Completions that someone else made, scored against a benchmark's items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tunebook.pipeline.benchmarks import Item
from tunebook.pipeline.errors import CallError


def evaluate_completions(path: Path, items: Sequence[Item]) -> list[str]:
    """The completion of each item, in the items' order, from a jsonl of `{"id", "completion"}`.

    Raises CallError unless there is exactly one for each item: a share over some of the items would not be comparable.
    Rows for items that a limit left out are allowed.
    """
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "not UTF-8"
        raise CallError("target", f"{path} cannot be read ({reason})", "name a .jsonl of completions") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, completion = _completion(line, number, path)
        if name in found:
            raise CallError("target", f"{path.name} has two completions for item {name}", "keep one for each item")
        found[name] = completion
    missing = [item.id for item in items if item.id not in found]
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        problem = f"{path.name} has no completion for {len(missing)} of {len(items)} items ({shown})"
        raise CallError("target", problem, "give one for each item; an id is the row's own, or its number from 0")
    return [found[item.id] for item in items]


def _completion(line: str, number: int, path: Path) -> tuple[str, str]:
    try:
        row = json.loads(line)
        name, completion = row["id"], row["completion"]
    except (ValueError, KeyError, TypeError):
        name, completion = None, None
    if not isinstance(name, str | int) or not isinstance(completion, str):
        remedy = 'write `{"id": ..., "completion": "..."}`, one object a line'
        raise CallError("target", f"{path.name} has no id and completion in line {number}", remedy)
    return str(name), completion
