"""numeric: a number or a formula."""

import json
import os
import re
import select
import subprocess
import sys
import threading
from fractions import Fraction
from typing import Any

from tunebook.pipeline.rewards.library.said import answer_part, said, stated

NUMERIC_SECONDS = 5.0  # to compare two formulas; a formula that takes longer is wrong
NUMERIC_LONGEST = 2_000  # characters of a formula
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?[$€£]?(?:\d{1,3}(?:,\d{3})+|\d{1,400})(?:\.\d{1,400})?(?:e[-+]?\d{1,2})?(?![\w.]*\d)(?:\s*/\s*\d{1,400})?",
    re.IGNORECASE,
)
#: A process of its own: math-verify's time limits are signals, which threads do not have and long sums do not heed.
_MATH = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import logging
logging.disable(logging.CRITICAL)
from math_verify import parse, verify
print("ready", flush=True)
for line in sys.stdin:
    right, text = json.loads(line)
    try:
        right = parse("$" + right + "$", parsing_timeout=3) or parse(right, parsing_timeout=3)
        found = bool(right) and verify(right, parse(text, parsing_timeout=3), timeout_seconds=3)
        print(json.dumps(bool(found) if right else None), flush=True)
    except BaseException:
        print("false", flush=True)
"""
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG")
_lock = threading.Lock()
_math: list[Any] = []  # the process, once there is one


def numeric(completions: list[Any], answer: list[Any], **_: Any) -> list[float | None]:
    r"""1.0 if the result that is stated last equals the answer, 0.0 if not; None where the row has no answer to compare.

    Results are read from \boxed{...}, #### ..., "the answer is ..."; without these the last number counts. Numbers are
    compared by value (1,000 = 1e3, 1/2 = 0.5, 40% = 40), formulas by math-verify.
    """
    return [_equal(answer_part(said(one)), right) for one, right in zip(completions, answer, strict=True)]


def _equal(text: str, right: Any) -> float | None:
    if right is None or not str(right).strip():
        return None
    wanted = (stated(str(right)) or str(right)).strip()
    number, part = _value(wanted), stated(text)
    if number is not None:
        if part is None:
            numbers = _NUMBER.findall(_with_fractions(text[-20_000:]))
            found = _value(numbers[-1]) if numbers else None
            return float(found is not None and _same_number(found, number, numbers[-1], wanted))
        for piece in (part, re.split(r"[,;]\s|\s\(|\s(?:because|since|as|for)\b", part)[0]):
            found = _value(piece)
            if found is not None:
                return float(_same_number(found, number, piece, wanted))
    if part is None and not text.strip():
        return 0.0
    if part is None and number is None and text.strip() == wanted:
        return 1.0
    return _by_formula(part if part is not None else text.strip(), wanted)


def _value(text: str) -> Fraction | None:
    """The number that a text is, with a sign, a currency, a unit, or an equation before it."""
    text = text.rpartition("=")[2].replace("\\$", "$").replace("\\%", "%").replace("\\!", "").replace("\\,", "")
    text = re.sub(r"\\(?:text|mathrm|mbox)\{[^{}]*\}", " ", text)
    text = _with_fractions(text).strip("$ \t\n*.")
    found = _NUMBER.match(text)
    if not found or re.search(r"[\d\\^_*/+=(){}]|\bor\b|\band\b", text[found.end() :], re.IGNORECASE):
        return None  # a formula, or more than one
    bare = re.sub(r"[$€£,\s]", "", found[0]).replace("−", "-")
    try:
        above, _, below = bare.partition("/")
        return Fraction(above) / Fraction(below or 1)
    except (ValueError, ZeroDivisionError):
        return None


def _with_fractions(text: str) -> str:
    return re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text)


def _same_number(found: Fraction, right: Fraction, said_as: str, right_as: str) -> bool:
    if "%" in right_as and "%" not in said_as and found * 100 == right:
        return True
    if found.denominator == right.denominator == 1:
        return found == right
    return abs(found - right) <= min(abs(right), Fraction(1)) / 1_000_000  # 0.3333333 for 1/3


def _by_formula(text: str, right: str) -> float | None:
    if len(right) > NUMERIC_LONGEST:
        return None
    text = text[-NUMERIC_LONGEST:]
    marked = any(mark in text for mark in ("$", "\\(", "\\["))  # without, math-verify takes any number for a result
    found = _asked([right.strip("$"), text if marked else f"${text}$"])
    return None if found is None else float(found)


def _asked(question: list[Any]) -> bool | None:
    """What math-verify says. A process that is too slow is ended, and the next question starts another."""
    with _lock:
        if not _math or _math[0].poll() is not None:
            kept = {
                name: os.environ[name] for name in _KEPT if name in os.environ
            }  # no token goes where answers are read
            process = subprocess.Popen(
                [sys.executable, "-c", _MATH],
                env=kept,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            _math[:] = [process]
            if _line(process, 120) != b"ready\n":
                _ended(process)
                raise RuntimeError("math-verify cannot be loaded: pip install math-verify[antlr4_13_2]")
        process = _math[0]
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = _line(process, NUMERIC_SECONDS)
        except OSError:
            line = b""
        if not line:
            _ended(process)
            return False
        found: bool | None = json.loads(line)
        return found


def _line(process: Any, seconds: float) -> bytes:
    """Its answers are one short line each, written at once."""
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""


def _ended(process: Any) -> None:
    process.kill()
    process.communicate()
    _math.clear()
