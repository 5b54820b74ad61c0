"""A request as the routes of the stand-in Hub get it, and what they answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.repos import Blob

if TYPE_CHECKING:
    from hub.server import StandInHub

PIECE = 1 << 18  # bytes that are written at once


@dataclass(frozen=True)
class Call:
    """What a route gets. `named` are the groups of its pattern; `account` is whose token came with it, None without."""

    named: dict[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    account: str | None

    def asks(self, name: str) -> bool:
        return self.query.get(name, [""])[0].lower() in ("true", "1")

    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Answer:
    """`body` is bytes, a part of a file from `start` up to `stop`, or a stream whose length nobody knows."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Blob | Iterator[bytes] = b""
    start: int = 0
    stop: int = 0

    @property
    def length(self) -> int | None:
        if isinstance(self.body, Blob):
            return self.stop - self.start
        return len(self.body) if isinstance(self.body, bytes) else None

    def pieces(self) -> Iterator[bytes]:
        if isinstance(self.body, bytes):
            yield self.body
            return
        if not isinstance(self.body, Blob):
            yield from self.body
            return
        for start in range(self.start, self.stop, PIECE):
            yield self.body.read(start, min(start + PIECE, self.stop))


class Refused(Exception):
    """An answer that is none: its status, the Hub's X-Error-Code and X-Error-Message."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


Route = tuple[str, re.Pattern[str], Callable[["StandInHub", Call], Answer]]


def as_json(value: Any) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())


def refusal(refused: Refused, more: Mapping[str, str] | None = None) -> Answer:
    """As the Hub words it: the reason in the headers, and as JSON in the body."""
    told = {"X-Error-Code": refused.code, "X-Error-Message": refused.message, **(more or {})}
    if refused.status == 429:
        told["ratelimit"] = '"api";r=0;t=55'
    headers = {name: value for name, value in told.items() if value}
    return Answer(
        refused.status,
        headers | {"Content-Type": "application/json"},
        json.dumps({"error": refused.message}).encode(),
    )
