"""What a person can ask of runs: create, confirm, stop, cancel, resume, attach. Every door uses these and nothing else.

They only write requests into the journal and see to it that a supervisor is there to carry them out.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tunebook.pipeline.backends import backend_names
from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Event, Journal, RunState, fold
from tunebook.pipeline.ledger import require_left
from tunebook.pipeline.plan import Plan, load_plan
from tunebook.pipeline.plan.account import require_account
from tunebook.pipeline.plan.looking import data_stamp
from tunebook.pipeline.plan.price_now import price_change
from tunebook.pipeline.plan.proving import kept_proof
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import Spec, make_spec
from tunebook.pipeline.supervisor import spawn
from tunebook.pipeline.watch import Look, look

#: Seconds in which a supervisor that is at work takes up a changed spec.
HANDED_OVER_S = 2.0


def anchored(spec: Spec) -> Spec:
    """The spec with local paths made absolute, so that it means the same wherever a supervisor runs."""
    found = {
        name: str(Path(value).expanduser().resolve())
        for name in ("model", "dataset")
        if (value := getattr(spec, name)) is not None and Path(value).expanduser().exists()
    }
    return spec.model_copy(update=found)


def spec_hash(spec: Spec) -> str:
    """Equal for the same words about the same data and model files: a cell that is run again finds its run by it."""
    stamps = [data_stamp(value) for value in (spec.dataset, spec.model) if value and Path(value).exists()]
    content = json.dumps([spec.said(), stamps], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def start(spec: Spec, instruction: str, *, yes: bool = False, again: bool = False) -> tuple[str, bool]:
    """Create a run that prepares itself in the background, or find the one that equals it. Never waits.

    An unfinished or succeeded run of the same spec, data and model is found instead, unless `again`. With `yes` a plan
    that costs nothing starts by itself. Returns the run's id and whether it is new.
    """
    journal, spec = Journal(home()), anchored(spec)
    digest = spec_hash(spec)
    if not again and (known := _succeeded(journal, digest)):
        return known, False
    data = _created(spec, instruction, digest, yes)
    run_id, new = journal.create_run(new_run_id(spec), data, same_as=None if again else ("spec_hash", digest))
    ensure_supervisor(journal, run_id)
    return run_id, new


def start_planned(plan: Plan, instruction: str, *, again: bool = False) -> str:
    """A run of a plan that is made already, as a draft; the unfinished or succeeded one of the same plan if there is one."""
    assert plan.plan_id is not None
    journal, spec = Journal(home()), Spec(**plan.said)
    if not again:
        for other in journal.run_ids():
            state = look(journal, other).run
            if state.plan_id == plan.plan_id and state.state not in ("failed", "cancelled"):
                return other
    journal.save_plan(plan.plan_id, plan.model_dump(mode="json"))
    same = None if again else ("plan_id", plan.plan_id)
    # An inspection is no run of a cell, whatever words the two have in common.
    digest = plan.plan_id if plan.ask else spec_hash(spec)
    run_id, new = journal.create_run(new_run_id(spec), _created(spec, instruction, digest, False), same_as=same)
    if new:
        journal.append(run_id, "planned", plan_id=plan.plan_id, max_usd=plan.max_usd)
    return run_id


def consent(run_id: str, plan_id: str, *, by: str) -> None:
    """Record a person's consent to exactly this plan, and reserve what it can cost.

    Raises CallError if the run's plan is another one now, can cost more than is left, or cannot be started from here.
    """
    journal = Journal(home())
    run = look(journal, run_id).run
    _at_plan(run, plan_id)
    elsewhere = 0.0
    if run.state == "draft" and (kept := journal.plan(plan_id)) is not None:  # without it nothing is ever started
        kept_plan = Plan.model_validate(kept)
        require_startable(kept_plan)
        if kept_plan.price is not None:
            require_account(kept_plan, run_id)
            _require_same_price(journal, run, kept_plan)
            elsewhere = _elsewhere(journal)
        if kept_plan.edit is not None and kept_proof(kept_plan.script or "") is None:
            raise CallError("script", "was edited and is not proved yet", "wait for its proof, or see it with `prove`")

    def allowed(events: list[Event]) -> None:
        now = fold(event for event in events if event.run_id == run_id)
        _at_plan(now, plan_id)
        require_left(now, events, elsewhere)

    if run.state == "draft":
        journal.append(run_id, "confirmed", allowed=allowed, plan_id=plan_id, max_usd=run.max_usd, by=by)


def require_startable(plan: Plan) -> None:
    """Raise CallError for a plan that nothing may be spent on: its backend is not here, its machine cannot be used as it
    needs, or its price is of another hour.
    """
    assert plan.chosen is not None
    name, chosen = plan.chosen.backend, plan.chosen.model_dump()
    if name not in backend_names():
        remedy = "choose this machine, or run the script by hand: `script` writes it"
        raise CallError("backend", f"is {name}, and jobs cannot be sent there from here yet", remedy)
    for option in plan.options:
        if option.unstarted and option.model_dump(include=set(chosen)) == chosen:
            raise CallError("flavor", f"is {option.flavor}, and there {option.unstarted}", "choose another machine")
    if plan.price is not None and not plan.price.spendable(time.time()):
        raise CallError(
            "price", f"of {plan.chosen.flavor} is not of this hour, and may have changed", "make the plan again"
        )


def _require_same_price(journal: Journal, run: RunState, plan: Plan) -> None:
    """Raise CallError where the machine's price is another one now; the plan is then made again with it, but for that of an
    inspection, which is made when somebody asks for it.
    """
    if (changed := price_change(plan)) is None:
        return
    if plan.ask is not None:
        journal.append(run.run_id, "cancel_requested")
        raise CallError(
            "price", f"has changed: {changed.rstrip('.')}", "ask for the inspection again, at its new price"
        )
    journal.append(run.run_id, "revised", spec=run.spec, spec_hash=run.spec_hash, by="a price that has changed")
    ensure_supervisor(journal, run.run_id)
    raise CallError("price", f"has changed: {changed.rstrip('.')}", "look at the new plan, and confirm that one")


def _elsewhere(journal: Journal) -> float:
    """What the account's jobs of other machines can still cost. Raises CallError where the Hub does not tell."""
    from tunebook.pipeline.elsewhere import reserved_elsewhere

    try:
        return reserved_elsewhere(journal)
    except CallError:
        raise
    except TunebookError as failure:
        problem = f"cannot be checked, because {failure}"
        raise CallError("budget", problem, "try again when the Hub answers") from None


