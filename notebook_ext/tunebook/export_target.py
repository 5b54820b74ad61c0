"""`export` for a run or a checkpoint folder: find the checkpoint, run the export as a job, keep the result."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tunebook.pipeline.control import find_run
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.export.result import ExportResult
from tunebook.pipeline.home import home, write_json
from tunebook.pipeline.journal import Journal
from tunebook.pipeline.plan import load_plan
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import make_spec
from tunebook.pipeline.stages import export_config
from tunebook.pipeline.watch import look
from tunebook.pipeline.work import do


def export_target(target: str | None, gguf: str | list[str], push: str | None) -> ExportResult:
    """Raises CallError for a target without a whole checkpoint, an unknown quantisation, or a push (not here yet)."""
    quants = make_spec(gguf=gguf).gguf or []
    if push is not None:
        raise CallError(
            "push", f"is {push!r}, and publishing is not here yet", "leave it out, the files stay on this machine"
        )
    folder = Path(target).expanduser() if target else None
    if folder is not None and folder.is_dir():
        config = _of_folder(folder.resolve(), quants)
        kept = None
    else:
        run_id = find_run(target)
        state = look(Journal(home()), run_id).run
        if state.plan_id is None:
            raise CallError("run", f"{run_id} has no plan", "export a run that was trained")
        if state.state in ("running", "cancelling") and state.stage == "export":
            raise CallError("run", f"{run_id} is exporting at this moment", "wait for its end")
        config = export_config(load_plan(Journal(home()), state.plan_id), RunFolder(run_id)) | {"quants": quants}
        kept = RunFolder(run_id).path / "export.json"
    result = do("export", config, home() / "jobs" / f"export-{uuid.uuid4().hex[:12]}", what="the export")
    if kept is not None:
        write_json(kept, result)
    return ExportResult.model_validate(result["export"])


def _of_folder(checkpoint: Path, quants: list[str]) -> dict[str, object]:
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
        "push": None,
    }
