"""Prices come from the Hub while it answers, from what it last said while it does not, and only fresh ones are spent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hub.clients import Client
from hub.server import StandInHub

ROUTE = "/api/jobs/hardware"
TOKEN = "hf_" + "ada" * 10
TPU = {"type": "tpu", "model": "v5e", "quantity": "1", "vram": "16 GB", "manufacturer": "Google"}

#: told(at): where the prices are from, the sentence, whether they are spent on, how many machine types; at that time.
TOLD = """
import time
from pathlib import Path
from tunebook.pipeline.hardware.catalogue import catalogue

start = 1_790_000_000.0

def told(at=0, **more):
    prices = catalogue(Path("prices"), now=start + at, **more)
    return [prices.source, prices.sentence(start + at), prices.spendable(start + at), len(prices.flavors)]
"""
SHIPPED, UNSPENT = "Prices as shipped in August 2026, because", ": they are shown, and nothing is spent on them."


def times_asked(hub: StandInHub) -> int:
    return sum(one.path == ROUTE for one in hub.log)


@pytest.fixture(params=["silent", "a byte a second"])
def slow(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that takes connections and never comes to the end of an answer."""
    over = threading.Event()

    def drip() -> None:
        with server.accept()[0] as connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n")
            while not over.wait(1):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        if request.param != "silent":
            threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        over.set()


def test_every_price_is_the_one_that_the_hubs_own_client_reads(hub: StandInHub, client: Client) -> None:
    theirs, ours = client.script(
        TOLD
        + """
from huggingface_hub import list_jobs_hardware

theirs = {one.name: one.unit_cost_usd for one in list_jobs_hardware()}
ours = {one.name: one.usd_per_hour / 60 for one in catalogue(Path("prices")).flavors}
answer = [theirs, ours]
"""
    )
    assert len(theirs) == len(hub.hardware) == 26
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_the_hub_is_asked_once_in_ten_minutes(hub: StandInHub, client: Client) -> None:
    assert client.script(TOLD + "answer = [told(), told(180), told(600)]") == [
        ["live", "Prices read from the Hub just now.", True, 26],
        ["cached", "Prices read from the Hub 3 minutes ago.", True, 26],
        ["cached", "Prices read from the Hub 10 minutes ago.", True, 26],
    ]
    assert times_asked(hub) == 1
    hub.hardware = hub.hardware[:3]
    assert client.script(TOLD + "answer = told(601)") == ["live", "Prices read from the Hub just now.", True, 3]
    assert times_asked(hub) == 2


def test_while_the_hub_fails_what_it_last_said_is_shown_and_for_an_hour_spent_on(
    hub: StandInHub, client: Client
) -> None:
    client.script(TOLD + "answer = told()")
    hub.failing[ROUTE] = 500
    assert client.script(TOLD + "answer = [told(1500), told(3 * 3600)]") == [
        ["cached", "Prices read from the Hub 25 minutes ago, because the Hub answers 500.", True, 26],
        ["cached", f"Prices read from the Hub 3 hours ago, because the Hub answers 500{UNSPENT}", False, 26],
    ]
    del hub.failing[ROUTE]
    assert client.script(TOLD + "answer = told(3 * 3600)")[0] == "live"


@pytest.mark.parametrize(("status", "why"), [(500, "the Hub answers 500"), (429, "the Hub answers 429")])
def test_where_the_hub_never_answered_the_shipped_prices_are_shown(
    hub: StandInHub, client: Client, status: int, why: str
) -> None:
    hub.failing[ROUTE] = status
    assert client.script(TOLD + "answer = told()") == ["snapshot", f"{SHIPPED} {why}{UNSPENT}", False, 26]
    assert times_asked(hub) == 1


def test_a_token_that_the_hub_does_not_accept_is_told(hub: StandInHub, client: Client) -> None:
    sentence = f"{SHIPPED} the Hub does not accept your token{UNSPENT}"
    assert client.script(TOLD + "answer = told()", token="hf_wrong") == ["snapshot", sentence, False, 26]
    hub.accounts[TOKEN] = "ada"
    assert client.script(TOLD + "answer = told()", token=TOKEN)[0] == "live"


