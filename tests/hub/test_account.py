"""Before the click: each thing that is missing for a job is told in one line, with the link that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hub.clients import TOKEN, Client, answered
from hub.faults import Fault
from hub.server import StandInHub

BEGIN = """
from tunebook.pipeline.backends.hf_jobs import account as module
from tunebook.pipeline.backends.hf_jobs import access, identity
from tunebook.pipeline.errors import CallError
from huggingface_hub import get_token
def lacks(namespace="ada", **more):
    asked = dict(model="open/model", dataset="open/rows", token=get_token()) | more
    return [[one.field, one.line, one.link, one.sure] for one in module.missing(namespace, **asked)]
def who(token):
    try:
        return module.account(token).model_dump()
    except CallError as wrong:
        return [wrong.field, str(wrong)]
def hurry(seconds=0.5):
    module.ANSWER_S = access.ANSWER_S = identity.ANSWER_S = seconds
"""


@pytest.fixture
def hub(hub: StandInHub) -> StandInHub:
    """Of what is there, everybody may read open/model and open/rows."""
    for kind, id in (("model", "open/model"), ("dataset", "open/rows")):
        hub.repo(kind, id).commit({"config.json": "{}"})  # type: ignore[arg-type]
    return hub


def told(client: Client, code: str) -> Any:
    """What a script of ada's leaves in `answer`; her token is in none of it."""
    found = answered(client, BEGIN + code)
    assert TOKEN not in str(found)
    return found


def organisation(name: str, role: str | None, pays: bool | None = True) -> dict[str, Any]:
    return {"type": "org", "name": name, "canPay": pays, "roleInOrg": role}


def fine_grained(**rights: Any) -> dict[str, Any]:
    return {"type": "access_token", "accessToken": {"role": "fineGrained", "fineGrained": rights}}


def test_who_has_everything_lacks_nothing(hub: StandInHub, client: Client) -> None:
    hub.organisations["ada"] = {"acme"}
    sha = hub.repos["model", "open/model"].at("main").sha
    code = f"""
everything = dict(model_revision="{sha}", dataset_revision="main", push_to="acme/new")
answer = [who(get_token()), lacks(), lacks(None), lacks("Acme", **everything)]
"""
    account, *rest = told(client, code)
    assert account == {
        "name": "ada",
        "token_role": "write",
        "namespaces": ["ada", "acme"],
        "can_pay": {"ada": True, "acme": True},
        "organisations": {"acme": "write"},
        "rights": None,
        "reads_gated": None,
    }
    assert rest == [[], [], []]


def test_no_token_and_one_that_is_none(hub: StandInHub, client: Client) -> None:
    hub.repo("model", "ada/hidden", private=True).commit({"config.json": "{}"})
    code = """
wrong = "hf_expired"
answer = [who(None), who("hf_a b"), who("hf_ä"), who(wrong), lacks(token=None)]
answer += [lacks(token=None, model="ada/hidden"), lacks(token=wrong)]
"""
    none, spaced, foreign, expired, anonymous, hidden, unknown = told(client, code)
    page = f"{hub.url}/settings/tokens"
    make = "and run `hf auth login` or set HF_TOKEN."
    assert none == ["token", f"token is missing, and a job needs one: make one that may write at {page}, {make}"]
    assert spaced == foreign
    assert spaced == ["token", f"token is none: it has characters that no token has: copy it again from {page}, {make}"]
    assert expired[0] == "token"
    assert expired[1].startswith(
        "token is not accepted by the Hub: it is expired, revoked or mistyped: make a new one at"
    )
    lost = ["token", "The token is missing, and a job needs one.", page, True]
    assert anonymous == [lost]
    assert hidden[0] == lost
    assert hidden[1][:2] == [
        "model",
        "The model ada/hidden is not on the Hub, or it is private and you may not read it.",
    ]
    assert [one[0] for one in unknown] == ["token", "model", "dataset"]
    assert [one[3] for one in unknown] == [True, False, False]
    assert "is not known: the Hub does not accept the token" in unknown[1][1]
    assert "expired" not in str(unknown[1:]), "nor is the wrong token told"


def test_a_hub_that_cannot_be_reached_or_says_nothing_in_time_leaves_everything_unknown(
    hub: StandInHub, client: Client
) -> None:
    hub.faults += [Fault("stall", "GET", part, seconds=3) for part in ("whoami", "open/rows/auth-check")]
    code = """
import time
from huggingface_hub import constants
hurry()
begun = time.monotonic()
slow = lacks()
took = time.monotonic() - begun
constants.ENDPOINT = "http://127.0.0.1:9"
import huggingface_hub.hf_api
hurry(5)
answer = [took, slow, who(get_token()), lacks(push_to="ada/new"), module.needs_token(model="open/model")]
"""
    took, slow, nobody, dead, needed = told(client, code)
    assert took < 2.5
    problem = "does not say who you are, what you may do and whether you can pay"
    late = "the Hub did not answer within 0.5 seconds"
    assert slow == [
        ["hub", f"The Hub {problem} ({late}).", hub.url, False],
        [
            "dataset",
            f"Whether the data set open/rows can be read is not known: {late}.",
            f"{hub.url}/datasets/open/rows",
            False,
        ],
    ]
    gone = "the Hub cannot be reached (ConnectError)"
    assert nobody == ["hub", f"hub {problem} ({gone}): check the network and try again in a minute."]
    assert [one[0] for one in dead] == ["hub", "model", "dataset", "push_to"]
    assert all(gone in one[1] and not one[3] for one in dead)
    assert needed is True, "where nothing is known the job gets the token"


