"""What each stage of a run submits, and what it keeps of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunebook.pipeline.backends import JobRequest
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.compare import compare
from tunebook.pipeline.evaluation.scores import Comparison, ScoreTable
from tunebook.pipeline.export.push_config import push_config
from tunebook.pipeline.home import read_json, write_json
from tunebook.pipeline.plan import Plan
from tunebook.pipeline.plan.model import ModelFacts
from tunebook.pipeline.progress import NONCE_VARIABLE
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.tail import METRICS_FILE
from tunebook.pipeline.work import job_request, nonce

DIVERGED = 3  # the exit code of a training script whose loss was no longer a number
CERTIFICATE_ROWS = 8
#: What training leaves of a whole job's time for the machine's start and for what comes after it.
LATER_SHARE, LATER_MOST_S = 0.3, 1800


def stage_request(plan: Plan, stage: str, folder: RunFolder, run_id: str, attempt: int) -> JobRequest:
    """The job of one attempt at a stage. The same arguments give the same job, so that a lost answer can be asked again."""
    assert plan.plan_id and plan.timeout_s
    job = stage_folder(folder, stage, attempt)
    labels = _labels(plan, stage, attempt)
    if stage == "validate":
        assert plan.ask
        return job_request("validate", plan.ask.config, job, labels=labels, timeout_s=plan.timeout_s)
    if stage == "train":
        return _train(plan, folder, run_id, job, labels)
    if stage == "evaluate":
        return job_request("evaluate", _evaluation(plan, folder), job, labels=labels, timeout_s=plan.timeout_s)
    return job_request("export", export_config(plan, folder, run_id), job, labels=labels, timeout_s=plan.timeout_s)


def stage_folder(folder: RunFolder, stage: str, attempt: int) -> Path:
    """Where a stage's script does its work. The job that does a whole plan lies where its first stage would: an inspection,
    whose script has a configuration and a result as well, makes room for it.
    """
    return folder.job("inspection" if stage == "validate" else stage, attempt)


def whole_request(
    plan: Plan,
    stages: list[str],
    folder: RunFolder,
    run_id: str,
    attempt: int,
    *,
    timeout_s: int,
    asked: dict[str, Any],
) -> JobRequest:
    """One job that does all these stages on a rented machine (all_stages.py). Its paths are those of the run's folder."""
    assert plan.plan_id and plan.chosen
    job = folder.job(stages[0], attempt)
    config = {
        "run_id": run_id,
        "attempt": attempt,
        "stages": stages,
        "timeout_s": timeout_s,
        "train_s": round(timeout_s - min(LATER_SHARE * timeout_s, LATER_MOST_S)),
        "plan": plan.model_dump(mode="json"),
        "asked": asked,
    }
    most = round(1e6 * (plan.price.usd_per_hour if plan.price else 0.0) * timeout_s / 3600)
    labels = {**_labels(plan, stages[0], attempt), "tunebook-run": run_id, "tunebook-micros": str(most)}
    request = job_request("stages", config, job, labels=labels, timeout_s=timeout_s)
    place = job.relative_to(folder.path).as_posix()
    return request.model_copy(
        update={
            "args": [f"{place}/config.json", f"{place}/result.json"],
            "env": {**request.env, "TUNEBOOK_RUN": run_id},
            "flavor": plan.chosen.flavor,
            "on_the_hub": plan.on_the_hub(),
        }
    )


def _labels(plan: Plan, stage: str, attempt: int) -> dict[str, str]:
    assert plan.plan_id
    return {"tunebook-plan": plan.plan_id[:40], "tunebook-stage": stage, "tunebook-attempt": str(attempt)}


def _train(plan: Plan, folder: RunFolder, run_id: str, job: Any, labels: dict[str, str]) -> JobRequest:
    assert plan.script and plan.timeout_s
    job.mkdir(parents=True, exist_ok=True)
    script = job / "train.py"
    script.write_text(plan.script, encoding="utf-8")
    return JobRequest(
        folder=job,
        script=script,
        args=["--output", str(folder.output)],
        env={
            NONCE_VARIABLE: nonce(job),
            "TUNEBOOK_METRICS": str(job / METRICS_FILE),
            "TUNEBOOK_RUN": run_id,
            "TUNEBOOK_TIME_LIMIT_S": str(plan.timeout_s),
            "TRACKIO_DIR": str(folder.path / "trackio"),
        },
        labels=labels,
        timeout_s=plan.timeout_s,
    )


