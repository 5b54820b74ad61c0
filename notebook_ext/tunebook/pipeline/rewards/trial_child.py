"""Runs rewards, or an environment, in a process of its own: what a person wrote may hang, leave, or take it down."""

from __future__ import annotations

import asyncio
import inspect
import json
import linecache
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    """argv: the file with what is asked, the file for what is found, which is written anew after every step."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    place = Path(sys.argv[2])
    found: dict[str, Any] = {"step": "load", "results": {}}

    def note(**news: Any) -> None:
        found.update(news)
        place.write_text(json.dumps(found), encoding="utf-8")

    note()
    try:
        module = loaded(asked["source"], asked["what"])
    except BaseException as failure:  # noqa: BLE001 - someone else's code
        note(error=reason(failure))
        return
    if asked["what"] == "environment":
        from tunebook.pipeline.rewards.environment_child import looked_at

        looked_at(module, asked, note)
        return
    for name, function, calls in zip(asked["names"], module.REWARDS, asked["calls"], strict=True):
        note(step=name)
        found["results"][name] = [called(function, call) for call in calls]
        note()
    note(step="done")


def loaded(source: str, what: str) -> Any:
    module = ModuleType(f"tunebook_{what}")
    file = f"<{what}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    sys.modules[module.__name__] = module
    exec(compile(source, file, "exec"), module.__dict__)
    return module


def called(function: Any, call: dict[str, Any]) -> dict[str, Any]:
    """The scores of one group of answers; what is no number is told in words."""
    heard = {"trainer_state": None, "log_extra": lambda *_: None, "log_metric": lambda *_: None}
    try:
        values = function(**call, **heard)
        if inspect.isawaitable(values):
            values = asyncio.run(_awaited(values))
        values = list(values)
    except BaseException as failure:  # noqa: BLE001 - someone else's code
        return {"error": reason(failure)}
    scores: list[Any] = []
    for value in values:
        if value is None:
            scores.append(None)
            continue
        try:
            number = math.nan if isinstance(value, str | bytes) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            return {"error": "", "wrong": f"{value!r}"[:60], "of": type(value).__name__}
        scores.append(number)
    return {"scores": scores}


def reason(failure: BaseException) -> str:
    line = (str(failure).strip().splitlines() or [""])[0][:160]
    return f"{type(failure).__name__}: {line}" if line else type(failure).__name__


async def _awaited(values: Any) -> Any:
    return await values


if __name__ == "__main__":
    main()
