"""What a reward is tried on: each row's right answer in its usual forms, and answers that are wrong in usual ways."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from tunebook.pipeline.rewards.library.choice import listed_options
from tunebook.pipeline.rewards.library.said import plain, stated

Row = dict[str, Any]
#: Wrong for every question, and hard on whoever reads them.
NASTY = {
    "nothing": "",
    "gibberish": "qzx vlk ;;; wrrt",
    "a very long answer": "lorem ipsum " * 5_000,
    "another script": "答案我不知道 — ñandú 🦆 \u202e\u0000",
    "half a surrogate": "\ud800 or so",
    "broken JSON": '{"a": NaN, "b": [1e999, ',
    "deep JSON": "[" * 5_000,
    "open thinking": "<think>Let me see. It could be",
}
#: Nothing is right or wrong in these; they have forms that rewards look for.
FORMS = {
    "JSON": '{"a": 1}',
    "a JSON block": "```json\n[]\n```",
    "tags": "<think>Let me see.</think><answer>qzx</answer>",
    "one tag": "<answer>qzx</answer>",
    "a few words": "Thank you, with pleasure. " * 5,
}


@dataclass(frozen=True)
class Tried:
    what: str
    text: str
    right: bool | None  # None: neither
    known: bool = False  # one of the forms of a right answer, or of a wrong one, that must be told apart


def tried_on(row: Row, rows: list[Row], reward: str) -> list[Tried]:
    """The answers to one row. `reward` is the name of a built-in one, or "" for a function of a person's own."""
    answers = _of_code(row, rows) if reward == "unit_tests" else _of_text(row, rows, reward)
    found = [Tried(what, text, False, known=True) for what, text in NASTY.items()]
    found += [Tried(what, text, None) for what, text in FORMS.items()]
    return [*answers, *found]


def _of_text(row: Row, rows: list[Row], reward: str) -> list[Tried]:
    answer = "" if row.get("answer") is None else str(row["answer"]).strip()
    if not answer:
        return []
    result = stated(answer) or answer
    right = {"the answer": answer}
    if "\n" not in result and reward in ("numeric", "choice", "exact", ""):
        right |= {"in a sentence": f"I thought about it. The answer is {result}."}
        right |= {"in tags": f"<think>Well, 3 of B.</think><answer>{result}</answer>"}
    if reward in ("numeric", ""):
        right["in a box"] = f"So it is $\\boxed{{{result}}}$."
    found = [Tried(what, text, True, known=True) for what, text in right.items()]
    return found + [Tried(what, text, False, known=True) for what, text in _wrong(row, rows, reward, result).items()]


def _wrong(row: Row, rows: list[Row], reward: str, result: str) -> dict[str, str]:
    wrong: dict[str, str] = {}
    number = re.fullmatch(r"[-+]?\d{1,15}(?:\.\d{1,10})?", result.replace(",", ""))
    if number:
        value = float(number[0])
        for step in (1, -1):
            near = f"{value + step:.10f}".rstrip("0").rstrip(".")
            wrong[f"{step:+d}"] = f"The answer is {near}."
    if reward == "choice":
        options = listed_options(row.get("choices") or row.get("options"), row.get("prompt"))
        letters = list(options) or list("ABCD")
        own = [
            letter
            for letter in letters
            if letter == result.strip("().").upper() or plain(options.get(letter, "")) == plain(result)
        ]
        wrong |= {f"option {one}": f"The answer is {one}." for one in letters if own and one not in own}
        return wrong
    others = (str(one["answer"]) for one in rows if _differs(one.get("answer"), result))
    other = next(others, None)
    if other is not None:
        wrong["another row's answer"] = other
    if len(result) > 1 and not (number and "." in result) and "\\" not in result and "/" not in result:
        wrong["half the answer"] = result[: len(result) // 2]
    return wrong


def _differs(other: Any, result: str) -> bool:
    if other is None or not str(other).strip():
        return False
    said = stated(str(other)) or str(other).strip()
    one, two = (re.sub(r"[\s,$%]|\.0+$", "", plain(text)) for text in (said, result))
    return one != two


def _of_code(row: Row, rows: list[Row]) -> list[Tried]:
    """Rows with tests have a solution sometimes: as their answer, or in a column of its own."""
    code = solution_of(row)
    if code is None:
        return [Tried("leaves at once", "import sys\nsys.exit(0)", False, known=True)]
    found = [
        Tried("the solution", code, True, known=True),
        Tried("in a block", f"Here it is:\n```python\n{code}\n```\n", True, known=True),
    ]
    elsewhere = next((one for one in map(solution_of, rows) if one is not None and one != code), None)
    wrong = {"leaves at once": f"import os\nos._exit(0)\n{code}", "nothing but a claim": "print('all tests passed')"}
    if elsewhere is not None:
        wrong["another row's solution"] = elsewhere
    return found + [Tried(what, text, False, known=True) for what, text in wrong.items()]


def solution_of(row: Row) -> str | None:
    """The program that a row brings; where it brings none, one that its tests themselves tell."""
    for name in ("answer", "solution", "code", "canonical_solution", "reference_solution"):
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            blocks = re.findall(r"```(?:python)?\n(.*?)```", value, re.DOTALL)
            code = str(blocks[-1]) if blocks else value
            try:
                compile(code, "solution", "exec")
            except (SyntaxError, ValueError, RecursionError):
                continue
            return code
    return _told_by(row.get("tests"))


def _told_by(tests: Any) -> str | None:
    """A program that looks up what is asserted of each call: of a problem without a solution nothing else is known."""
    known: dict[str, dict[str, Any]] = {}
    for text in [tests] if isinstance(tests, str) else tests if isinstance(tests, list) else ():
        try:
            asserted = [node.test for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]
        except (SyntaxError, TypeError, ValueError, RecursionError, MemoryError):
            continue
        for test in asserted:
            match test:
                case ast.Compare(ast.Call(ast.Name(name), arguments, []), [ast.Eq()], [value]):
                    try:
                        given = repr(tuple(ast.literal_eval(one) for one in arguments))
                        known.setdefault(name, {})[given] = ast.literal_eval(value)
                    except (TypeError, ValueError, RecursionError):
                        continue
    programs = [f"def {name}(*given):\n    return {table!r}.get(repr(given))" for name, table in known.items()]
    return "\n\n\n".join(programs) or None
