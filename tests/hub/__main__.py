"""The stand-in Hub by itself, with the demo's model and data on it: `make hub`, or `python -m hub [PORT]` under tests/.

It has one account, ada, whose token is printed. Nothing on it outlives it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from hub.repos import Blob
from hub.server import StandInHub, served

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT, MODEL, DATA = "ada", "ada/SmolLM2-135M-Instruct", "ada/kinds"
TOKEN = "hf_" + hashlib.sha256(b"the stand-in's only account").hexdigest()[:34]  # worth nothing anywhere else


def seeded(hub: StandInHub, model: Path, data: Path) -> None:
    """Put the account, the demo's model and its data on the Hub."""
    hub.accounts[TOKEN] = ACCOUNT
    hub.repo("model", MODEL).commit(files_of(model))
    hub.repo("dataset", DATA).commit(files_of(data))


def files_of(folder: Path) -> dict[str, Blob]:
    """The files of a folder as the Hub holds them."""
    return {file.name: _blob(file) for file in folder.iterdir() if file.is_file()}


def _blob(file: Path) -> Blob:
    content = file.read_bytes()
    return Blob(content, sha256=hashlib.sha256(content).hexdigest() if file.suffix == ".safetensors" else "")


def main(port: int) -> int:
    sys.path.insert(0, str(ROOT / "examples"))
    from prepare_model import prepare

    hub = StandInHub()
    seeded(hub, prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct"), ROOT / "examples" / "data" / "kinds")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with served(hub, port), tempfile.TemporaryDirectory(prefix="stand-in-hub-") as folder:
        print(
            f"The stand-in Hub has {MODEL} and {DATA}. In another terminal:\n\n"
            f"    export HF_ENDPOINT={hub.url} HF_TOKEN={TOKEN} HF_HOME={folder}\n"
            f"    {os.path.relpath(Path(sys.executable).parent, ROOT)}/tunebook inspect {DATA} --model {MODEL}\n\n"
            "Ctrl-C ends it, and all that is on it is gone.",
            flush=True,
        )
        ended.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
