"""A stand-in for the Hugging Face Hub on 127.0.0.1, which the unmodified clients talk to through HF_ENDPOINT.

`StandInHub` holds the repositories and the log of what was asked; each module of routes answers one part of the API.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub import buckets as bucket_routes
from hub import hardware, job_routes, reading, writing
from hub.buckets import Buckets
from hub.calls import Answer, Call, Refused, refusal
from hub.faults import Fault, next_fault
from hub.jobs import Jobs
from hub.repos import MAIN, Kind, NotThere, Repo

ROUTES = [*reading.ROUTES, *writing.ROUTES, *hardware.ROUTES, *job_routes.ROUTES, *bucket_routes.ROUTES]


#: What Xet's own tokens open, and the accounts' do not.
XET = ("/v1/", "/v2/", "/xorbs/")


@dataclass(frozen=True)
class Asked:
    """One line of the log."""

    method: str
    path: str
    status: int
    bytes: int
    token: bool


@dataclass
class StandInHub:
    """What the Hub holds and what it was asked. `failing` is the status of every answer to a path with
    this part in it; `faults` are what happens to single requests.
    """

    url: str = ""
    repos: dict[tuple[Kind, str], Repo] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)  # token to name
    failing: dict[str, int] = field(default_factory=dict)
    organisations: dict[str, set[str]] = field(default_factory=dict)  # of an account
    readers: set[str] = field(default_factory=set)  # accounts whose tokens may only read
    no_buckets: set[str] = field(default_factory=set)  # accounts whose tokens may not have any
    told: dict[str, dict[str, Any]] = field(default_factory=dict)  # to an account who asks who it is, beside the usual
    credit: dict[str, float] = field(
        default_factory=dict
    )  # USD of a namespace, as much as is needed where none is said
    passes: dict[str, str] = field(default_factory=dict)  # tokens for Xet alone, to accounts
    faults: list[Fault] = field(default_factory=list)
    metric_s: float = 1.0  # between two measurements of a job
    hardware: Any = field(default_factory=hardware.listed)  # the answer to who asks for machine types
    log: list[Asked] = field(default_factory=list)

    def repo(self, kind: Kind, id: str, **more: Any) -> Repo:
        """A new repository."""
        self.repos[kind, id] = made = Repo(kind, id, **more)
        return made

    @cached_property
    def jobs(self) -> Jobs:
        made = Jobs()
        made.endpoint = self.url
        return made

    def mounted(self, volume: Mapping[str, Any], account: str) -> Path | None:
        """The folder on this machine that a job's volume stands for; None where there is no such thing."""
        if volume["type"] == "bucket":
            found = self.buckets.all.get(volume["source"])
            if found is None or not self.belongs(found.owner, account) or account in self.no_buckets:
                return None
            folder = found.place(volume.get("path") or "")
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        repo = self.repos.get((volume["type"], volume["source"]))
        if repo is None or (repo.private and not self.belongs(repo.owner, account)):
            return None
        try:
            return self.jobs.copied(repo.at(volume.get("revision") or MAIN).files)
        except NotThere:
            return None

    @cached_property
    def buckets(self) -> Buckets:
        return Buckets()

    def belongs(self, namespace: str, account: str | None) -> bool:
        """Whether a namespace is the account's own, or an organisation's that it is in."""
        return account is not None and (namespace == account or namespace in self.organisations.get(account, ()))

    def writer(self, call: Call) -> str:
        """Whose token this is, if it may write. Raises Refused."""
        if call.account is None:
            raise Refused(401, message="Invalid username or password.")
        if call.account in self.readers:
            raise Refused(403, message="Forbidden: the token may only read")
        return call.account

    def close(self) -> None:
        for held in ("jobs", "buckets"):
            if held in self.__dict__:
                getattr(self, held).close()

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the Hub says to a request."""
        parts = urlsplit(target)
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            for part, status in self.failing.items():
                if part in target:
                    raise Refused(status, message="Trouble here")
            account = (self.passes if parts.path.startswith(XET) else self.accounts).get(token)
            if token and account is None:
                raise Refused(401, message="Invalid credentials in Authorization header")
            for verb, pattern, function in ROUTES:
                if verb == method and (found := pattern.fullmatch(parts.path)):
                    named = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
                    call = Call(named, parse_qs(parts.query), headers, body, account)
                    return function(self, call)
            raise Refused(404, message="Not Found")
        except Refused as refused:
            return refusal(refused)
        except NotThere as missing:
            return refusal(Refused(404, missing.code, missing.code), {"X-Repo-Commit": missing.sha})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: StandInHub

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = "GET" if self.command == "HEAD" else self.command
        fault = next_fault(self.hub.faults, self.command, self.path)
        answer, sent = self._answered(method, body, fault), 0
        if answer is not None:
            try:
                for _ in range(2 if fault and fault.kind == "twice" else 1):
                    sent += self._send(answer, fault.events if fault and fault.kind == "cut" else None)
            except (BrokenPipeError, ConnectionResetError):  # a client may hang up as soon as it has what it wanted
                self.close_connection = True
        token = "Authorization" in self.headers
        self.hub.log.append(Asked(self.command, self.path, answer.status if answer else 0, sent, token))

    def _answered(self, method: str, body: bytes, fault: Fault | None) -> Answer | None:
        """None where the connection breaks before anything is said."""
        kind = fault.kind if fault else None
        if kind in ("payment", "rate"):
            refused = (
                Refused(402, message="Payment required") if kind == "payment" else Refused(429, message="Too many")
            )
            return refusal(refused, {"Retry-After": "1"})
        answer = None if kind == "before" else self.hub.answer(method, self.path, self.headers, body)
        if kind == "error":
            return refusal(Refused(500, message="Internal error"))
        if kind == "page":
            return Answer(200, {"Content-Type": "text/html"}, b"<html>Sign in to this network first.</html>")
        if kind == "stall":
            assert fault
            time.sleep(fault.seconds)
        if kind in ("before", "after", "stall"):
            self.close_connection = True
            return None
        return answer

    def _send(self, answer: Answer, most: int | None) -> int:
        """How many bytes were sent. Of a stream at most so many pieces, and then the connection breaks."""
        length = answer.length
        self.close_connection |= length is None
        self.send_response(answer.status)
        ends = {"Connection": "close"} if length is None else {"Content-Length": str(length)}
        for name, value in {**answer.headers, **ends}.items():
            self.send_header(name, value)
        self.end_headers()
        sent = 0
        for number, piece in enumerate(answer.pieces() if self.command != "HEAD" else ()):
            if most is not None and number >= most:
                break
            self.wfile.write(piece)
            sent += len(piece)
        return sent

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _do

    def log_message(self, format: str, *args: object) -> None:
        """The log is a list for the tests, nothing for the screen."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed hangs up in the middle: that is no trouble of the Hub's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(hub: StandInHub, port: int = 0) -> Iterator[StandInHub]:
    """The Hub at this port of this machine, a free one if it is 0, for as long as the context lasts."""
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.close()
        server.shutdown()
        server.server_close()
        thread.join()
