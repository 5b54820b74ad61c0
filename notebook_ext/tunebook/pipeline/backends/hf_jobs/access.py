"""Whether a repository can be read, or pushed to, told as the one line that a person needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from tunebook.pipeline.backends.hf_jobs.identity import (
    ANSWER_S,
    FINE_GRAINED,
    Account,
    endpoint,
    status_of,
    tokens_page,
    why,
)
from tunebook.pipeline.deadline import within

#: The file in a repo that a push of tunebook's leaves there first (export/hub_push.py). It says whose the repo is:
#: {"run": who may go on with the push, "card": the git id of the card that was pushed}.
MARKER = ".tunebook.json"

Kind = Literal["model", "dataset"]
_NOUN = {"model": "model", "dataset": "data set"}


class Missing(BaseModel):
    """What stands between a plan and its job."""

    field: str  # of the spec, or token, namespace, hub
    line: str  # what is missing and why
    link: str  # where to mend it
    sure: bool = True  # False where it is not known: it may be fine


def here(name: str) -> bool:
    """Whether this names something on this machine's disk."""
    try:
        return Path(name).expanduser().exists()
    except (OSError, RuntimeError):  # longer than names can be; ~SOMEBODY who is not there
        return False


def read(api: Any, kind: Kind, name: str, token: str | bool) -> None:
    """Raises what the client raises where the files may not be read. (What a gated repo is, everybody may ask.)"""
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    validate_repo_id(name)  # the client's auth_check puts into the URL what it is given
    api.auth_check(name, repo_type=kind, token=token)


def only_here(kind: Kind, name: str) -> Missing:
    page = "new" if kind == "model" else "new-dataset"
    line = f"The {_NOUN[kind]} {name} is on this machine, whose disk no job of the Hub's can read: push it to the Hub first."
    return Missing(field=kind, line=line, link=f"{endpoint()}/{page}")


def page_of(kind: Kind, name: str) -> str:
    return f"{endpoint()}/{'datasets/' if kind == 'dataset' else ''}{name}"


def unread(kind: Kind, name: str, failure: Exception, token: str | None, account: Account | None) -> Missing:
    """What it means that reading was refused, or not answered."""
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    noun, page, status = f"{_NOUN[kind]} {name}", page_of(kind, name), status_of(failure)
    if isinstance(failure, HFValidationError):
        line = f"The {noun} is neither on this machine nor a name that the Hub could have."
        return Missing(field=kind, line=line, link=f"{endpoint()}/{kind}s")
    if isinstance(failure, GatedRepoError):
        line = f"The {noun} is gated, and your account has no access yet: ask for it on its page."
        if account and account.token_role == FINE_GRAINED and not account.reads_gated:
            line += f" Your token must be allowed to read gated repos, too: {tokens_page()}"
        return Missing(field=kind, line=line, link=page)
    if isinstance(failure, RepositoryNotFoundError) or (status == 401 and not token):
        line = f"The {noun} is not on the Hub, or it is private and you may not read it."
        return Missing(field=kind, line=line, link=page)
    if status == 403:
        return Missing(field=kind, line=f"The {noun} may not be read with your token.", link=tokens_page())
    return Missing(
        field=kind, line=f"Whether the {noun} can be read is not known: {why(failure)}.", link=page, sure=False
    )


def no_revision(kind: Kind, name: str, revision: str, failure: Exception) -> Missing:
    from huggingface_hub.errors import RevisionNotFoundError

    field, link = f"{kind}_revision", f"{page_of(kind, name)}/commits/main"
    if isinstance(failure, RevisionNotFoundError):
        return Missing(field=field, line=f"The {_NOUN[kind]} {name} has no revision {revision}.", link=link)
    line = f"Whether the {_NOUN[kind]} {name} has the revision {revision} is not known: {why(failure)}."
    return Missing(field=field, line=line, link=link, sure=False)


def taken(repo: str, told: Any, token: str | None) -> list[Missing]:
    """What stands in the way of a push to this repo, as far as the Hub told of it; nothing where it is free or marked."""
    from huggingface_hub.errors import RepositoryNotFoundError

    page = page_of("model", repo)
    if isinstance(told, RepositoryNotFoundError):
        return []
    if isinstance(told, Exception):
        if status_of(told) == 401 and not token:
            return []  # that there is no token is told already
        line = f"Whether the name {repo} is free is not known: {why(told)}."
        return [Missing(field="push_to", line=line, link=page, sure=False)]
    if told.id != repo:  # the Hub leads on from an old name
        line = f"{repo} is another name of {told.id} on the Hub: choose another name to push to."
        return [Missing(field="push_to", line=line, link=page)]
    return [] if _marked(told) else [_not_ours(repo, "tunebook")]


def others(api: Any, repo: str, told: Any, token: str | bool, run: str | None) -> list[Missing]:
    """What stands in the way where only the run itself may push again: the mark of another one."""
    if run is None or not _marked(told):
        return []
    try:
        mark = within(
            ANSWER_S, lambda: Path(api.hf_hub_download(repo, MARKER, revision=told.sha, token=token)).read_bytes()
        )
    except Exception as failure:  # noqa: BLE001 (which HTTP library the client uses, and so its errors, changes)
        line = f"Whether this run made {repo}, which is on the Hub already, is not known: {why(failure)}."
        return [Missing(field="push_to", line=line, link=page_of("model", repo), sure=False)]
    try:
        made_by = json.loads(mark)["run"]
    except (ValueError, TypeError, KeyError):
        made_by = None
    return [] if made_by == run else [_not_ours(repo, "this run")]


def _not_ours(repo: str, who: str) -> Missing:
    line = f"{repo} is on the Hub already, and {who} did not make it: choose another name to push to."
    return Missing(field="push_to", line=line, link=page_of("model", repo))


def _marked(told: Any) -> bool:
    return any(one.rfilename == MARKER for one in getattr(told, "siblings", None) or [])
