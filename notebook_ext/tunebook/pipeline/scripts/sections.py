"""Templates of scripts are Python files with parts in comment marks: blocks to fill, and lines for some scripts only.

# <plan>            filled by `filled`
# </plan>
# <when adapter>    kept by `chosen` where there is an adapter; `unless` is the other way round
# </when>
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_OPEN = re.compile(r"\s*# <(when|unless) (\w+)>\s*")
_CLOSE = re.compile(r"\s*# </(when|unless)>\s*")


def block(text: str, name: str) -> str:
    """What stands between `# <name>` and `# </name>`."""
    found = re.search(rf"^# <{name}>\n(.*?)^# </{name}>$", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError(f"the template has no block {name}")
    return found[1]


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each block's marks and content replaced."""
    for name, part in parts.items():
        text = text.replace(f"# <{name}>\n{block(text, name)}# </{name}>\n", part, 1)
    return text


def chosen(text: str, present: Collection[str]) -> str:
    """The lines that are for a script with these things, without the marks."""
    kept: list[str] = []
    open_: list[bool] = []
    for line in text.splitlines(keepends=True):
        if found := _OPEN.fullmatch(line):
            open_.append((found[2] in present) == (found[1] == "when"))
        elif _CLOSE.fullmatch(line):
            open_.pop()
        elif all(open_):
            kept.append(line)
    if open_:
        raise ValueError("a section of the template is not closed")
    return "".join(kept)