def test_trouble_at_the_hub_and_being_offline_are_told_as_not_known(hub: StandInHub, client: Client) -> None:
    hub.accounts[TOKEN] = "ada"
    hub.failing = {"whoami": 429, "open/model/auth-check": 503}
    assert [one[1] for one in told(client, "answer = lacks()")] == [
        "The Hub does not say who you are, what you may do and whether you can pay (the Hub takes no more requests for now).",
        "Whether the model open/model can be read is not known: the Hub answers 503.",
    ]
    offline = client.script(BEGIN + "answer = lacks()", token=TOKEN, offline=True)
    assert [one[0] for one in offline] == ["hub", "model", "dataset"]
    assert all("HF_HUB_OFFLINE is set" in one[1] and not one[3] for one in offline)


def test_tokens_that_may_not_run_jobs(hub: StandInHub, client: Client) -> None:
    other = "hf_" + "bob" * 10
    hub.accounts[other] = "bob"
    hub.readers.add("bob")
    mine = {"entity": {"type": "user", "name": "ada"}, "permissions": ["repo.write"]}
    hub.told["ada"] = {"auth": fine_grained(**{"global": ["discussion.write"], "scoped": [mine]})}
    reader, narrow = told(
        client, f"answer = [lacks('bob', token='{other}', push_to='bob/new'), lacks(push_to='ada/new')]"
    )
    page = f"{hub.url}/settings/tokens"
    assert reader == [["token", "The token may only read, and a job needs one that may write.", page, True]]
    assert narrow == [["token", "The token may not run jobs in ada: give it the right to (job.write).", page, True]]

    hub.told["ada"] = {"auth": fine_grained(scoped=[mine | {"permissions": ["job.write"]}])}
    [push] = told(client, "answer = lacks(push_to='ada/new')")
    assert push == [
        "push_to",
        "Whether the token may push to ada/new is not known: it has no right to write in all of ada (repo.write).",
        page,
        False,
    ]
    hub.told["ada"] = {"auth": {"type": "oauth"}}
    [oauth] = told(client, "answer = lacks(push_to='ada/new')")
    assert oauth[0] == "token" and "is not known" in oauth[1] and oauth[3] is False


def test_namespaces_that_are_not_ours(hub: StandInHub, client: Client) -> None:
    roles = {"acme": "read", "club": None, "lab": "contributor", "firm": "admin"}
    hub.told["ada"] = {"orgs": [organisation(name, role) for name, role in roles.items()]}
    names = ("bob", "acme", "club", "lab", "firm")
    code = f"answer = [who(get_token())['namespaces'], *(lacks(one, push_to=one + '/new') for one in {names})]"
    namespaces, bob, acme, club, lab, firm = told(client, code)
    assert namespaces == ["ada", "lab", "firm"]
    assert lab == firm == []
    link = f"{hub.url}/settings/organizations"
    stranger = "bob is neither your account (ada) nor an organisation of yours, so no"
    assert bob == [
        ["namespace", f"{stranger} job can be run there.", link, True],
        ["push_to", f"{stranger} model can be pushed there.", link, True],
    ]
    assert acme[0][1] == "Your role in acme is read, so no job can be run there: ask for the role write, or take ada."
    assert (
        club[1][1] == "The Hub does not tell your role in club, so it is not known whether a model can be pushed there."
    )
    assert [one[3] for one in acme + club] == [True, True, False, False]


def test_no_way_to_pay(hub: StandInHub, client: Client) -> None:
    hub.organisations["ada"] = {"acme"}
    hub.credit |= {"ada": 0.0, "acme": 0.0}
    own, theirs = told(client, "answer = [lacks(), lacks('acme')]")
    line = "has no way to pay: without credit that is left, the Hub refuses the job (402)."
    assert own == [["namespace", f"ada {line}", f"{hub.url}/settings/billing", False]]
    assert theirs == [["namespace", f"acme {line}", f"{hub.url}/organizations/acme/settings/billing", False]]
    hub.told["ada"] = {"canPay": None}
    [unknown] = told(client, "answer = lacks()")
    assert unknown[1:] == [
        "Whether ada can pay is not known: the Hub does not tell.",
        f"{hub.url}/settings/billing",
        False,
    ]


