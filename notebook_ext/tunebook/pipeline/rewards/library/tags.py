"""tags: the parts of an answer, each between its tags."""

import re
from typing import Any

from tunebook.pipeline.rewards.library.said import said

TAGS = "think+answer"  # in this order


def tags(completions: list[Any], **_: Any) -> list[float | None]:
    """1.0 for <think>...</think><answer>...</answer> and nothing else; half the share of tags that are right otherwise.

    A tag is right if it is opened and closed once, with something between. The first one may be open already: some chat
    templates end with it.
    """
    return [_tagged(said(completion)) for completion in completions]


def _tagged(text: str) -> float:
    names = TAGS.split("+")
    parts = [rf"<{name}>(?:(?!</?{name}>).)*\S(?:(?!</?{name}>).)*</{name}>" for name in map(re.escape, names)]
    opened = text if text.lstrip().startswith(f"<{names[0]}>") else f"<{names[0]}>{text}"
    once = all(opened.count(f"<{name}>") == 1 == opened.count(f"</{name}>") for name in names)
    if once and re.fullmatch(r"\s*" + r"\s*".join(parts) + r"\s*", opened, re.DOTALL):
        return 1.0
    right = 0
    for name in names:
        inside = text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]
        right += text.count(f"<{name}>") == 1 == text.count(f"</{name}>") and bool(inside.strip())
    return 0.5 * right / len(names)
