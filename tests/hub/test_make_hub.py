"""`make hub`: the stand-in by itself, as a person starts it and leaves it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.usefixtures("model_folder")
def test_what_it_says_works_in_another_terminal(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hub"], cwd=ROOT / "tests", stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            said += line
        told = dict(re.findall(r"(HF_\w+)=(\S+)", said))
        command = re.search(r"tunebook (inspect .*)", said)
        assert command and set(told) == {"HF_ENDPOINT", "HF_TOKEN", "HF_HOME"}
        done = subprocess.run(
            [sys.executable, "-m", "tunebook", *command[1].split()],
            env={**os.environ, "HF_HUB_OFFLINE": "0", **told},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert "1,200 rows" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    assert not Path(told["HF_HOME"]).exists()
