"""Names of models and data sets as they stand in a text, and what their form alone tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tunebook.pipeline.instruction.known import DATASET_DOUBTS, DATASET_NAMES, FAMILIES, MODEL_NAMES, REPO_ROLES
from tunebook.pipeline.instruction.text import Text, squash, words

Role = Literal["model", "dataset", "benchmark", "other", ""]
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(?:@[\w.-]+)?", re.ASCII)
HUB = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<kind>datasets/|spaces/)?(?P<repo>[\w.-]+(?:/(?!(?:tree|blob|resolve|viewer)(?:/|$))[\w.-]+)?)"
    r"(?:/(?:tree|blob|resolve)/(?P<revision>[^/?#]+)[^?#]*|/viewer[^?#]*)?/?(?:[?#].*)?",
    re.ASCII,
)
_DATA_FILE = re.compile(r".+\.(?:jsonl|json|csv|tsv|parquet|arrow|txt|ndjson)(?:\.gz|\.zst)?", re.IGNORECASE)
_SIZED = re.compile(r"(?<![a-z0-9.])[0-9]{1,4}(?:\.[0-9])?[bm](?![a-z0-9])", re.IGNORECASE)
NOT_NAMES = words(
    "and/or,either/or,input/output,question/answer,questions/answers,prompt/response,prompt/completion,chosen/rejected,yes/no,"
    "true/false,on/off,his/her,he/she,n/a,pros/cons,read/write,train/test,train/eval,train/validation,tcp/ip,km/h,win/loss,q/a,"
    "user/assistant,his/hers,client/server"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name as it stands in the text: its tokens, its characters, and what its form alone says about its role."""

    first: int
    end: int
    start: int
    stop: int
    value: str
    role: Role = ""
    sure: bool = False  # by an address, a table or a form, not by the words around
    revision: str = ""
    doubt: str = ""  # candidates to choose from, for a name that fits several
    vague: bool = False  # an ordinary word as well: a name only where the words around say that it is one


def whole_name(text: Text, at: int) -> tuple[str, int]:
    """A name with everything glued to it: a name that runs into `<`, `$(` or `;` is refused whole, never cut to fit."""
    token = text.tokens[at]
    end, stop = at + 1, token.end
    while (
        end < len(text)
        and text.tokens[end].start == stop
        and text.tokens[end].text not in (",", ".", "!", "?", "…", ")", "\n")
    ):
        if text.tokens[end].kind == "mark" and (
            end + 1 >= len(text) or text.tokens[end + 1].start != text.tokens[end].end
        ):
            if text.tokens[end].text in ":;'\"]}":
                break
        stop, end = text.tokens[end].end, end + 1
        if stop - token.start > 1100:
            break
    if at and text.tokens[at - 1].end == token.start and text.tokens[at - 1].text in "$<>{|&":
        return text.source[text.tokens[at - 1].start : stop], end
    return text.source[token.start : stop], end


def candidates(text: Text) -> Iterator[Candidate]:
    at = 0
    while at < len(text):
        found = _candidate(text, at) if text.free(at) else None
        if found:
            yield found
        at = max(found.end if found else 0, at + 1)


def _candidate(text: Text, at: int) -> Candidate | None:
    token = text.tokens[at]
    if token.kind == "url":
        return _address(text, at)
    if token.kind == "quoted":
        inner = token.text[1:-1].strip()
        if len(inner) < 300 and ("/" in inner or _DATA_FILE.fullmatch(inner)) and not inner.startswith("<"):
            if _DATA_FILE.fullmatch(inner) or re.match(r"[~.]{0,2}/", inner):
                start = token.start + 1 + token.text[1:-1].index(inner)
                return Candidate(at, at + 1, start, start + len(inner), inner, *_form(inner))
        return None
    if token.kind != "word":
        return None
    if "/" in token.text or "\\" in token.text or _DATA_FILE.fullmatch(token.text):
        return _path_or_repo(text, at)
    return _bare(text, at)


def _address(text: Text, at: int) -> Candidate:
    token = text.tokens[at]
    hub = HUB.fullmatch(token.text)
    place = (at, at + 1, token.start, token.end)
    if not hub or hub["kind"] == "spaces/":
        return Candidate(*place, token.text, "other")
    if hub["kind"]:
        known = (
            hub["repo"]
            if "/" in hub["repo"]
            else DATASET_NAMES.get(hub["repo"].lower().replace("-", "").replace("_", ""), hub["repo"])
        )
        return Candidate(*place, known, "dataset", True, hub["revision"] or "")
    return Candidate(*place, hub["repo"], "model", True, hub["revision"] or "")


