"""What the Hub refuses, as one line for a person: what happened, why, and what mends it."""

from __future__ import annotations

from typing import Literal

from tunebook.pipeline.errors import CallError

Kind = Literal["dataset", "model"]
_FILE = {"dataset": "file", "model": "folder"}  # what one is on this machine
_LOCAL = {"dataset": "give a local file or folder", "model": "name a checkpoint folder"}


class Unreachable(CallError):
    """The Hub was not reached at all, so what is kept on this machine may still do."""


def explained(failure: BaseException, name: str, revision: str | None, kind: Kind = "dataset") -> CallError:
    """The call error that a failed request for a data set or a model is told as."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(failure, HFValidationError):
        return CallError(kind, f"{name} is neither a {_FILE[kind]} nor a name on the Hub", _LOCAL[kind])
    if isinstance(failure, GatedRepoError):
        return _gated(name, kind)
    if isinstance(failure, RevisionNotFoundError):
        return CallError(f"{kind}_revision", f"is {revision!r}, which {name} does not have", "leave it out")
    if isinstance(failure, RepositoryNotFoundError):
        return _missing(name, kind)
    if isinstance(failure, HfHubHTTPError):
        return _refused(failure, name, kind)
    if isinstance(failure, OfflineModeIsEnabled):
        problem = f"{name} is no {_FILE[kind]} here, and HF_HUB_OFFLINE is set, so the Hub is not asked"
        return Unreachable(kind, problem, f"unset it, or {_LOCAL[kind]}")
    problem = f"{name} is no {_FILE[kind]} here, and the Hub cannot be reached ({type(failure).__name__})"
    return Unreachable(kind, problem, f"check the network, or {_LOCAL[kind]}")


def trouble_behind(failure: BaseException, name: str) -> CallError | None:
    """The call error for what a library raised because the Hub refused it something; None where that is not why."""
    from huggingface_hub.errors import HfHubHTTPError

    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, HfHubHTTPError):
            status = cause.response.status_code
            if status in (401, 403, 429) or status >= 500:  # what is not there is asked for all the time
                return explained(cause, name, None)
        cause = cause.__cause__ or cause.__context__
    return None


def _missing(name: str, kind: Kind) -> CallError:
    remedy = f"check the name, {_LOCAL[kind]}, or log in with `hf auth login` if it is private"
    return CallError(kind, f"{name} is no {_FILE[kind]} here and not on the Hub", remedy)


def _gated(name: str, kind: Kind) -> CallError:
    from huggingface_hub import constants, get_token

    login = "" if get_token() else " and log in with `hf auth login`"
    page = f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{name}"
    return CallError(kind, f"{name} is gated, and you have no access yet", f"ask for it at {page}{login}")


def _refused(failure: object, name: str, kind: Kind) -> CallError:
    from huggingface_hub import get_token
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    response = getattr(failure, "response")  # noqa: B009 (which HTTP library it is of changes)
    status = int(response.status_code)
    if status == 401 and not get_token():  # to strangers the Hub does not say which names there are
        return _missing(name, kind)
    if status == 401:
        remedy = "log in again with `hf auth login`, or take HF_TOKEN out of the environment"
        return CallError(kind, f"{name} cannot be read: the Hub does not accept your token", remedy)
    if status == 403:
        remedy = "use a token that may read it: `hf auth login`"
        return CallError(kind, f"{name} cannot be read: your token does not allow it", remedy)
    if status == 429:
        limit = parse_ratelimit_headers(response.headers)
        when = f"in {limit.reset_in_seconds} seconds" if limit else "in some minutes"
        return CallError(
            kind, f"{name} cannot be read now: the Hub takes no more requests", f"try again {when}, or log in"
        )
    return CallError(kind, f"{name} cannot be read now: the Hub answers {status}", "try again later")
