"""Run a training script, byte for byte, in this process, and tell what was seen. Meant for a process of its own."""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

from tunebook.pipeline.home import write_json
from tunebook.pipeline.progress import NONCE_VARIABLE
from tunebook.pipeline.prove import overrides
from tunebook.pipeline.prove.trial import Outcome, Trial
from tunebook.pipeline.prove.watching import watch

PR_SET_PDEATHSIG = 1
OUTCOME, LOG, OUTPUT, METRICS = "outcome.json", "log.txt", "output", "metrics.jsonl"


def run_and_exit(trial: Trial, folder: Path) -> None:
    """The body of a forked process: it ends with the script's exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nothing trains on after its job was killed
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        code = run(trial, folder)
    except BaseException:  # noqa: BLE001 (a fault of ours; the log has it)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def run(trial: Trial, folder: Path) -> int:
    outcome = Outcome()

    def note(text: str) -> None:
        if text not in outcome.overrides:
            outcome.overrides.append(text)
            print(f"in miniature: {text}", flush=True)

    def save() -> None:
        write_json(folder / OUTCOME, outcome.model_dump(mode="json"))

    os.chdir(folder)
    os.environ[NONCE_VARIABLE] = "proof"
    os.environ["TUNEBOOK_METRICS"] = str(folder / METRICS)
    os.environ.pop("TUNEBOOK_TIME_LIMIT_S", None)
    sys.argv = [trial.script, "--output", str(folder / OUTPUT)]
    import torch

    torch.set_num_threads(1)
    overrides.apply(trial, note)
    watch(trial, outcome, note, save)
    try:
        runpy.run_path(trial.script, run_name="__main__")
        outcome.exit_code = 0
    except SystemExit as ended:
        outcome.exit_code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            outcome.error = ended.code
    except BaseException as failure:  # noqa: BLE001 (whatever the script raises is what is told)
        traceback.print_exc()
        outcome.exit_code = 1
        said = str(failure).strip()
        outcome.error = f"{type(failure).__name__}: {said}" if said else type(failure).__name__
        lines = [one.lineno for one in traceback.extract_tb(failure.__traceback__) if one.filename == trial.script]
        outcome.where = f"line {lines[-1]}" if lines else None
    save()
    return outcome.exit_code