def _path_or_repo(text: Text, at: int) -> Candidate | None:
    token = text.tokens[at]
    whole, end = whole_name(text, at)
    if token.text.casefold() in NOT_NAMES or len(token.text) < 3 or not any(char.isalpha() for char in token.text):
        return None
    start = token.start
    stop = start + len(whole) if end > at + 1 else token.end
    if whole != text.source[start:stop]:  # glued to something before it
        start = token.start - 1
    revision = ""
    value = whole
    if _REPO.fullmatch(whole) and "@" in whole:
        value, _, revision = whole.partition("@")
    elif not (_REPO.fullmatch(whole) or _DATA_FILE.fullmatch(whole) or _looks_like_path(whole)):
        if not re.match(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9]", whole, re.ASCII):
            return None
    return Candidate(at, end, start, stop, value, *_form(value), revision)


def _looks_like_path(value: str) -> bool:
    return bool(re.match(r"(?:~|\.{1,2})?/[\w.-]|[A-Za-z]:\\", value)) or value.count("/") > 1 or value.endswith("/")


def _form(value: str) -> tuple[Role, bool]:
    """What the name itself tells about its role."""
    role = REPO_ROLES.get(value.casefold())
    if role:
        return ("model" if role == "model" else "dataset"), True
    parts = [part for part in re.split(r"[/\\]", value) if part]
    name, folders = (parts[-1].lower() if parts else ""), [part.lower() for part in parts[:-1]]
    if _DATA_FILE.fullmatch(name) or (folders and folders[0] in ("data", "datasets")):
        return "dataset", True
    squashed = name.replace("-", "").replace("_", "")
    if re.fullmatch(r"checkpoint-?[0-9]+", name) or (folders and folders[-1] in ("models", "checkpoints")):
        return "model", True
    if squashed.startswith(tuple(FAMILIES)) and (_SIZED.search(name) or squashed in MODEL_NAMES):
        return "model", True
    return "", False


def _bare(text: Text, at: int) -> Candidate | None:
    """A name without its owner: one of the tables, or a family whose member is left open."""
    key = text.key(at)
    name, marked, revision = text.tokens[at].text.partition("@")
    if marked and revision and (repo := MODEL_NAMES.get(squash(name)) or DATASET_NAMES.get(squash(name))):
        kind: Role = "model" if squash(name) in MODEL_NAMES else "dataset"
        return Candidate(at, at + 1, *text.span(at, at + 1), repo, kind, True, revision)
    if (
        key.startswith(tuple(FAMILIES))
        and not key.startswith(("llama.cpp", "option", "opti", "physical", "phil", "opt"))
    ) or re.match(r"opt-?[0-9]", key):
        return _family(text, at)
    if found := text.phrase(at, DATASET_NAMES):
        vague = key in _ORDINARY and found[1] == at + 1
        return Candidate(at, found[1], *text.span(at, found[1]), found[0], "dataset", True, vague=vague)
    if doubt := text.phrase(at, DATASET_DOUBTS):
        named = " or ".join(doubt[0])
        return Candidate(at, doubt[1], *text.span(at, doubt[1]), "", "dataset", True, doubt=named, vague=True)
    return None


_ORDINARY = words("squad,lima,dolly,capybara,tldr,guanaco,imdb")
_VARIANTS = words("instruct,base,chat,it,pt,thinking,coder,math,mini,small,medium,large")


def _family(text: Text, at: int) -> Candidate | None:
    found = text.phrase(at, MODEL_NAMES, longest=8)
    end = at + 1
    while end < min(at + 7, len(text)) and text.free(end) and end < (found[1] if found else len(text)):
        if not (
            re.fullmatch(r"[0-9.]+[bBmM]?|v[0-9.]+", text.tokens[end].text)
            or text.key(end) in _VARIANTS
            or text.key(end) == "-"
        ):
            break
        if text.key(end + 1) in ("epochs", "epoch", "steps", "rows", "hours", "examples", "%"):
            break
        end += 1
    if found:
        repo, end = found
        odd = text.free(end) and text.key(end) in _VARIANTS - {"it", "base", "small", "large", "medium", "math"}
        if not odd:
            return Candidate(at, end, *text.span(at, end), repo, "model", True)
        end += 1
    start, stop = text.span(at, end)
    near = _near(text.source[start:stop])
    if not near:
        return None
    return Candidate(at, end, start, stop, "", "model", True, doubt=", ".join(near))


def _near(said: str) -> list[str]:
    """Names that exist and begin like the one said; of a family, its smallest members."""
    key = "".join(said.lower().replace("-", " ").replace("_", " ").split())
    while key:
        near = [repo for name, repo in MODEL_NAMES.items() if name.startswith(key)]
        if near:
            return list(dict.fromkeys(near))[:4]
        key = key[:-1]
        if key not in "".join(FAMILIES) and len(key) < 3:
            break
    return []