def test_what_may_not_be_read(hub: StandInHub, client: Client) -> None:
    for id, more in (
        ("bob/gated", {"gated": True}),
        ("bob/granted", {"gated": True, "granted": {"ada"}}),
        ("bob/hidden", {"private": True}),
        ("ada/hidden", {"private": True}),
    ):
        for kind in ("model", "dataset"):
            hub.repo(kind, id, **more).commit({"config.json": "{}"})  # type: ignore[arg-type]
    code = """
def both(name, **more): return lacks(model=name, dataset=name, **more)
answer = [both(name) for name in ("bob/gated", "bob/hidden", "no/such", "bob/granted", "ada/hidden")]
answer.append(both("bob/../x?y"))
answer.append(both("open/model", model_revision="v9", dataset_revision="v9")[:1])
answer.append(lacks(model_revision="v9", dataset_revision="v9")[1:])
"""
    gated, hidden, absent, granted, own, odd, model_revision, rows_revision = told(client, code)
    asked = "is gated, and your account has no access yet: ask for it on its page."
    assert gated == [
        ["model", f"The model bob/gated {asked}", f"{hub.url}/bob/gated", True],
        ["dataset", f"The data set bob/gated {asked}", f"{hub.url}/datasets/bob/gated", True],
    ]
    lost = "is not on the Hub, or it is private and you may not read it."
    assert [one[1] for one in hidden] == [f"The model bob/hidden {lost}", f"The data set bob/hidden {lost}"]
    assert [one[1] for one in absent] == [f"The model no/such {lost}", f"The data set no/such {lost}"]
    assert granted == own == []
    neither = "is neither on this machine nor a name that the Hub could have."
    assert [one[1] for one in odd] == [f"The model bob/../x?y {neither}", f"The data set bob/../x?y {neither}"]
    assert model_revision == [
        ["model_revision", "The model open/model has no revision v9.", f"{hub.url}/open/model/commits/main", True]
    ]
    assert rows_revision[0][:2] == ["dataset_revision", "The data set open/rows has no revision v9."]


def test_a_fine_grained_token_that_reads_nothing_gated_is_told_so(hub: StandInHub, client: Client) -> None:
    hub.repo("model", "bob/gated", gated=True).commit({"config.json": "{}"})
    right = {"entity": {"type": "user", "name": "ada"}, "permissions": ["job.write"]}
    hub.told["ada"] = {"auth": fine_grained(scoped=[right], canReadGatedRepos=False)}
    [gated] = told(client, "answer = lacks(model='bob/gated')")
    assert gated[1].endswith(f"Your token must be allowed to read gated repos, too: {hub.url}/settings/tokens")


def test_what_is_on_this_machine_is_out_of_reach(hub: StandInHub, client: Client, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("{}\n")
    code = f"""
place = {str(tmp_path)!r}
answer = [lacks(model=place, dataset=place + "/rows.jsonl"), module.needs_token(model=place, dataset=place)]
"""
    here, needed = told(client, code)
    assert [[one[0], one[2]] for one in here] == [["model", f"{hub.url}/new"], ["dataset", f"{hub.url}/new-dataset"]]
    assert "is on this machine, whose disk no job of the Hub's can read: push it to the Hub first." in here[0][1]
    assert needed is False


def test_names_to_push_to(hub: StandInHub, client: Client) -> None:
    hub.repo("model", "ada/theirs").commit({"config.json": "{}"})
    hub.repo("model", "ada/ours").commit({".tunebook.json": '{"run": "r-1"}'})
    hub.repo("model", "ada/broken").commit({".tunebook.json": "[]"})
    code = """
def push(name, **more): return lacks(push_to=name, **more)
answer = [push("ada/free"), push("ada/ours"), push("ada/ours", run="r-1"), push("ada/free", run="r-1")]
answer += [push("ada/theirs"), push("ada/ours", run="r-2"), push("ada/broken", run="r-1")]
"""
    *free, theirs, other, broken = told(client, code)
    assert free == [[], [], [], []]
    mend = "did not make it: choose another name to push to."
    assert theirs == [
        ["push_to", f"ada/theirs is on the Hub already, and tunebook {mend}", f"{hub.url}/ada/theirs", True]
    ]
    assert other[0][1] == f"ada/ours is on the Hub already, and this run {mend}"
    assert broken[0][1] == f"ada/broken is on the Hub already, and this run {mend}"
    hub.failing = {"models/ada/theirs": 500}
    [unknown] = told(client, "answer = lacks(push_to='ada/theirs')")
    assert unknown[1] == "Whether the name ada/theirs is free is not known: the Hub answers 500."
    assert unknown[3] is False


def test_a_job_gets_the_token_only_where_it_needs_it(hub: StandInHub, client: Client) -> None:
    hub.repo("model", "bob/gated", gated=True).commit({"config.json": "{}"})
    hub.repo("dataset", "ada/hidden", private=True).commit({"rows.jsonl": "{}"})
    code = """
need = module.needs_token
answer = [need("open/model", "open/rows"), need(), need("bob/gated"), need("open/model", "ada/hidden"), need(push_to="a/b")]
"""
    assert told(client, code) == [False, False, True, True, True]
    assert sum("auth-check" in asked.path for asked in hub.log) == 5
    assert not any(asked.token for asked in hub.log)


def test_importing_it_loads_no_client(client: Client) -> None:
    code = """
import sys
from tunebook.pipeline.backends.hf_jobs import account
answer = [name for name in ("huggingface_hub", "httpx2", "datasets", "torch") if name in sys.modules]
"""
    assert client.script(code) == []
