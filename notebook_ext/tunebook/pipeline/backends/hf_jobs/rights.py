"""What an account lacks to run jobs in a namespace and to push there: rights, and a way to pay."""

from __future__ import annotations

from tunebook.pipeline.backends.hf_jobs.access import Missing
from tunebook.pipeline.backends.hf_jobs.identity import FINE_GRAINED, Account, endpoint, tokens_page


def lacking_for_jobs(me: Account, named: str) -> list[Missing]:
    """What the account lacks to run a job in the namespace."""
    found, page, only_reads = [], tokens_page(), me.token_role == "read"
    if only_reads:
        found.append(
            Missing(field="token", line="The token may only read, and a job needs one that may write.", link=page)
        )
    namespace = me.namespace(named)
    if namespace is None:
        return [*found, _not_mine(me, named, "namespace", "job can be run")]
    may = only_reads or me.may("job.write", namespace)
    if may is False:
        line = f"The token may not run jobs in {namespace}: give it the right to (job.write)."
        found.append(Missing(field="token", line=line, link=page))
    elif may is None:
        line = f"Whether the token may run jobs in {namespace} is not known: the Hub does not tell its rights."
        found.append(Missing(field="token", line=line, link=page, sure=False))
    if not me.can_pay.get(namespace):
        found.append(_not_paying(me, namespace))
    return found


def _not_paying(me: Account, namespace: str) -> Missing:
    """The Hub tells of a way to pay, never of the credit that is left: with that, jobs run without one."""
    own = namespace == me.name
    link = f"{endpoint()}/settings/billing" if own else f"{endpoint()}/organizations/{namespace}/settings/billing"
    if me.can_pay.get(namespace) is None:
        line = f"Whether {namespace} can pay is not known: the Hub does not tell."
        return Missing(field="namespace", line=line, link=link, sure=False)
    line = f"{namespace} has no way to pay: without credit that is left, the Hub refuses the job (402)."
    return Missing(field="namespace", line=line, link=link, sure=False)


def lacking_for_pushing(me: Account, push_to: str) -> list[Missing]:
    """What the account lacks to push there. That a token only reads is told of the job."""
    named = push_to.split("/")[0]
    owner = me.namespace(named)
    if owner is None:
        return [_not_mine(me, named, "push_to", "model can be pushed")]
    if me.token_role == FINE_GRAINED and not me.may("repo.write", owner, push_to):
        # A contributor's right, new in October 2026, is enough as well, and its name is not documented.
        line = f"Whether the token may push to {push_to} is not known: it has no right to write in all of {owner} (repo.write)."
        return [Missing(field="push_to", line=line, link=tokens_page(), sure=False)]
    return []


def _not_mine(me: Account, named: str, field: str, what: str) -> Missing:
    """`what` is what can not be done there, such as "job can be run"."""
    roles = {name.lower(): role for name, role in me.organisations.items()}
    sure = True
    if named.lower() not in roles:
        line = f"{named} is neither your account ({me.name}) nor an organisation of yours, so no {what} there."
    elif role := roles[named.lower()]:
        line = f"Your role in {named} is {role}, so no {what} there: ask for the role write, or take {me.name}."
    else:
        line = f"The Hub does not tell your role in {named}, so it is not known whether a {what} there."
        sure = False
    return Missing(field=field, line=line, link=f"{endpoint()}/settings/organizations", sure=sure)
