"""fuzzy: how much of the answer is there, letter by letter."""

import difflib
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, plain, said, stated

FUZZY_LONGEST = 2_000  # characters that are compared: the time grows with their square


def fuzzy(completions: list[Any], answer: list[Any], **_: Any) -> list[float | None]:
    """The share of letters, from 0.0 to 1.0, that what is said has in common with the answer, in the same order.

    1.0 is given to the answer itself only. What is said besides lowers it. None where the row has no answer.
    """
    return [_alike(answer_part(said(one)), right) for one, right in zip(completions, answer, strict=True)]


def _alike(text: str, right: Any) -> float | None:
    if right is None or not plain(str(right)):
        return None
    right = plain(str(right))
    found = [plain(part) for part in (text, stated(text)) if part]
    if right in found:
        return 1.0
    return max((_ratio(part, right) for part in found), default=0.0)


def _ratio(text: str, right: str) -> float:
    if len(text) > 20 * len(right) + 200:
        return 0.0  # the answer is lost in it
    ratio = difflib.SequenceMatcher(None, text[:FUZZY_LONGEST], right[:FUZZY_LONGEST], autojunk=False).ratio()
    return round(min(ratio, 0.99), 4)
