"""What the stand-in Hub holds: repositories with commits and branches, accounts with tokens, all in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

Kind = Literal["dataset", "model"]
MAIN, CONVERTED = "main", "refs/convert/parquet"  # the branch on which the Hub keeps its own Parquet copy of a data set
FIRST_COMMIT = datetime(2026, 1, 1, tzinfo=UTC)


class NotThere(Exception):
    """The Hub's answer to what is not there; `code` is its X-Error-Code."""

    def __init__(self, code: Literal["RepoNotFound", "RevisionNotFound", "EntryNotFound"], sha: str = "") -> None:
        self.code, self.sha = code, sha


@dataclass(frozen=True)
class Blob:
    """A file's bytes: a pattern and how often it is repeated, so that a file of many gigabytes costs nothing."""

    pattern: bytes
    times: int = 1
    sha256: str = ""  # of a large file, which git holds a pointer to

    @property
    def size(self) -> int:
        return len(self.pattern) * self.times

    @property
    def oid(self) -> str:
        return hashlib.sha1(b"blob %d\0" % self.size + self.pattern).hexdigest()

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`."""
        if self.times == 1:
            return self.pattern[start:stop]
        first, length = start // len(self.pattern), len(self.pattern)
        whole = self.pattern * (-(-stop // length) - first)
        return whole[start - first * length : stop - first * length]


@dataclass(frozen=True)
class Commit:
    sha: str
    files: Mapping[str, Blob]
    message: str
    date: datetime

    @property
    def when(self) -> str:
        """Its date as the Hub writes dates."""
        return self.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Repo:
    """One repository. `granted` are the accounts that a gated one lets in, beside its owner."""

    kind: Kind
    id: str
    private: bool = False
    gated: bool = False
    granted: set[str] = field(default_factory=set)
    branches: dict[str, list[Commit]] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    def commit(
        self, files: Mapping[str, bytes | str | Blob | None], *, branch: str = MAIN, message: str = "Files"
    ) -> str:
        """Add, change and (None) remove files; returns the new commit's sha."""
        before = self.branches.setdefault(branch, [])
        held = dict(before[-1].files) if before else {}
        for path, content in files.items():
            if content is None:
                del held[path]
            else:
                raw = content.encode() if isinstance(content, str) else content
                held[path] = raw if isinstance(raw, Blob) else Blob(raw)
        number = sum(map(len, self.branches.values()))
        what = [self.kind, self.id, branch, number, sorted((path, blob.oid) for path, blob in held.items())]
        sha = hashlib.sha1(repr(what).encode()).hexdigest()
        before.append(Commit(sha, held, message, FIRST_COMMIT + timedelta(hours=number)))
        return sha

    def history(self, revision: str) -> list[Commit]:
        """The commits up to a revision (a branch or a sha), the newest first. Raises NotThere."""
        for branch, commits in self.branches.items():
            shas = [commit.sha for commit in commits]
            if revision == branch:
                return commits[::-1]
            if revision in shas:
                return commits[: shas.index(revision) + 1][::-1]
        raise NotThere("RevisionNotFound")

    def at(self, revision: str) -> Commit:
        """The commit that a revision names. Raises NotThere."""
        return self.history(revision)[0]