def _evaluation(plan: Plan, folder: RunFolder) -> dict[str, Any]:
    assert plan.model
    adapter = plan.spec["tuning"] != "full"
    targets: list[dict[str, Any]] = [{"name": "base", **start_of(plan.model), "step": 0}]
    for step, path in folder.checkpoints():
        targets.append({"name": path.name, "path": str(path), "adapter": adapter, "step": step})
    return {
        "benchmark": plan.benchmark,
        "model": plan.model.path,
        "model_revision": plan.model.revision,
        "targets": targets,
        "rows_file": str(folder.held_out),
        "limit": None,
        "seed": plan.spec["seed"],
        **asked_with(plan),
    }


def start_of(model: ModelFacts) -> dict[str, Any]:
    """What training began with, as a target: the model itself, or with the adapter that was trained on."""
    return {"path": model.adapter, "adapter": model.adapter is not None}


def asked_with(plan: Plan) -> dict[str, Any]:
    """What a run's own benchmark needs beside rows: its reward functions, and the answers' length of its training."""
    settings = plan.settings
    if settings is None or settings.method != "grpo" or settings.rewards is None:
        return {}
    return {"rewards": settings.rewards.source, "max_new_tokens": settings.max_completion_length}


def export_config(plan: Plan, folder: RunFolder, run_id: str) -> dict[str, Any]:
    assert plan.model
    rows = held_out_rows(folder, CERTIFICATE_ROWS)
    question = None
    if rows and "prompt" in rows[0]:
        question = {"prompt": rows[0]["prompt"], "expected": _expected(rows[0])}
    return {
        "checkpoint": str(best_checkpoint(folder)),
        "base": plan.model.path,
        "base_revision": plan.model.revision,
        "out": str(folder.export),
        "quants": plan.spec["gguf"],
        "question": question,
        "calibration_prompts": rows,
        "push": push_config(plan, folder, run_id),
    }


def _expected(row: dict[str, Any]) -> str:
    """The answer that the row has for its prompt; "" where it has none."""
    found = next((row[name] for name in ("completion", "chosen", "answer") if row.get(name)), "")
    return str(found if not isinstance(found, list) else found[-1]["content"])


def best_checkpoint(folder: RunFolder) -> Any:
    """The checkpoint that the comparison calls best; where the base is best, the highest scoring one; else the last."""
    checkpoints = {path.name: path for _, path in folder.checkpoints()}
    if not checkpoints:
        raise CallError("run", "has no whole checkpoint", "train first")
    comparison = comparison_of(folder)
    if comparison is None:
        return list(checkpoints.values())[-1]
    if comparison.best in checkpoints:
        return checkpoints[comparison.best]
    sign = 1 if comparison.higher_is_better else -1
    rows = [row for row in comparison.rows if row.checkpoint in checkpoints]
    return checkpoints[max(rows, key=lambda row: (sign * row.score, -row.step)).checkpoint]


def comparison_of(folder: RunFolder) -> Comparison | None:
    body = read_json(folder.comparison)
    return Comparison.model_validate(body) if body is not None else None


def held_out_rows(folder: RunFolder, most: int) -> list[dict[str, Any]]:
    """The first held-out rows, ready for TRL, as the training script wrote them."""
    import itertools
    import json

    try:
        with folder.held_out.open(encoding="utf-8") as file:
            return [json.loads(line) for line in itertools.islice(file, most)]
    except FileNotFoundError:
        return []


def collect(stage: str, folder: RunFolder, result: dict[str, Any]) -> None:
    """Keep what a stage's job found where later stages, panels and the report look for it."""
    if stage == "validate":
        write_json(folder.inspection, result)
    elif stage == "evaluate":
        table = ScoreTable.model_validate(result["table"])
        write_json(folder.path / "evaluation.json", result)
        write_json(folder.comparison, compare(table, result["items"]).model_dump(mode="json"))
    elif stage == "export":
        write_json(folder.path / "export.json", result)
