"""choice: one of several options, by its letter or by its text."""

import re
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, plain, said, stated

_LETTER = re.compile(r"\(([A-Z])\)|(?<![\w'’-])([B-HJ-Z])(?![\w'’-])|(?<![\w'’-])([AI])(?=[).:,*]|\s*$)", re.MULTILINE)
_LISTED = re.compile(r"^[ \t]*\(?([A-Z])[.):][ \t]+(\S.*?)[ \t]*$", re.MULTILINE)


def choice(
    completions: list[Any],
    answer: list[Any],
    prompts: list[Any] | None = None,
    choices: list[Any] | None = None,
    options: list[Any] | None = None,
    **_: Any,
) -> list[float | None]:
    """1.0 if the option that is named last is the right one, 0.0 if not, or if several are named at once.

    The answer is a letter, or an option's text. The options are the column `choices` or `options`, or the lines of the
    prompt that begin with a letter (A. Paris). None where the row has no answer.
    """
    scores: list[float | None] = []
    for number, completion in enumerate(completions):
        given = (choices or options or [None] * len(completions))[number]
        known = listed_options(given, prompts[number] if prompts else None)
        right = _letter(str(answer[number]), known) if answer[number] is not None else None
        named = _named(answer_part(said(completion)), known) if right else None
        scores.append(float(named == right) if right else None)
    return scores


def listed_options(given: Any, prompt: Any) -> dict[str, str]:
    """Letter and text of each option, from a column's value, or else from the lines of the last turn that asks."""
    asked = prompt if isinstance(prompt, str) else said([{**turn, "role": "assistant"} for turn in prompt or []])
    return _options(given) or dict(_LISTED.findall(asked))


def _options(given: Any) -> dict[str, str]:
    if isinstance(given, dict):
        pairs = (
            zip(given["label"], given["text"], strict=False) if isinstance(given.get("text"), list) else given.items()
        )
        return {str(letter): str(text) for letter, text in pairs if text is not None}
    return dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", map(str, given or []), strict=False))


def _letter(text: str, known: dict[str, str]) -> str | None:
    """The option that a few words name: B, (B), B. Paris, option B, Paris."""
    bare = text.strip().strip("*_`$\"'")
    alone = re.fullmatch(r"\(?([A-Z])\)?[.:]?", bare)
    if alone and (not known or alone[1] in known):
        return alone[1]
    for letter, its in known.items():
        if plain(bare) == plain(its):
            return letter
    found = re.fullmatch(r"(?:option|choice|answer)?\s*\(?([A-Za-z])\)?(?:[.):,].*)?", bare, re.IGNORECASE | re.DOTALL)
    if found and (not known or found[1].upper() in known):
        return found[1].upper()
    return None


def _named(text: str, known: dict[str, str]) -> str | None:
    part = stated(text)
    if part is not None:
        inner = re.fullmatch(r"\\text\{(.*)\}", part)
        if any(plain(part) == plain(its) for its in known.values()):
            return _letter(part, known)
        letters = _letters(part, known)
        at_once = {letter for letter in re.findall(r"\b[A-Z]\b", part) if letter in (known or "ABCDEFGH")}
        if len(set(letters) | (at_once if re.search(r",|/|&|\b(?:or|and)\b", part) else set())) > 1:
            return None  # several at once
        return _letter(inner[1] if inner else part, known) or (letters[-1] if letters else _mentioned(part, known))
    whole = _letter(text, known)
    if whole:
        return whole
    letters = _letters(text, known)
    return letters[-1] if letters else _mentioned(text, known)


def _letters(text: str, known: dict[str, str]) -> list[str]:
    found = ["".join(groups) for groups in _LETTER.findall(text)]
    return [letter for letter in found if not known or letter in known]


def _mentioned(text: str, known: dict[str, str]) -> str | None:
    """The option whose text comes last; of two that end alike, the longer one."""
    words = plain(text)
    places = [
        (words.rfind(plain(its)) + len(plain(its)), len(its), letter)
        for letter, its in known.items()
        if plain(its) in words
    ]
    return max(places)[2] if places else None
