"""Python literals as people write them: double quotes, and one entry a line where it grows long."""

from __future__ import annotations

from typing import Any

WIDTH = 100


def literal(value: Any, indent: str = "") -> str:
    """The source of a plain value: text, numbers, None, lists and dicts of those.

    >>> literal({"train": ["a.jsonl"]})
    '{"train": ["a.jsonl"]}'
    """
    if isinstance(value, str):
        plain = value.isprintable() and not {'"', "\\"}.intersection(value)
        return f'"{value}"' if plain else repr(value)
    if isinstance(value, dict):
        return _parts(
            "{", [f"{literal(key)}: {literal(one, indent + '    ')}" for key, one in value.items()], "}", indent
        )
    if isinstance(value, list):
        return _parts("[", [literal(one, indent + "    ") for one in value], "]", indent)
    return repr(value)


def _parts(opening: str, parts: list[str], closing: str, indent: str) -> str:
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) + len(indent) <= WIDTH and "\n" not in line:
        return line
    inner = "".join(f"{indent}    {part},\n" for part in parts)
    return f"{opening}\n{inner}{indent}{closing}"
