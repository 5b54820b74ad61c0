"""Words with their places: an instruction cut into tokens that remember where they stood.

Readers look words up by `key`, a form without case, hyphens and underscores, so that "learning rate", "learning-rate" and
"learning_rate" are one entry of a table. Cutting is one pass; no pattern here can take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Kind = Literal["word", "mark", "quoted", "url"]
Value = TypeVar("Value")

_PIECES = re.compile(
    r"""(?P<space>\s+)
    |(?P<url>(?:\b[A-Za-z][A-Za-z0-9+]{1,9}://|(?:huggingface\.co|hf\.co)/)[^\s<>"'`,;)\]}]+)
    |(?P<quoted>"[^"\n]*"|“[^“”\n]*”|«[^«»\n]*»|`[^`\n]*`|(?<![\w'])'(?:[^'\n]|(?<=\w)'(?=\w))*'(?![\w']))
    |(?P<word>(?:[^\s,:;="“”«»`()\[\]{}<>]|(?<=[0-9])[,:](?=[0-9])|(?<=[A-Za-z]):(?=\\)|(?<=\w)\[[\w:%+-]{1,40}\])+)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_DROPPED = str.maketrans("", "", "-_'’\u2010\u2011")
_NUMBER = r"(?:[0-9][0-9_,]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+−]?[0-9]+)?"
#: "$4", "-$3", "4$", "90min", "10%", "4096-token": a number glued to its sign, currency or unit.
_GLUED = re.compile(
    rf"(?P<about>[~≈]?)(?P<sign>[-−+]?)(?P<cash>(?:[uU][sS])?[$€£])?(?P<minus>[-−]?)(?P<number>{_NUMBER}[kKM]?)"
    r"(?P<unit>-?(?:hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|h|m|s|d|epochs?|steps?|rows?|tokens?|tok|ctx|usd|"
    r"USD|dollars?|cents?|eur)|[$€£%])?(?P<rest>/(?:hour|hr|h))?"
)
_CLOCK = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:hours?|hrs?|h|minutes?|mins?|m|s))+[0-9]*")
_LABELLED = re.compile(r"(rank|r|seed|batch|bs|lr|ctx)-?([0-9][0-9.e-]*k?)", re.IGNORECASE)
_HARD = frozenset(".!?;…\n")


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    start: int
    end: int
    kind: Kind

    @property
    def key(self) -> str:
        return squash(self.text)


def squash(words: str) -> str:
    """The form that tables are keyed by: lower case, no hyphens, underscores, apostrophes or spaces."""
    return "".join(words.lower().translate(_DROPPED).split()) or words


class Phrases(dict[str, Value]):
    """A lookup from squashed phrases to values, which also knows how phrases begin, so that a search ends early."""

    def __init__(self, entries: Mapping[str, Value]) -> None:
        super().__init__(entries)
        self.beginnings = frozenset(phrase[:length] for phrase in entries for length in range(1, len(phrase) + 1))


def table(entries: Mapping[Value, str]) -> Phrases[Value]:
    """The lookup that a readable `{value: "phrase, phrase"}` describes."""
    return Phrases({squash(phrase): value for value, phrases in entries.items() for phrase in phrases.split(",")})


def words(listed: str) -> frozenset[str]:
    """A set of keys from a comma-separated list."""
    return frozenset(squash(word) for word in listed.split(","))


def _cut_word(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Pieces of one run of characters: wrapping punctuation off, numbers apart from their units."""
    while text and text[0] in "*'’&|" and len(text) > 1:
        text, start = text[1:], start + 1
    if text.startswith("--") and len(text) > 2:
        yield "--", start
        text, start = text[2:], start + 2
    body = text.rstrip(".!?…'’*|&") or text
    tail = text[len(body) :]
    if body.endswith(("'s", "’s")):
        body, tail = body[:-2], ""
    pieces: list[str]
    if len(body) < 20 and _CLOCK.fullmatch(body):
        pieces = re.findall(r"[0-9.]+|[a-z]+", body)
    elif len(body) < 60 and (match := _GLUED.fullmatch(body)):
        cash = match["cash"] or match["unit"]
        sign = [] if cash else [match["sign"]]
        head = [match["about"], match["sign"] if cash else "", match["cash"] or "", match["minus"]]
        unit = match["unit"] or ""
        hyphen = "-" if unit.startswith("-") else ""
        pieces = [*head, "".join(sign) + match["number"], hyphen, unit.removeprefix("-"), match["rest"] or ""]
    elif match := _LABELLED.fullmatch(body):
        gap = body[len(match[1]) : len(body) - len(match[2])]
        pieces = [match[1], gap, match[2]]
    else:
        pieces = [body]
    for piece in pieces:
        if piece:
            yield piece, start
        start += len(piece)
    if any(mark in _HARD for mark in tail):
        yield tail[-1] if tail[-1] in _HARD else ".", start + len(tail) - 1


def _cut(source: str) -> Iterator[Token]:
    for match in _PIECES.finditer(source):
        piece, start = match.group(), match.start()
        match match.lastgroup:
            case "space":
                if piece.count("\n") > 1:
                    yield Token("\n", start, match.end(), "mark")
            case "quoted":
                inner = piece[1:-1]
                if inner and not any(char.isspace() for char in inner):
                    yield Token(inner, start + 1, match.end() - 1, "word")
                else:
                    yield Token(piece, start, match.end(), "quoted")
            case "url":
                url = piece.rstrip(".!?:*")
                yield Token(url, start, start + len(url), "url")
                if len(url) < len(piece):
                    yield Token(".", start + len(url), start + len(url) + 1, "mark")
            case "word":
                for text, at in _cut_word(piece, start):
                    kind: Kind = "word" if any(char.isalnum() for char in text) else "mark"
                    yield Token(text, at, at + len(text), kind)
            case _:
                yield Token(piece, start, match.end(), "mark")


class Text:
    """An instruction as tokens; readers take the ones they understood, so that no word is read twice."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = list(_cut(source))
        self.keys = [token.key for token in self.tokens]
        self.taken = bytearray(len(self.tokens))
        self.aside: list[tuple[int, int]] = []  # tokens [first, end) that were understood, but are no field

    def __len__(self) -> int:
        return len(self.tokens)

    def key(self, at: int) -> str:
        return self.keys[at] if 0 <= at < len(self.keys) else ""

    def free(self, at: int) -> bool:
        return 0 <= at < len(self.taken) and not self.taken[at]

    def take(self, first: int, end: int) -> None:
        for at in range(first, end):
            self.taken[at] = 1

    def breaks(self, at: int) -> bool:
        """Whether a sentence ends at this token (or the text does)."""
        return not 0 <= at < len(self.tokens) or (self.tokens[at].kind == "mark" and self.tokens[at].text in _HARD)

    def span(self, first: int, end: int) -> tuple[int, int]:
        return self.tokens[first].start, self.tokens[end - 1].end

    def phrase(self, at: int, entries: Phrases[Value], longest: int = 4) -> tuple[Value, int] | None:
        """The longest entry that begins at this token, with the index after it; taken tokens do not count."""
        joined, found = "", None
        for end in range(at, min(at + longest, len(self.tokens))):
            if self.taken[end] or self.tokens[end].kind in ("quoted", "url"):
                break
            joined += self.keys[end] if self.tokens[end].text != "-" else ""
            if joined not in entries.beginnings:
                break
            if joined in entries and self.tokens[end].text != "-":
                found = entries[joined], end + 1
        return found

    def skip(self, at: int, keys: Container[str], most: int = 5) -> int:
        """The first index from `at` whose word is not among `keys`, at most `most` further."""
        stop = min(at + most, len(self.tokens))
        while at < stop and self.keys[at] in keys:
            at += 1
        return at

    def before(self, at: int, most: int = 12) -> Iterator[int]:
        """Indexes backwards from the token before `at`, up to the start of its sentence."""
        for index in range(at - 1, max(at - 1 - most, -1), -1):
            if self.breaks(index):
                return
            yield index
