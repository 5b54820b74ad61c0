"""Start the trial's process, wait for it no longer than it may take, and read what it found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tunebook.pipeline.home import read_json


def tried_apart(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What the child found; with `error` where it hung or ended before it was done. Never raises for what it runs."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "asked.json", Path(folder) / "found.json"
        question.write_text(json.dumps(asked, default=str), encoding="utf-8")
        command = [sys.executable, "-m", "tunebook.pipeline.rewards.trial_child", str(question), str(answer)]
        above = str(Path(__file__).resolve().parents[3])
        path = os.pathsep.join(filter(None, [above, os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path}
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=environment, cwd=os.getcwd(), start_new_session=True, **quiet)  # type: ignore[call-overload]
        late = False
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        found: dict[str, Any] = {"step": "load", "results": {}}
        try:
            found |= read_json(answer) or {}
        except ValueError:
            pass  # it was writing when it was ended
    if "error" not in found and found["step"] != "done":
        found["error"] = f"it was not done after {seconds:g} s" if late else f"the process ended ({process.returncode})"
    return found
