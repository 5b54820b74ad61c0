"""What the Hub refuses, as one line for a person: what happened, why, and what mends it."""

from __future__ import annotations

from tunebook.pipeline.errors import CallError

_LOCAL = "give a local file or folder"


class Unreachable(CallError):
    """The Hub was not reached at all, so what is kept on this machine may still do."""


def explained(failure: BaseException, dataset: str, revision: str | None) -> CallError:
    """The call error that a failed request for a data set is told as."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(failure, HFValidationError):
        return CallError("dataset", f"{dataset} is neither a file nor a name on the Hub", _LOCAL)
    if isinstance(failure, GatedRepoError):
        return _gated(dataset)
    if isinstance(failure, RevisionNotFoundError):
        return CallError("dataset_revision", f"is {revision!r}, which {dataset} does not have", "leave it out")
    if isinstance(failure, RepositoryNotFoundError):
        return _missing(dataset)
    if isinstance(failure, HfHubHTTPError):
        return _refused(failure, dataset)
    problem = f"{dataset} is no file here, and the Hub cannot be reached ({type(failure).__name__})"
    return Unreachable("dataset", problem, f"check the network, or {_LOCAL}")


def _missing(dataset: str) -> CallError:
    remedy = f"check the name, {_LOCAL}, or log in with `hf auth login` if it is private"
    return CallError("dataset", f"{dataset} is no file here and not on the Hub", remedy)


def _gated(dataset: str) -> CallError:
    from huggingface_hub import constants, get_token

    login = "" if get_token() else " and log in with `hf auth login`"
    remedy = f"ask for it at {constants.ENDPOINT}/datasets/{dataset}{login}"
    return CallError("dataset", f"{dataset} is gated, and you have no access yet", remedy)


def _refused(failure: object, dataset: str) -> CallError:
    from huggingface_hub import get_token
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    response = getattr(failure, "response")  # noqa: B009 (which HTTP library it is of changes)
    status = int(response.status_code)
    if status == 401 and not get_token():  # to strangers the Hub does not say which names there are
        return _missing(dataset)
    if status == 401:
        remedy = "log in again with `hf auth login`, or take HF_TOKEN out of the environment"
        return CallError("dataset", f"{dataset} cannot be read: the Hub does not accept your token", remedy)
    if status == 403:
        remedy = "use a token that may read it: `hf auth login`"
        return CallError("dataset", f"{dataset} cannot be read: your token does not allow it", remedy)
    if status == 429:
        limit = parse_ratelimit_headers(response.headers)
        when = f"in {limit.reset_in_seconds} seconds" if limit else "in some minutes"
        return CallError(
            "dataset", f"{dataset} cannot be read now: the Hub takes no more requests", f"try again {when}, or log in"
        )
    return CallError("dataset", f"{dataset} cannot be read now: the Hub answers {status}", "try again later")
