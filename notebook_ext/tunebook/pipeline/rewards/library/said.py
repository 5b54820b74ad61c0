"""What a completion says: its text, the part that is the answer, and the result that it states last."""

import re
from typing import Any

_MARKS = re.compile(
    r"\\boxed\{(?P<boxed>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"  # MATH
    r"|####[ \t]*(?P<hashes>[^\n]+)"  # GSM8K
    r"|\banswer(?:[ \t]+is\b|[ \t]*[:=])[ \t]*:?[ \t]*"  # The answer is 42. / Answer: 42
    r"(?P<phrase>(?:(?!\banswer\b|\\boxed|####)[^\n])+)",
    re.IGNORECASE,
)


def said(completion: Any) -> str:
    """The text of a completion: a string, or turns, of which the last one of the assistant counts."""
    if isinstance(completion, str):
        return completion
    for turn in reversed(completion or []):
        if isinstance(turn, dict) and turn.get("role", "assistant") == "assistant":
            content = turn.get("content") or ""
            if isinstance(content, str):
                return content
            return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return ""


def answer_part(text: str) -> str:
    """The text behind the thinking, inside the last <answer> tag if there is one; nothing if the thinking never ends."""
    if "</think>" in text:
        text = text.rpartition("</think>")[2]
    elif "<think>" in text:
        return ""
    _, tag, inside = text.rpartition("<answer>")
    return inside.partition("</answer>")[0] if tag else text


def stated(text: str) -> str | None:
    r"""The result that is stated last: \boxed{4}, #### 4, "the answer is 4." or "Answer: 4"; None if none is."""
    marks = list(_MARKS.finditer(text))
    if not marks:
        return None
    kind = marks[-1].lastgroup or ""
    result = marks[-1].group(kind).strip()
    if kind != "phrase":
        return result
    result = re.split(r"[.!?](?:\s|$)", result + " ")[0].strip()  # to the end of the sentence; 0.5 is none
    return result.strip("*_` $\"'") or None


def plain(text: str) -> str:
    """Letters and digits as they are compared: one form of Unicode, no case, single spaces, no full stop at the end."""
    import unicodedata

    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("\"'`*").removesuffix(".").strip()
