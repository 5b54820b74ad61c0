"""Which reward the rows themselves allow: what a program can check an answer by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

from tunebook.pipeline.rewards.library.said import plain, stated
from tunebook.pipeline.rewards.library.unit_tests import UNIT_TESTS_COLUMNS, test_pairs
from tunebook.pipeline.rewards.selected import RewardChoice

Row = dict[str, Any]
NEARLY_ALL = 0.99  # of the rows must have what the reward looks at
SHORT = 40  # characters of an answer that can be compared word for word
FEW_LABELS = 20  # different answers: one of them is no nearer to another for sharing letters with it
_NUMBER = re.compile(r"[-+−]?\s*\\?[$€£]?\s*\d[\d,. ]*(?:/\s*\d+)?(?:e[-+]?\d+)?\s*\\?%?\.?", re.IGNORECASE)
_FORMULA = re.compile(r"\\(?:boxed|frac|sqrt|pi)\b|####")


def choose(rows: list[Row]) -> list[RewardChoice]:
    """The rewards for rows as TRL reads them, with the reason; none where nothing in them lets a program check an answer."""
    if not rows:
        return []
    for name in UNIT_TESTS_COLUMNS:
        if _nearly_all(_are_tests(row.get(name)) for row in rows):
            return [_chosen("unit_tests", f"the column {name} holds tests that an answer's code can be run against")]
    if _nearly_all(isinstance(row.get("schema"), dict | str) and bool(row["schema"]) for row in rows):
        return [_chosen("json_schema", "the column schema says what JSON an answer is to be")]
    answers = [str(row["answer"]).strip() for row in rows if row.get("answer") is not None]
    answers = [answer for answer in answers if answer]
    if len(answers) < NEARLY_ALL * len(rows):
        return []
    return _by_answers(answers, rows)


def _by_answers(answers: list[str], rows: list[Row]) -> list[RewardChoice]:
    if _nearly_all(re.fullmatch(r"\(?[A-Ja-j]\)?\.?", answer) for answer in answers):
        return [_chosen("choice", "each answer is the letter of an option")]
    for name in ("choices", "options"):
        if _nearly_all(bool(row.get(name)) for row in rows):
            return [_chosen("choice", f"each answer is one of its options, in the column {name}")]
    if _nearly_all(_NUMBER.fullmatch(answer) for answer in answers):
        return [_chosen("numeric", "each answer is a number")]
    if _nearly_all(_FORMULA.search(answer) or _NUMBER.fullmatch(answer) for answer in answers):
        marked = _nearly_all(stated(answer) for answer in answers)
        return [
            _chosen("numeric", "each answer marks its result" if marked else "each answer is a number or a formula")
        ]
    lengths = sorted(len(answer) for answer in answers)
    if lengths[min(len(lengths) - 1, int(NEARLY_ALL * len(lengths)))] > SHORT or any("\n" in one for one in answers):
        return []
    labels = {plain(answer) for answer in answers}
    if len(labels) <= min(FEW_LABELS, max(1, len(answers) // 2)):
        return [_chosen("exact", f"the answers are {len(labels)} short texts, which are the same or are not")]
    why = "the answers are short enough to be compared"
    nearly = "answers that are nearly right are told from wrong ones while none is right"
    return [_chosen("exact", why), RewardChoice(name="fuzzy", weight=0.2, why=nearly)]


def _chosen(name: str, why: str) -> RewardChoice:
    return RewardChoice(name=name, why=why)


def _are_tests(value: Any) -> bool:
    """Whether `unit_tests` can run them: assertions, code that tests, or pairs of stdin and stdout."""
    if test_pairs(value):
        return True
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        return False
    try:
        trees = [ast.parse(text) for text in texts]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    parts = (part for tree in trees for part in ast.walk(tree))
    return any(
        isinstance(part, ast.Assert) or (isinstance(part, ast.Attribute) and part.attr.startswith("assert"))
        for part in parts
    )


def _nearly_all(found: Iterable[object]) -> bool:
    kept = [bool(one) for one in found]
    return bool(kept) and sum(kept) >= NEARLY_ALL * len(kept)
