"""pattern: a form, as a regular expression."""

import re
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, said

PATTERN = r".*\S.*"
PATTERN_LONGEST = 20_000  # characters: a longer answer has not the form


def pattern(completions: list[Any], pattern: list[str] | None = None, **_: Any) -> list[float | None]:
    """1.0 if the whole answer, without spaces around it, has the form of PATTERN, or of the row's column `pattern`."""
    scores: list[float | None] = []
    for number, completion in enumerate(completions):
        wanted, text = (pattern[number] if pattern is not None else PATTERN), answer_part(said(completion)).strip()
        matched = len(text) <= PATTERN_LONGEST and re.fullmatch(wanted, text, re.DOTALL) is not None
        scores.append(float(matched))
    return scores
