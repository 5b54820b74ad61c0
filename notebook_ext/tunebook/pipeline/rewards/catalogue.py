"""The rewards that can be named: the built-in ones, and those of installed packages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from tunebook.pipeline.errors import CallError

GROUP = "tunebook.rewards"
LIBRARY = "tunebook.pipeline.rewards.library"


@dataclass(frozen=True)
class BuiltIn:
    """A module of the library and the function of its name."""

    name: str
    #: "answer": the right answer scores above every wrong one. "form": it looks at the form, and right answers may tie.
    judges: Literal["answer", "form"]
    requirements: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()  # of which a row needs the first
    constant: str | None = None  # in the module: what name(option) sets
    option: Callable[[str], Any] | None = None  # its value, of the text in brackets


def _span(text: str) -> str:
    found = re.fullmatch(r"(?:(\d+)\s*[-–]\s*)?(\d+)", text)
    if not found or int(found[2]) < 1 or int(found[1] or 0) > int(found[2]):
        raise CallError("rewards", f"length({text}) is no length", "give tokens, such as length(200) or length(50-200)")
    return f"{int(found[1] or 0)}-{int(found[2])}"


def _names(text: str) -> str:
    names = re.split(r"\s*[+ ,]\s*", text.strip())
    if not all(re.fullmatch(r"[A-Za-z][\w-]*", name) for name in names) or len(set(names)) < len(names):
        raise CallError("rewards", f"tags({text}) names no tags", "give names, such as tags(think+answer)")
    return "+".join(names)


def _regex(text: str) -> str:
    try:
        re.compile(text, re.DOTALL)
    except re.error as failure:
        raise CallError(
            "rewards", f"pattern({text}) is no regular expression ({failure})", "mend it, such as pattern(\\d+)"
        ) from None
    return text


def _schema(text: str) -> Any:
    import jsonschema

    try:
        schema = json.loads(text if text.startswith("{") else Path(text).expanduser().read_text(encoding="utf-8"))
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except (OSError, ValueError, RecursionError, jsonschema.SchemaError) as failure:
        why = (str(failure).splitlines() or [type(failure).__name__])[0][:120]
        raise CallError(
            "rewards", f"json_schema({text[:60]}) is no schema ({why})", "name a file with a JSON schema"
        ) from None
    return schema


BUILT_IN = {
    one.name: one
    for one in (
        BuiltIn("numeric", "answer", {"math-verify[antlr4_13_2]": ">=0.9,<0.10"}, ("answer",)),
        BuiltIn("choice", "answer", columns=("answer",)),
        BuiltIn("unit_tests", "answer", columns=("tests",)),
        BuiltIn("exact", "answer", columns=("answer",)),
        BuiltIn("fuzzy", "answer", columns=("answer",)),
        BuiltIn("json_schema", "form", {"jsonschema": ">=4.23,<5"}, constant="JSON_SCHEMA", option=_schema),
        BuiltIn("tags", "form", constant="TAGS", option=_names),
        BuiltIn("pattern", "form", constant="PATTERN", option=_regex),
        BuiltIn("length", "form", constant="LENGTH", option=_span),
    )
}


def library_source(module: str) -> str:
    return (files(LIBRARY) / f"{module}.py").read_text(encoding="utf-8")


def installed() -> list[str]:
    """Names of the rewards that installed packages bring, without importing any. Built-in names cannot be taken."""
    return sorted({point.name for point in entry_points(group=GROUP)} - set(BUILT_IN))


def entry_point(name: str) -> EntryPoint:
    """Raises CallError where several packages bring the name."""
    points = list(entry_points(group=GROUP, name=name))
    if len({point.value for point in points}) > 1:
        places = " and ".join(sorted({point.value for point in points}))
        raise CallError("rewards", f"{name!r} is brought by {places}", "uninstall all but one of them")
    return points[0]
