"""All stages of a run as one job on a machine of its own: what the supervisor does step by step with jobs of this machine.

    stages.py CONFIG.json RESULT.json       (in the run's folder)

One start-up is paid for instead of three, and nobody here has to be awake between them. Each stage's script runs as it would
by itself. The result says of each stage how it ended; what they make lies in the run's folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.backends import JobRequest, JobStatus
from tunebook.pipeline.backends.hf_jobs.keeper import keeping
from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.plan import Plan
from tunebook.pipeline.progress import emit
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.stages import collect, stage_request
from tunebook.pipeline.work import result_of


class StagesConfig(BaseModel):
    """What is to be done. `plan` is the whole plan; `asked` is what another machine needs to follow the run as its own."""

    run_id: str
    attempt: int
    stages: list[str]
    timeout_s: int  # of the whole job
    train_s: int  # for which training may take
    plan: dict[str, Any]
    asked: dict[str, Any]


def main(config_path: Path, result_path: Path) -> int:
    """Returns 0, or the exit code of the stage that failed. The result is kept up to date all the while."""
    config = StagesConfig.model_validate(read_json(config_path))
    plan = Plan.model_validate(config.plan).model_copy(update={"timeout_s": config.train_s})
    folder = RunFolder(config.run_id, at=Path.cwd())
    told: dict[str, Any] = {"root": str(folder.path), "stages": {}}
    with keeping(folder) as stage_over, tempfile.TemporaryDirectory(prefix="trackio-") as curves:
        try:
            for stage in config.stages:
                emit("stage", stage=stage)
                request = stage_request(plan, stage, folder, config.run_id, config.attempt)
                # A database on a mounted bucket has no locks: it is written here, and kept at the end.
                request.env["TRACKIO_DIR"] = curves
                began = time.monotonic()
                code = _run(request)
                told["stages"][stage] = {"code": code, "seconds": round(time.monotonic() - began, 1)}
                write_json(result_path, told)
                if code == 0 and stage != "train":
                    status = JobStatus(state="succeeded", exit_code=0)
                    collect(stage, folder, result_of(request.folder, status, f"the {stage} stage"))
                if code != 0:
                    return code
                stage_over()
        finally:
            shutil.copytree(curves, folder.path / "trackio", dirs_exist_ok=True)
    return 0


def _run(request: JobRequest) -> int:
    """The script's exit code. It runs with what its own header asks for, where there is a uv to bring it."""
    uv = shutil.which("uv")
    command = [uv, "run", "--quiet", str(request.script)] if uv else [sys.executable, str(request.script)]
    # Curves travel in the log, which is this process's own: a second copy on the disk is for disks that are shared.
    env = {**os.environ, **{name: value for name, value in request.env.items() if name not in _OWN}}
    child = subprocess.Popen([*command, *request.args], cwd=request.folder, env=env, stdin=subprocess.DEVNULL)
    previous = signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
    try:
        return child.wait()
    finally:
        signal.signal(signal.SIGTERM, previous)


#: The nonce of the whole job stays: who follows it knows that one.
_OWN = ("TUNEBOOK_NONCE", "TUNEBOOK_METRICS")
