"""The account's jobs beside the journal of this machine: those that nobody here knows, and those that should be gone.

A journal binds one machine. What others have started with the same account is found by its labels: it counts against the
budget, and `attach` follows it from here.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunebook.pipeline.backends.hf_jobs.choose_disk import disk_seen
from tunebook.pipeline.backends.hf_jobs.jobs import HfJobs
from tunebook.pipeline.backends.hf_jobs.submit import TERMINAL
from tunebook.pipeline.errors import TunebookError
from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.journal import Journal, fold
from tunebook.pipeline.ledger import BudgetResult, Stranger, budget_now
from tunebook.pipeline.plan import Plan
from tunebook.pipeline.progress import NONCE_VARIABLE
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.settings import is_offline

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

    from tunebook.pipeline.backends.hf_jobs.hub import JobsHub

RECENT_S = 7 * 86_400.0
LIVE = ["SCHEDULING", "RUNNING"]


def own_hub() -> JobsHub | None:
    """The account's jobs; None where there is no account, or the Hub may not be asked. Raises Undecided or Refused."""
    if is_offline():
        return None
    from huggingface_hub import get_token

    return HfJobs().hub if get_token() is not None else None


def strangers(journal: Journal, hub: JobsHub) -> list[Stranger]:
    """Raises Undecided or Refused where the Hub does not tell."""
    runs = {run_id: fold(journal.events(run_id)) for run_id in journal.run_ids()}
    known = {attempt.job_id for run in runs.values() for attempt in run.attempts}
    # Killed before it noted which job it had made: what runs under its labels is its own.
    submitting = {run_id for run_id, run in runs.items() if any(one.state == "submitting" for one in run.attempts)}
    found = []
    for job in hub.listed({}, LIVE):
        labels = job.labels or {}
        run_id, job_id = labels.get("tunebook-run"), f"{hub.namespace}/{job.id}"
        if run_id is None or job_id in known or run_id in submitting:
            continue
        micros = labels.get("tunebook-micros", "0")
        found.append(
            Stranger(
                job_id=job_id,
                run_id=run_id,
                flavor=str(job.flavor),
                state="queued" if job.status.stage == "SCHEDULING" else "running",
                url=job.url,
                max_usd=int(micros) / 1e6 if micros.isdigit() else 0.0,
            )
        )
    return found


def reserved_elsewhere(journal: Journal) -> float:
    """US dollars that the account's jobs of other machines can still cost."""
    return sum(one.max_usd for one in strangers(journal, HfJobs().hub))


def budget_everywhere() -> BudgetResult:
    """The ledger of this home, with the account's jobs of other machines, where there is an account and the Hub may be
    asked. Raises CallError for damaged settings.
    """
    here = budget_now()
    try:
        hub = own_hub()
        return here if hub is None else here.model_copy(update={"elsewhere": strangers(Journal(home()), hub)})
    except TunebookError as failure:
        return here.model_copy(update={"elsewhere_unknown": str(failure)})


def take_stock(journal: Journal, hub: JobsHub) -> None:
    """Bring journal and account together. Live jobs of runs that have ended here are cancelled: a cancel holds whatever
    was under way then. Jobs that other machines have started become runs of this journal: those at work, and those that
    have ended in the last week; the run's disk on the Hub says what was asked and agreed to.
    """
    for job in hub.listed({}):
        run_id = (job.labels or {}).get("tunebook-run", "")
        ended = job.status.stage in TERMINAL
        if not run_id:
            continue
        if events := journal.events(run_id):
            if not ended and fold(events).finished:
                hub.cancel(job.id)
        elif not ended or job.created_at is None or time.time() - job.created_at.timestamp() < RECENT_S:
            try:
                _adopt(journal, hub, job, run_id)
            except (TunebookError, ValueError, KeyError):
                continue  # a job of another kind under our labels, or one whose folder is gone


def _adopt(journal: Journal, hub: JobsHub, job: JobInfo, run_id: str) -> None:
    labels = job.labels or {}
    stage, number = labels["tunebook-stage"], int(labels["tunebook-attempt"])
    run = RunFolder(_safe(run_id))
    folder = run.job(_safe(stage), number)
    folder.mkdir(parents=True, exist_ok=True)
    disk_seen(hub, run.path, job).read(f"jobs/{folder.name}/config.json", folder / "config.json")
    config: dict[str, Any] = read_json(folder / "config.json") or {}
    plan, asked = Plan.model_validate(config["plan"]), config["asked"]
    assert plan.plan_id
    if not plan.plan_id.startswith(labels["tunebook-plan"]):
        raise ValueError("the labels name another plan")
    (folder / "nonce").write_text(str((job.environment or {})[NONCE_VARIABLE]))
    write_json(folder / "hub_job.json", {"namespace": hub.namespace, "id": job.id})
    journal.save_plan(plan.plan_id, plan.model_dump(mode="json"))
    timeout = int(config["timeout_s"])
    plan_id, most = plan.plan_id, asked["max_usd"]
    attempt = {"stage": stage, "n": number}
    created = {"instruction": asked["instruction"], "spec": asked["spec"], "spec_hash": asked["spec_hash"]}
    journal.create_run(
        run_id,
        {**created, "auto_confirm": False, "cwd": str(Path.cwd())},
        same_as=None,
        then=[
            ("planned", {"plan_id": plan_id, "max_usd": most}),
            ("confirmed", {"plan_id": plan_id, "max_usd": most, "by": "another machine"}),
            ("stage", {"stage": stage}),
            ("submitting", {**attempt, "backend": "hf-jobs", "timeout_s": timeout, "max_usd": most}),
            ("attempt", {**attempt, "state": "queued", "job_id": f"{hub.namespace}/{job.id}"}),
        ],
    )


def _safe(name: str) -> str:
    """A label as the name of a folder. Anybody in the namespace can write labels. Raises ValueError."""
    if not name.replace("-", "").replace("_", "").isalnum() or not (home() / "runs" / name).name == name:
        raise ValueError(name)
    return name
