"""Looking at a spec's data for a plan: the inspection as a local job, kept as long as data, model and questions are the same."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tunebook.pipeline.data.checks import Settings
from tunebook.pipeline.data.checks.settings import with_plan
from tunebook.pipeline.data.hub import commit_of
from tunebook.pipeline.data.leaving_out import rows_of
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.data.source import looks_local
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.plan.model import InspectionAsk, ModelFacts
from tunebook.pipeline.scripts.entry import Entry
from tunebook.pipeline.spec import Method, Spec
from tunebook.pipeline.work import OnEvent, do

#: (stage, job folder, text): told before each piece of heavy work, so that a follower can read its progress.
Preparing = Callable[[str, Path, str], None]


#: Raised when an inspection holds more than before, so that kept ones are not taken for new ones.
INSPECTION_VERSION = 2


@dataclass(frozen=True)
class Watched:
    """Who waits for the heavy work: where its jobs are put, who is told of them and of their progress, and what may end
    them by raising.
    """

    work_in: Path | None = None
    preparing: Preparing | None = None
    check: Callable[[], None] | None = None
    on_event: OnEvent | None = None


def inspect_for(
    spec: Spec, model: ModelFacts | None, watched: Watched | None = None, *, against: str | None = None
) -> Inspection:
    """The inspection of the spec's data with the model's tokenizer, as a local job; kept while the data stays the same.

    `against` is a benchmark whose texts are looked for in the rows.
    """
    spec, dataset = pinned(spec), spec.dataset or ""
    stamp = data_stamp(dataset)
    ask = ask_for(spec, model, rows_left_out(spec, model, watched, against=against), against, stamp)
    inspection = kept_inspection(ask)
    if inspection is None:
        body = work_for("validate", ask.config, f"Reading {spec.dataset}", "data", "the inspection", watched)
        if data_stamp(dataset) != stamp:
            raise CallError("dataset", f"{dataset} was changed while it was read", "look at it again when it is whole")
        inspection = keep_inspection(ask, body)
    if spec.tuning == "full":  # adapters that would fail are nothing that somebody has to answer for
        report = with_plan(inspection.report, method_of(spec, inspection), Settings(tuning="full"))
        inspection = inspection.model_copy(update={"report": report})
    return inspection


def on_this_machine(dataset: str) -> bool:
    """Whether a data set is a file or a folder here, or was meant to be one; else it is one on the Hub."""
    return Path(dataset).expanduser().exists() or looks_local(dataset)


def pinned(spec: Spec) -> Spec:
    """The spec with the commit that its data set has now. What is kept is of a commit, and so is what the job reads: a data
    set that has changed is looked at again.
    """
    dataset = spec.dataset or ""
    if on_this_machine(dataset):
        return spec
    return spec.model_copy(update={"dataset_revision": commit_of(dataset, spec.dataset_revision)})


def ask_for(
    spec: Spec, model: ModelFacts | None, left_out: list[int], against: str | None, stamp: list[list[Any]]
) -> InspectionAsk:
    """What an inspection of a `pinned` spec is asked, wherever it is done. `left_out` are numbers of rows, `stamp` is the
    local data set's `data_stamp`, [] for one on the Hub.
    """
    config = {
        "dataset": spec.dataset,
        "leave_out": left_out,
        "model": model.path if model else None,
        "model_revision": model.revision if model else None,
        "config": spec.dataset_config,
        "split": spec.split,
        "revision": spec.dataset_revision,
        "method": spec.method,
        "max_length": spec.max_length,
        "rows": spec.rows,
        "system_prompt": spec.system_prompt,
        "eval_share": spec.eval_share,
        "seed": spec.seed if spec.seed is not None else 42,
        "against": against,
        # Only what needs the job: a rate that is changed must not cost another look at the rows.
        "settings": {"packing": True} if spec.packing else {},
    }
    key = _key(INSPECTION_VERSION, config, model.fingerprint if model else None, stamp)
    return InspectionAsk(key=key, config=config)


def kept_inspection(ask: InspectionAsk) -> Inspection | None:
    body = read_json(_place(ask))
    return None if body is None else Inspection.model_validate(body)


def keep_inspection(ask: InspectionAsk, body: dict[str, Any]) -> Inspection:
    """Keep what a job has found for whoever asks the same. Raises ValueError for what is no inspection."""
    inspection = Inspection.model_validate(body)
    write_json(_place(ask), body)
    return inspection


def _place(ask: InspectionAsk) -> Path:
    return home() / "inspections" / f"{ask.key}.json"


def method_of(spec: Spec, inspection: Inspection) -> Method:
    """What was said, or what follows from the rows' structure."""
    return cast(Method, spec.method or inspection.report.recommended or "sft")


def rows_left_out(
    spec: Spec, model: ModelFacts | None, watched: Watched | None = None, *, against: str | None = None
) -> list[int]:
    """The numbers of the rows that `leave_out` means: those that its checks find in the whole training split."""
    if not spec.leave_out:
        return []
    whole = spec.model_copy(update={"leave_out": None, "rows": None, "eval_share": None})
    return rows_of(inspect_for(whole, model, watched, against=against), spec.leave_out)


def work_for(
    entry: Entry, config: dict[str, Any], text: str, stage: str, what: str, watched: Watched | None
) -> dict[str, Any]:
    watched = watched or Watched()
    folder = (watched.work_in or home() / "jobs") / f"{entry}-{uuid.uuid4().hex[:12]}"
    if watched.preparing:
        watched.preparing(stage, folder, text)
    return do(entry, config, folder, what=what, check=watched.check, on_event=watched.on_event)


def data_stamp(dataset: str) -> list[list[Any]]:
    """Names, sizes and times of a local data set's files: when they are the same, the rows are."""
    path = Path(dataset).expanduser()
    files = (
        [path]
        if path.is_file()
        else sorted(file for file in path.rglob("*") if file.is_file())
        if path.is_dir()
        else []
    )
    return [[str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _key(*parts: Any) -> str:
    from tunebook.version import __version__

    return hashlib.sha256(json.dumps([__version__, *parts], sort_keys=True).encode()).hexdigest()[:32]