def _at_plan(run: RunState, plan_id: str) -> None:
    if run.plan_id != plan_id:
        raise CallError(
            "plan_id", "is not the plan of this run any more", "look at the plan again before you confirm it"
        )


def confirm(run_id: str, plan_id: str, *, by: str) -> None:
    """Consent to this plan, and let the run go."""
    consent(run_id, plan_id, by=by)
    ensure_running(run_id)


def prove(run_id: str) -> None:
    """Start a supervisor that proves a draft's script."""
    if not look(Journal(home()), run_id).supervised:
        spawn(run_id)


def ensure_running(run_id: str) -> None:
    """Start a supervisor for this run where there is something to do for one."""
    ensure_supervisor(Journal(home()), run_id)


def cancel(run_id: str) -> Look:
    """Ask for the run's end. What it has made stays."""
    return _request(run_id, "cancel_requested", "cancelled")


def revise(run_id: str, fields: dict[str, Any], *, by: str) -> None:
    """Change a draft's spec, as a person asked for it, and plan it anew; a list is added to the one that is there, and
    what is None is left to the plan.

    Raises CallError for a run that was confirmed or has ended, and for a value that is wrong.
    """
    spec = _draft(run_id).spec
    said = {
        name: list(dict.fromkeys([*spec.get(name, []), *value])) if isinstance(value, list) else value
        for name, value in fields.items()
    }
    _respec(run_id, {name: value for name, value in (spec | said).items() if value is not None}, by)


def take_back(run_id: str, field: str, *, by: str) -> None:
    """Give a field of a draft's spec the value that it had in the cell. Raises CallError as `revise`."""
    run = _draft(run_id)
    others = {name: value for name, value in run.spec.items() if name != field}
    _respec(run_id, others | ({field: run.asked[field]} if field in run.asked else {}), by)


def _draft(run_id: str) -> RunState:
    journal = Journal(home())
    run = look(journal, run_id).run
    if run.plan_id is not None and load_plan(journal, run.plan_id).ask is not None:
        raise CallError("run", f"{run_id} is an inspection", "inspect again, with what it is to be done with")
    if run.finished or run.confirmed_at is not None:
        problem = f"{run_id} has {'ended' if run.finished else 'started'}"
        raise CallError("run", problem, "change the cell and run it, which makes another run")
    return run


def _respec(run_id: str, said: dict[str, Any], by: str) -> None:
    journal = Journal(home())
    spec = make_spec(**said).said()
    if spec == look(journal, run_id).run.spec:
        return
    journal.append(run_id, "revised", spec=spec, spec_hash=spec_hash(Spec(**spec)), by=by)
    until = time.monotonic() + HANDED_OVER_S
    while time.monotonic() < until:  # a supervisor that is about to end does not see it any more
        now = look(journal, run_id)
        if not now.supervised or now.run.preparing or now.run.plan_id:
            break
        time.sleep(0.05)
    ensure_supervisor(journal, run_id)


def stop(run_id: str) -> Look:
    """End the training after its step at hand, keep what is there, and go on to the evaluation."""
    run = look(Journal(home()), run_id).run
    if run.state == "draft":
        raise CallError("run", "has not started", "`cancel` drops a run that has not started")
    return _request(run_id, "stop_requested", "stopped")


def _request(run_id: str, kind: str, done: str) -> Look:
    journal = Journal(home())
    now = look(journal, run_id)
    if now.run.finished:
        raise CallError("run", f"{run_id} has {now.run.state}", f"only a run at work can be {done}")
    journal.append(run_id, kind)
    if now.run.state != "draft":
        ensure_supervisor(journal, run_id)
    return look(journal, run_id)


