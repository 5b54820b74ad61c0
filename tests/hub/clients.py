"""Processes that have the stand-in Hub for the Hub: the libraries read HF_ENDPOINT and HF_HUB_OFFLINE when they are imported,
so nothing of them can be tried in the process of the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.server import StandInHub

#: The token of ada, who has an account on the Hub wherever `answered` is asked.
TOKEN = "hf_" + "ada" * 10

#: For scripts: how the Hub answers a call of the client's.
STATUS = """
from huggingface_hub.errors import HfHubHTTPError
def status(call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
        return 200
    except HfHubHTTPError as failure:
        return failure.response.status_code
"""


@dataclass(frozen=True)
class Client:
    """One person's machine. `folder` holds all that is left there: Hugging Face's caches, TUNEBOOK_HOME."""

    hub: StandInHub
    folder: Path

    def environment(self, token: str | None = None, offline: bool = False) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        named = {
            "HF_ENDPOINT": self.hub.url,
            "HF_HUB_OFFLINE": str(int(offline)),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HOME": str(self.folder / "huggingface"),
            "TUNEBOOK_HOME": str(self.folder / "tunebook"),
            "TMPDIR": str(self.folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        return kept | named | ({"HF_TOKEN": token} if token else {})

    def run(self, *arguments: str, token: str | None = None, offline: bool = False) -> subprocess.CompletedProcess[str]:
        """`python ARGUMENTS` on that machine."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment(token, offline),
            cwd=self.folder,
            text=True,
            capture_output=True,
            timeout=300,
        )

    def tunebook(
        self, *arguments: str, token: str | None = None, offline: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "tunebook", *arguments, token=token, offline=offline)

    def inspected(self, *arguments: str, token: str | None = None, offline: bool = False) -> dict[str, Any]:
        """What `tunebook inspect ARGUMENTS --json` prints."""
        done = self.tunebook("inspect", *arguments, "--json", token=token, offline=offline)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def script(self, code: str, token: str | None = None, offline: bool = False) -> Any:
        """What a script leaves in `answer`, as JSON."""
        done = self.run("-c", f"import json\n{code}\nprint(json.dumps(answer))", token=token, offline=offline)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])


def told(machine: Client, *arguments: str) -> dict[str, Any]:
    """What `tunebook ARGUMENTS --json` of ada's prints on that machine."""
    done = machine.tunebook(*arguments, "--json", token=TOKEN)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def answered(client: Client, code: str) -> Any:
    """What a script of ada's leaves in `answer`."""
    client.hub.accounts[TOKEN] = "ada"
    return client.script(code, token=TOKEN)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a wrong call ends with."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("tunebook: ")
    return line.removeprefix("tunebook: ")
