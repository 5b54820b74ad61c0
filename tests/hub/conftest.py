"""The stand-in Hub and a machine that talks to it, new for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub.clients import Client
from hub.server import StandInHub, served


@pytest.fixture
def hub() -> Iterator[StandInHub]:
    with served(StandInHub()) as running:
        yield running


@pytest.fixture
def client(hub: StandInHub, tmp_path: Path) -> Client:
    return Client(hub, tmp_path / "machine")