def resume(run_id: str) -> str:
    """Go on with an interrupted run from its newest whole checkpoint; from a failed one make a new run that does.

    Returns the id of the run that goes on. Raises CallError for a run that needs no resuming.
    """
    journal = Journal(home())
    now = look(journal, run_id)
    if now.run.state in ("succeeded", "cancelled"):
        raise CallError("run", f"{run_id} has {now.run.state}", "`run --again` makes another run of the same plan")
    if now.run.state == "failed":
        return _resume_failed(journal, run_id)
    if not now.supervised:
        journal.append(run_id, "resume_requested")
        spawn(run_id, resume=True)
    return run_id


def _resume_failed(journal: Journal, run_id: str) -> str:
    run = look(journal, run_id).run
    if run.plan_id is None:
        raise CallError("run", f"{run_id} failed before it had a plan", "mend what it says, and run it again")
    plan = load_plan(journal, run.plan_id)
    fresh = new_run_id(Spec(**plan.said))
    old, new = RunFolder(run_id), RunFolder(fresh)
    if old.output.exists():
        shutil.copytree(old.output, new.output, ignore=shutil.ignore_patterns("stop"))
    created = _created(Spec(**run.spec), run.instruction, run.spec_hash, False) | {"resumed_from": run_id}
    journal.create_run(fresh, created, same_as=None)
    journal.append(fresh, "planned", plan_id=plan.plan_id, max_usd=plan.max_usd)
    if plan.max_usd == 0:
        journal.append(fresh, "confirmed", plan_id=plan.plan_id, max_usd=0.0, by=f"resume of {run_id}")
        ensure_supervisor(journal, fresh)
    return fresh


def attach() -> str:
    """See to every unfinished run that nobody watches, and return the newest run's id. Raises CallError if there is none.

    A job that still runs is taken over; one that was killed makes its run `interrupted`, which `resume` goes on from. Runs
    that another machine has started with this account are followed from here too.
    """
    journal = Journal(home())
    _from_elsewhere(journal)
    runs = journal.run_ids()
    if not runs:
        raise CallError("run", "was not named, and there is none yet", "start one with %%finetune or `tunebook run`")
    for run_id in runs:
        if _unknown_job(look(journal, run_id).run):
            resume(run_id)  # the same attempt, asked for by its labels first: it is never paid twice
        ensure_supervisor(journal, run_id)
    unfinished = [run_id for run_id in runs if not look(journal, run_id).run.finished]
    return (unfinished or runs)[0]


def _unknown_job(run: RunState) -> bool:
    """Whether it stayed unknown if the newest attempt has a job: the answer to its submit was lost."""
    return run.state == "interrupted" and bool(run.attempts) and run.attempts[-1].job_id is None and not run.finished


def _from_elsewhere(journal: Journal) -> None:
    """Find the account's jobs by their labels, where there is an account. A Hub that does not answer changes nothing."""
    from tunebook.pipeline.elsewhere import own_hub, take_stock

    try:
        if (hub := own_hub()) is not None:
            take_stock(journal, hub)
    except TunebookError as failure:
        print(f"The account's other runs are not known: {failure}.", file=sys.stderr)


def ensure_supervisor(journal: Journal, run_id: str) -> None:
    """Start a supervisor where there is something to do for one and none is at work."""
    now = look(journal, run_id)
    waiting = now.run.state == "draft" and now.run.plan_id is not None and not now.run.goes_by_itself
    if now.supervised or now.run.finished or now.run.state == "needs_person" or waiting:
        return
    spawn(run_id)


def find_run(name: str | None) -> str:
    """A run by its id, a unique beginning of it, or the newest one where no name is given. Raises CallError."""
    runs = Journal(home()).run_ids()
    if name is None and runs:
        return runs[0]
    found = [run_id for run_id in runs if run_id == name] or [one for one in runs if name and one.startswith(name)]
    if len(found) == 1:
        return found[0]
    problem = f"{name!r} is the beginning of several runs" if found else f"{name!r} is not known here"
    raise CallError(
        "run", problem if name else "was not named, and there is none yet", "`runs` lists the runs there are"
    )


def new_run_id(spec: Spec) -> str:
    """Readable and unique: the data set's name, the day, and four random characters."""
    name = Path(spec.dataset or "run").stem.lower()
    plain = (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name).strip("-")[:24] or "run"
    )
    return f"{plain}-{time.strftime('%m%d')}-{secrets.token_hex(3)}"


def _created(spec: Spec, instruction: str, digest: str, yes: bool) -> dict[str, Any]:
    return {
        "instruction": instruction,
        "spec": spec.said(),
        "spec_hash": digest,
        "auto_confirm": yes,
        "cwd": os.getcwd(),
        "resumed_from": None,
    }


def _succeeded(journal: Journal, digest: str) -> str | None:
    for run_id in journal.run_ids():
        run = look(journal, run_id).run
        if run.equals("spec_hash", digest) and run.state == "succeeded":
            return run_id
    return None