def test_offline_the_hub_is_not_asked(hub: StandInHub, client: Client) -> None:
    why = "HF_HUB_OFFLINE is set, so the Hub is not asked"
    shipped = ["snapshot", f"{SHIPPED} {why}{UNSPENT}", False, 26]
    assert client.script(TOLD + "answer = [told(), told(offline=False)]", offline=True) == [shipped, shipped]
    assert client.script(TOLD + "answer = told(offline=True)")[0] == "snapshot"
    assert times_asked(hub) == 0
    client.script(TOLD + "answer = told()")
    kept = ["cached", f"Prices read from the Hub 20 minutes ago, because {why}.", True, 26]
    assert client.script(TOLD + "answer = told(1200)", offline=True) == kept
    assert times_asked(hub) == 1


def test_one_odd_entry_does_not_cost_the_others(hub: StandInHub, client: Client) -> None:
    odd: list[Any] = [{"name": "bare"}, {"prettyName": "nameless"}, None, "t4-small", {"name": "../x"}]
    tpu = {**hub.hardware[4], "name": "v5e-1x1", "accelerator": TPU}
    euro = {**hub.hardware[5], "name": "l4-euro", "unitCostUSD": "€0.01"}
    job = {**hub.hardware[5], "name": "l4-a-job", "unitLabel": "job"}
    hub.hardware = [*odd, tpu, euro, job, *hub.hardware]
    answer = client.script(
        TOLD
        + """
from huggingface_hub import list_jobs_hardware

try:
    list_jobs_hardware()
except Exception as failure:
    theirs = type(failure).__name__
prices = catalogue(Path("prices"), now=start)
answer = [theirs, told(), {one.name: one.unsupported for one in prices.flavors if one.unsupported}]
"""
    )
    sentence = "Prices read from the Hub just now. 4 entries of its list could not be read."
    unsupported = {
        "bare": "the Hub tells no price in US dollars for it, so nothing is spent on it",
        "v5e-1x1": "the training script does not run on TPUs",
        "l4-euro": "its price is '€0.01', which is not understood, so nothing is spent on it",
        "l4-a-job": "its price is for each 'job', which is not understood, so nothing is spent on it",
    }
    assert answer == ["KeyError", ["cached", sentence, True, 30], unsupported]


@pytest.mark.parametrize("value", [[], {"error": "soon"}, [None, {}]])
def test_an_answer_without_a_machine_type_is_no_answer(hub: StandInHub, client: Client, value: Any) -> None:
    hub.hardware = value
    sentence = f"{SHIPPED} the Hub's answer is no list of machine types{UNSPENT}"
    assert client.script(TOLD + "answer = told()") == ["snapshot", sentence, False, 26]


def test_who_asks_a_hub_that_never_answers_waits_for_seconds_not_for_ever(tmp_path: Path, slow: str) -> None:
    client = Client(StandInHub(url=slow), tmp_path)
    seconds, answer = client.script(
        TOLD
        + "import huggingface_hub; began = time.monotonic(); got = told(); answer = [time.monotonic() - began, got]"
    )
    assert answer[1] == f"{SHIPPED} the Hub did not answer within 4 seconds{UNSPENT}"
    assert 3 < seconds < 8


def test_a_hub_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    client = Client(StandInHub(url="http://127.0.0.1:9"), tmp_path)
    answer = client.script(TOLD + "answer = told()")
    assert answer[1] == f"{SHIPPED} the Hub could not be reached (ConnectError){UNSPENT}"


def test_a_disk_that_takes_nothing_does_not_hide_the_answer(hub: StandInHub, client: Client) -> None:
    client.folder.mkdir()
    (client.folder / "prices").write_text("a file where the folder should be")
    assert client.script(TOLD + "answer = [told()[0], told()[0]]") == ["live", "live"]
    assert times_asked(hub) == 2
