"""Whose a token is and what it may do, as far as the Hub tells it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from tunebook.pipeline.deadline import within
from tunebook.pipeline.errors import CallError

ANSWER_S = 8.0  # for which an answer is waited for: a person does
RUN_JOBS = ("admin", "write", "contributor")  # roles in an organisation
FINE_GRAINED = "fineGrained"

TokenRole = Literal["read", "write", "fineGrained"]


class Account(BaseModel):
    """An account of the Hub's, and the token that it was asked with."""

    name: str
    token_role: TokenRole | None  # None where the Hub does not tell, as of a login through the browser
    namespaces: list[str]  # in which the account may run jobs: its own, then organisations
    can_pay: dict[str, bool | None]  # of each namespace: whether there is a way to pay. How much credit, nobody tells
    organisations: dict[str, str | None] = {}  # all that the account is in, and its role there, None where not told
    rights: dict[str, list[str]] | None = None  # a fine-grained token's, by namespace or repo ("" is everywhere)
    reads_gated: bool | None = None  # whether a fine-grained token may read public gated repos

    def namespace(self, named: str) -> str | None:
        """The namespace of that name as it is written; None where jobs may not be run in it."""
        return next((one for one in self.namespaces if one.lower() == named.lower()), None)

    def may(self, right: str, *places: str) -> bool | None:
        """Whether the token has a right ("job.write", "repo.write") in one of the places; None where that is not known."""
        if self.token_role != FINE_GRAINED:
            return None if self.token_role is None else self.token_role == "write"
        if self.rights is None:
            return None
        return any(right in self.rights.get(place.lower(), ()) for place in ("", *places))


class Nobody(CallError):
    """It is not known who asks. `link` is where that is mended, `sure` is False where the Hub did not say no."""

    def __init__(self, field: str, problem: str, remedy: str, link: str, sure: bool) -> None:
        super().__init__(field, problem, remedy)
        self.link, self.sure = link, sure


def account(token: str | None) -> Account:
    """Whose token this is; asks the Hub for at most ANSWER_S seconds.

    Raises CallError where there is no token ("token"), the Hub does not accept it ("token"), or the Hub does not say
    ("hub").
    """
    from huggingface_hub import HfApi

    need_token(token)
    try:
        return account_of(within(ANSWER_S, lambda: HfApi().whoami(token=token)))
    except Exception as failure:  # noqa: BLE001 (which HTTP library the client uses, and so its errors, changes)
        raise nobody(failure) from None  # some libraries' errors quote the header that the token is in


def need_token(token: str | None) -> None:
    """Raises Nobody where this cannot be a token: it would not even go into a header."""
    page = tokens_page()
    if not token:
        remedy = f"make one that may write at {page}, and run `hf auth login` or set HF_TOKEN"
        raise Nobody("token", "is missing, and a job needs one", remedy, page, True)
    if not token.isascii() or not token.isprintable() or " " in token:
        remedy = f"copy it again from {page}, and run `hf auth login` or set HF_TOKEN"
        raise Nobody("token", "is none: it has characters that no token has", remedy, page, True)


def nobody(failure: Exception) -> Nobody:
    """What it means that the question who asks was not answered."""
    if isinstance(failure, Nobody):
        return failure
    page = tokens_page()
    if status_of(failure) == 401:
        remedy = f"make a new one at {page}, and run `hf auth login` or renew HF_TOKEN"
        return Nobody("token", "is not accepted by the Hub: it is expired, revoked or mistyped", remedy, page, True)
    problem = f"does not say who you are, what you may do and whether you can pay ({why(failure)})"
    return Nobody("hub", problem, "check the network and try again in a minute", endpoint(), False)


def account_of(told: Any) -> Account:
    """The account from the answer to whoami. Raises ValueError where that is something else."""
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str):
        raise ValueError("no account")
    token = _dict(_dict(told.get("auth")).get("accessToken"))
    orgs = [one for one in told.get("orgs") or [] if isinstance(_dict(one).get("name"), str)]
    allowed = [one for one in orgs if one.get("roleInOrg") in RUN_JOBS]
    role = token.get("role")
    fine = token.get(FINE_GRAINED)
    return Account(
        name=name,
        token_role=role if role in ("read", "write", FINE_GRAINED) else None,
        namespaces=[name, *(one["name"] for one in allowed)],
        can_pay={one["name"]: _bool(one.get("canPay")) for one in (told, *allowed)},
        organisations={one["name"]: one.get("roleInOrg") for one in orgs},
        rights=_rights(fine) if isinstance(fine, dict) else None,
        reads_gated=_bool(fine.get("canReadGatedRepos")) if isinstance(fine, dict) else None,
    )


def why(failure: Exception) -> str:
    """The clause that an unanswered question is told as. Nothing of the failure's own text is in it."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(failure, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so the Hub is not asked"
    if status := status_of(failure):
        known = {401: "the Hub does not accept the token", 429: "the Hub takes no more requests for now"}
        return known.get(status, f"the Hub answers {status}")
    if "Timeout" in type(failure).__name__:  # ours, or the HTTP library's
        return f"the Hub did not answer within {ANSWER_S:g} seconds"
    if isinstance(failure, ValueError):
        return "the Hub's answer cannot be read"
    return f"the Hub cannot be reached ({type(failure).__name__})"


def status_of(failure: Exception) -> int | None:
    """Of the Hub's answer; None where there was none."""
    from huggingface_hub.errors import HfHubHTTPError

    return failure.response.status_code if isinstance(failure, HfHubHTTPError) else None


def endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def tokens_page() -> str:
    return f"{endpoint()}/settings/tokens"


def _rights(fine: dict[str, Any]) -> dict[str, list[str]]:
    rights = {"": list(fine.get("global") or [])}
    for scope in fine.get("scoped") or []:
        place = str(_dict(_dict(scope).get("entity")).get("name", "")).lower()
        if place:  # without a name it is not known where the rights are, so they are nowhere
            rights.setdefault(place, []).extend(scope.get("permissions") or [])
    return rights


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
