"""`evaluate` for runs, checkpoint folders, model ids and files of completions: find what each needs, score it in a job."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from tunebook.pipeline.benchmarks import get_benchmark
from tunebook.pipeline.control import find_run
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.scores import ScoreTable
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import load_plan
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.stages import asked_with, start_of
from tunebook.pipeline.watch import look
from tunebook.pipeline.work import do

Target = dict[str, Any]


def evaluate_targets(targets: list[str], benchmark: str, limit: int | None, dataset: str | None) -> ScoreTable:
    """The scores of all targets on the same items. Raises CallError for a target, a benchmark or rows that are not there."""
    get_benchmark(benchmark)
    if not targets:
        raise CallError(
            "target", "is missing", "name a run, a checkpoint folder, a model id or a .jsonl of completions"
        )
    if limit is not None and limit < 1:
        raise CallError("limit", f"is {limit}", "give a whole number of at least 1")
    found: list[Target] = []
    rows = _file(dataset) if dataset is not None else None
    own: dict[str, Any] = {}
    for target in targets:
        more, held_out, asked = _resolve(target)
        found += more
        rows = rows or held_out
        own = own or asked
    if rows is None:
        raise CallError("dataset", "is missing: no target brings held-out rows", "add `--dataset FILE.jsonl`")
    config = {"benchmark": benchmark, "targets": found, "rows_file": str(rows), "limit": limit}
    config |= own if benchmark == "mean_reward" else {}
    folder = home() / "jobs" / f"evaluate-{uuid.uuid4().hex[:12]}"
    return ScoreTable.model_validate(do("evaluate", config, folder, what="the evaluation")["table"])


def _resolve(target: str) -> tuple[list[Target], Path | None, dict[str, Any]]:
    """What to score for one target, the held-out rows that belong to it, and what its own benchmark is asked with."""
    path = Path(target).expanduser()
    if target.endswith(".jsonl"):
        return [{"name": target, "path": str(_file(target))}], None, {}
    if path.is_dir():
        beside = path.resolve().parent / "held_out.jsonl"  # where a training script leaves it
        return [{"name": target, "path": str(path.resolve())}], beside if beside.is_file() else None, {}
    try:
        run_id = find_run(target)
    except CallError:
        if target.count("/") == 1 and not target.startswith((".", "~", "/")):
            return [{"name": target, "path": target, "adapter": False}], None, {}
        raise CallError("target", f"{target!r} is no run, folder or model", "`runs` lists the runs there are") from None
    return _of_run(run_id)


def _of_run(run_id: str) -> tuple[list[Target], Path | None, dict[str, Any]]:
    folder, plan_id = RunFolder(run_id), look(Journal(home()), run_id).run.plan_id
    checkpoints = folder.checkpoints()
    if plan_id is None or not checkpoints:
        raise CallError("target", f"{run_id} has no whole checkpoint", "wait for its training, or name another run")
    plan = load_plan(Journal(home()), plan_id)
    assert plan.model is not None
    start = start_of(plan.model)
    base: Target = {"name": "base", **start, "path": start["path"] or plan.model.path, "step": 0}
    targets = [base, *({"name": path.name, "path": str(path), "step": step} for step, path in checkpoints)]
    return targets, folder.held_out if folder.held_out.is_file() else None, asked_with(plan)


def _file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise CallError("dataset", f"{name} is not there", "name a jsonl file")
    try:
        with path.open(encoding="utf-8") as file:
            json.loads(next(line for line in file if line.strip()))
    except (StopIteration, ValueError):
        raise CallError("dataset", f"{name} is no jsonl", "put one JSON object on each line") from None
    return path.resolve()
