"""`export` for a run or a checkpoint folder: find the checkpoint, run the export as a job, keep the result."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tunebook.pipeline.control import find_run
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.export.push_config import Push, push_config
from tunebook.pipeline.export.result import ExportResult
from tunebook.pipeline.home import home, write_json
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import load_plan
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import make_spec
from tunebook.pipeline.stages import export_config
from tunebook.pipeline.watch import look
from tunebook.pipeline.work import do

#: For which an export may take that somebody waits for, and the push of one: 10 GB on a line of 4 Mbit/s.
EXPORT_S, PUSH_S = 1800, 6 * 3600


def export_target(target: str | None, gguf: str | list[str], push: str | None) -> ExportResult:
    """Raises CallError for a target without a whole checkpoint, an unknown quantisation, or a push that is refused."""
    quants = make_spec(gguf=gguf).gguf or []
    repo = make_spec(push_to=push).push_to if push is not None else None
    folder = Path(target).expanduser() if target else None
    if folder is not None and folder.is_dir():
        config = _of_folder(folder.resolve(), quants, repo)
        kept = None
    else:
        run_id = find_run(target)
        state = look(Journal(home()), run_id).run
        if state.plan_id is None:
            raise CallError("run", f"{run_id} has no plan", "export a run that was trained")
        if state.state in ("running", "cancelling") and state.stage == "export":
            raise CallError("run", f"{run_id} is exporting at this moment", "wait for its end")
        plan, run = load_plan(Journal(home()), state.plan_id), RunFolder(run_id)
        if plan.ask is not None:
            raise CallError("run", f"{run_id} only inspects data", "export a run that was trained")
        push_to = push_config(plan, run, run_id, repo) if repo else None
        config = export_config(plan, run, run_id) | {"quants": quants, "push": push_to}
        kept = run.path / "export.json"
    job = home() / "jobs" / f"export-{uuid.uuid4().hex[:12]}"
    result = do("export", config, job, what="the export", timeout_s=EXPORT_S + (PUSH_S if repo else 0))
    if kept is not None:
        write_json(kept, result)
    return ExportResult.model_validate(result["export"])


def _of_folder(checkpoint: Path, quants: list[str], repo: str | None) -> dict[str, object]:
    adapter = checkpoint / "adapter_config.json"
    if not adapter.exists() and not (checkpoint / "config.json").exists():
        raise CallError(
            "export", f"{checkpoint.name} is no checkpoint folder", "name a run, or a folder with a model or an adapter"
        )
    base = json.loads(adapter.read_text()).get("base_model_name_or_path") if adapter.exists() else None
    return {
        "checkpoint": str(checkpoint),
        "base": base,
        "out": str(checkpoint.with_name(f"{checkpoint.name}-export")),
        "quants": quants,
        "question": None,
        "calibration_prompts": [],
        "push": Push(repo=repo).model_dump() if repo else None,
    }
