"""The account's truth before the click: what is missing for a job, each thing in one line with the link that mends it.

All questions go to the Hub side by side under one deadline; what it does not answer is told as not known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tunebook.pipeline.backends.hf_jobs.access import Kind, here, no_revision, only_here, others, read, taken, unread
from tunebook.pipeline.backends.hf_jobs.access import Missing as Missing
from tunebook.pipeline.backends.hf_jobs.identity import ANSWER_S, account_of, need_token, nobody
from tunebook.pipeline.backends.hf_jobs.identity import Account as Account
from tunebook.pipeline.backends.hf_jobs.identity import account as account
from tunebook.pipeline.backends.hf_jobs.rights import lacking_for_jobs, lacking_for_pushing
from tunebook.pipeline.deadline import all_within


def missing(
    namespace: str | None,
    *,
    model: str | None,
    model_revision: str | None = None,
    dataset: str | None,
    dataset_revision: str | None = None,
    push_to: str | None = None,
    token: str | None,
    run: str | None = None,
) -> list[Missing]:
    """What is missing for a job in `namespace` (None: the account's own) that reads the model and the data set and pushes
    to `push_to`. Nothing is where the list is empty; entries that are not `sure` may be fine.

    A repo to push to that is there already is ours where a push of tunebook's marked it; with `run`, where that run's did.
    Takes at most ANSWER_S seconds, with `run` twice that. Raises nothing for what the Hub says or does not say.
    """
    from huggingface_hub import HfApi

    api, sent = HfApi(), token or False  # False, as the client would look for a token by itself
    repos: list[tuple[Kind, str | None, str | None]] = [
        ("model", model, model_revision),
        ("dataset", dataset, dataset_revision),
    ]
    calls: dict[str, Callable[[], Any]] = {"who": partial(_who, api, token)}
    for kind, name, revision in repos:
        if name and not here(name):
            calls[kind] = partial(read, api, kind, name, sent)
            if revision:
                calls[f"{kind}_revision"] = partial(
                    api.repo_info, name, repo_type=kind, revision=revision, timeout=ANSWER_S, token=sent
                )
    if push_to:
        calls["push_to"] = partial(api.model_info, push_to, timeout=ANSWER_S, token=sent)
    told = all_within(ANSWER_S, calls)

    who = told["who"]
    me = who if isinstance(who, Account) else None
    found: list[Missing] = []
    if me is not None:
        found += lacking_for_jobs(me, namespace or me.name)
        found += lacking_for_pushing(me, push_to) if push_to else []
    else:
        found.append(_unknown(who))
    for kind, name, revision in repos:
        if name and here(name):
            found.append(only_here(kind, name))
        elif name and isinstance(failure := told[kind], Exception):
            found.append(unread(kind, name, failure, token, me))
        elif name and revision and isinstance(failure := told[f"{kind}_revision"], Exception):
            found.append(no_revision(kind, name, revision, failure))
    if push_to:
        found += taken(push_to, told["push_to"], token) or others(api, push_to, told["push_to"], sent, run)
    return found


def needs_token(model: str | None = None, dataset: str | None = None, push_to: str | None = None) -> bool:
    """Whether a job needs the token itself: it pushes, or it reads what not everybody may read.

    Asks the Hub without a token, for at most ANSWER_S seconds. True where it does not answer: a job that lacks the token
    fails after it has cost money.
    """
    if push_to:
        return True
    from huggingface_hub import HfApi

    repos: list[tuple[Kind, str | None]] = [("model", model), ("dataset", dataset)]
    calls: dict[str, Callable[[], None]] = {
        kind: partial(read, HfApi(), kind, name, False) for kind, name in repos if name and not here(name)
    }
    return any(isinstance(answer, Exception) for answer in all_within(ANSWER_S, calls).values())


def _who(api: Any, token: str | None) -> Account:
    need_token(token)
    return account_of(api.whoami(token=token))


def _unknown(failure: Exception) -> Missing:
    stranger = nobody(failure)
    subject = "The Hub" if stranger.field == "hub" else f"The {stranger.field}"
    return Missing(field=stranger.field, line=f"{subject} {stranger.problem}.", link=stranger.link, sure=stranger.sure)
