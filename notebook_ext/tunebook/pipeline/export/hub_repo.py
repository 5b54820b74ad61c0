"""One repository on the Hub as a push needs it: each call has a deadline, each failure is one line without the token.

The client's own requests wait for ever, and some libraries' errors quote the header that the token is in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tunebook.pipeline.backends.hf_jobs.access import MARKER
from tunebook.pipeline.deadline import within
from tunebook.pipeline.errors import CallError, WorkFailed

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile

T = TypeVar("T")
FIELD = "push_to"
ANSWER_S = 60.0
#: A slower line than 2 Mbit/s is told as no answer.
SLOWEST_BYTES_S = 250_000
#: What may pass by itself: too many requests, two writers at once, the Hub's own trouble.
PASSING = {408, 409, 412, 429}


class Trouble(Exception):
    """The Hub or the way to it failed. The same may go well later; it may also have been done, unseen."""


@dataclass(frozen=True)
class There:
    """The repo as it is at its newest commit, `sha`."""

    sha: str
    private: bool
    files: dict[str, RepoFile]
    marker: dict[str, Any] | None  # None where there is none, or none that can be read

    @property
    def empty(self) -> bool:
        """As the Hub makes it: it puts one file there itself."""
        return not set(self.files) - {".gitattributes"}


class HubRepo:
    """The repo OWNER/NAME for the one whose token is in the environment or in Hugging Face's own file."""

    def __init__(self, repo: str) -> None:
        """Raises CallError where there is no token; asks nobody but, in a CI that is set up so, its token service."""
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

        disable_progress_bars()  # they would be lines of the job's log
        self.repo, self._token = repo, ""
        self._token = self.ask("the token", ANSWER_S, get_token) or ""
        if not self._token:
            raise CallError(FIELD, "needs a token of the Hub, and none is here", "run `hf auth login`, or set HF_TOKEN")
        if not re.fullmatch(r"[!-~]+", self._token):  # the HTTP library would quote it in its error
            raise CallError(
                FIELD, "needs a token that is one word of plain letters, and this one is not", "copy it again"
            )
        self.api = HfApi(token=self._token)

    @property
    def url(self) -> str:
        return f"{self.api.endpoint}/{self.repo}"

    def need_rights(self) -> None:
        """Raises CallError where the token may not write under this name; what a fine-grained one may, the Hub says later."""
        me = self.ask("whose token this is", ANSWER_S, self.api.whoami)
        owner = self.repo.split("/")[0]
        namespaces = [str(me["name"]), *(str(one["name"]) for one in me.get("orgs") or [])]
        if owner.lower() not in map(str.lower, namespaces):
            raise CallError(
                FIELD,
                f"is under {owner}, where the token of {me['name']} may not write",
                f"push to {me['name']}/{self.repo.split('/')[1]}, or use a token that may",
            )
        if ((me.get("auth") or {}).get("accessToken") or {}).get("role") == "read":
            raise CallError(FIELD, "needs a token that may write, and this one may only read", "use one that may write")

    def look(self) -> There | None:
        """The repo as it is now; None where there is none. Raises CallError for one that was renamed."""
        from huggingface_hub.errors import RepositoryNotFoundError

        def info() -> Any:
            try:
                return self.api.model_info(self.repo)
            except RepositoryNotFoundError:
                return None

        found = self.ask("the repo", ANSWER_S, info)
        if found is None:
            return None
        if found.id != self.repo:  # the Hub leads on from an old name; making a new repo of that name would break it
            raise CallError(FIELD, f"{self.repo} is {found.id} by now", "push to another name")
        files = self.files(found.sha)
        return There(found.sha, bool(found.private), files, self._marker(found.sha, files))

    def files(self, revision: str) -> dict[str, RepoFile]:
        from huggingface_hub.hf_api import RepoFile

        def listed() -> list[Any]:
            return list(self.api.list_repo_tree(self.repo, recursive=True, revision=revision))

        return {one.path: one for one in self.ask("the list of files", ANSWER_S, listed) if isinstance(one, RepoFile)}

    def create(self, private: bool) -> None:
        self.ask("to make the repo", ANSWER_S, lambda: self.api.create_repo(self.repo, private=private))

    def upload(self, addition: CommitOperationAdd) -> None:
        """Bring one large file to the Hub; it stands in the repo only when it is committed."""
        self.ask(
            addition.path_in_repo,
            ANSWER_S + addition.upload_info.size / SLOWEST_BYTES_S,
            lambda: self.api.preupload_lfs_files(self.repo, [addition], free_memory=False),
        )

    def commit(self, additions: list[CommitOperationAdd], parent: str, title: str) -> str:
        """Commit on top of `parent`, and on nothing else; returns the new commit's sha."""
        size = sum(one.upload_info.size for one in additions)
        done = self.ask(
            "the commit",
            2 * ANSWER_S + size / SLOWEST_BYTES_S,
            lambda: self.api.create_commit(self.repo, additions, commit_message=title, parent_commit=parent),
        )
        return str(done.oid)

    def license_of(self, model: str) -> Any:
        """The card's head of another model; None where it cannot be had, for whatever reason."""
        try:
            return self.ask("the base's card", ANSWER_S / 4, lambda: self.api.model_info(model)).card_data
        except (Trouble, CallError, WorkFailed):
            return None

    def _marker(self, revision: str, files: dict[str, RepoFile]) -> dict[str, Any] | None:
        if MARKER not in files or files[MARKER].size > 10_000:
            return None
        from huggingface_hub import hf_hub_download

        def fetched() -> str:
            path = hf_hub_download(self.repo, MARKER, revision=revision, token=self._token)
            return Path(path).read_text(encoding="utf-8", errors="replace")

        try:
            marker = json.loads(self.ask("the mark of its run", ANSWER_S, fetched))
        except ValueError:
            return None
        return marker if isinstance(marker, dict) else None

    def ask(self, what: str, seconds: float, call: Callable[[], T]) -> T:
        """What the call returns. Raises CallError where the Hub refuses, Trouble where it failed, WorkFailed for the rest."""
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

        try:
            return within(seconds, call)
        except OfflineModeIsEnabled:
            raise CallError(FIELD, "needs the Hub, and HF_HUB_OFFLINE is set", "unset it, or push nothing") from None
        except HfHubHTTPError as failure:
            raise self._refused(what, failure.response.status_code, failure.server_message or "") from None
        except TimeoutError:
            raise Trouble(f"the Hub did not answer within {seconds:.0f} s (asked for {what})") from None
        except HFValidationError:
            raise CallError(
                FIELD, f"is {self.repo}, a name that the Hub does not take", "push to another name"
            ) from None
        except ValueError as failure:
            raise WorkFailed(f"the Hub does not take {what}: {self._line(str(failure))}") from None
        except Exception as failure:  # noqa: BLE001 (which HTTP library the client uses, and so its errors, changes)
            raise Trouble(f"no connection to the Hub ({type(failure).__name__}, asked for {what})") from None

    def _refused(self, what: str, status: int, said: str) -> Exception:
        line = self._line(said)
        reason = f": {line}" if line else ""
        if status == 401:
            return CallError(FIELD, "is refused: the Hub does not accept the token", "log in again, or renew HF_TOKEN")
        if status in (402, 403):
            return CallError(FIELD, f"is refused by the Hub ({status}{reason})", "use a token that may write there")
        if status in PASSING or status >= 500:
            return Trouble(f"the Hub answers {status}{reason} (asked for {what})")
        return WorkFailed(f"the Hub does not take {what} ({status}{reason})")

    def _line(self, text: str) -> str:
        """One short line of somebody else's text, without the token."""
        plain = " ".join(text.split())
        return (plain.replace(self._token, "***") if self._token else plain)[:200]
