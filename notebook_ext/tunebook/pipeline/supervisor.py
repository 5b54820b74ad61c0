"""The process that owns a run: it prepares the plan, submits each stage's job, follows it, and takes the next step.

    python -m tunebook.pipeline.supervisor RUN_ID [--resume]

It holds the run's lease while it lives and writes every step into the journal before and after it takes it, so that
after any kill the next supervisor knows what was submitted. It waits for nobody: without consent it ends, and the
confirmation starts another.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from tunebook.pipeline.backends import Backend, JobRefused, JobRequest, JobStatus, Undecided, backend
from tunebook.pipeline.crash import crash_point
from tunebook.pipeline.errors import CallError, TunebookError, WorkFailed
from tunebook.pipeline.home import home, read_json, unwritable, write_json
from tunebook.pipeline.journal import AttemptState, Journal, JournalRefused, JournalUnusable, RunState, StaleOwner, fold
from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL
from tunebook.pipeline.ledger import affordable, at_most, cost
from tunebook.pipeline.plan import Plan, load_plan, make_plan
from tunebook.pipeline.plan.inspecting import take_up
from tunebook.pipeline.plan.looking import Watched
from tunebook.pipeline.plan.price_now import price_change
from tunebook.pipeline.plan.proving import kept_proof, needs_proof, proof_of
from tunebook.pipeline.plan.questions import blocking
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.spec import Spec
from tunebook.pipeline.stages import DIVERGED, collect, stage_folder, stage_request, whole_request
from tunebook.pipeline.standby import consented
from tunebook.pipeline.tail import EventTail
from tunebook.pipeline.work import result_of


class _Stopped(Exception):
    """The run has reached a state in which there is nothing more to do."""


class _Revised(Exception):
    """The spec was changed while its plan was being made or proved."""


class Supervisor:
    def __init__(self, run_id: str, fence: int, *, resume: bool) -> None:
        self.run_id, self.fence, self.resume = run_id, fence, resume
        self.journal = Journal(home())
        self.folder = RunFolder(run_id)

    def write(self, kind: str, **data: Any) -> None:
        self.journal.append(self.run_id, kind, fence=self.fence, **data)

    def state(self) -> RunState:
        return fold(self.journal.events(self.run_id))

    def run(self) -> None:
        """Take the run as far as it goes now."""
        try:
            state = self.state()
            if state.finished or (state.state == "interrupted" and not self.resume):
                return  # what was interrupted goes on when a person says so: it may cost money again
            plan = self._proved_plan(state)
            if self.state().state == "draft" and state.goes_by_itself and plan.max_usd == 0:
                self.write("confirmed", plan_id=plan.plan_id, max_usd=plan.max_usd, by="--yes")
            if self.state().state == "draft":
                return  # the confirmation starts the next supervisor
            self._stages(plan)
            if plan.ask is None:
                self._report(plan)
            self.write("succeeded")
        except (_Stopped, StaleOwner):
            return
        except (JournalRefused, JournalUnusable):
            raise  # what the journal says last still holds, and the next supervisor goes on from there
        except CallError as error:
            self._failed(str(error.field), error.problem, error.remedy)
        except TunebookError as error:
            if self._owes():
                self.write("interrupted", why=str(error))
            else:
                self._failed("The work failed", str(error), f"Read the log with `tunebook logs {self.run_id}`")
        except Exception as error:  # noqa: BLE001  what is wrong here must be in the journal, not only in a log
            if (told := unwritable(error)) is None:
                self._broken(error)
            else:  # which says nothing of the work, and a job may be under way: the run goes on once there is room
                self.write("interrupted", why=str(told))

    def _owes(self) -> bool:
        """Whether a job that costs money may be at work, or was not settled yet: a run that has ended would leave it so."""
        state = self.state()
        return bool(state.max_usd) and _live(state.attempts)

    def _broken(self, error: Exception) -> None:
        traceback.print_exception(error)
        what = f"{type(error).__name__}: {error}"
        if self._owes():
            self.write(
                "interrupted", why=f"tunebook itself failed ({what}); the job is found again, and never paid twice"
            )
            return
        self._failed(
            "tunebook itself failed",
            what,
            f"Nothing made so far is lost; `tunebook resume {self.run_id}` goes on from it",
        )

    def _failed(self, what: str, why: str, now: str) -> None:
        self.write("failed", why=f"{what} {why}", problem={"what": what, "why": why, "now": now})

    # Preparing

    def _plan(self, state: RunState) -> Plan:
        while state.plan_id is None:
            try:
                return self._made_plan(state)
            except _Revised:
                state = self.state()
        return load_plan(self.journal, state.plan_id)

    def _made_plan(self, state: RunState) -> Plan:
        def preparing(stage: str, job_folder: Path, text: str) -> None:
            self.write("preparing", stage=stage, job=str(job_folder), text=text)

        def still_wanted() -> None:
            now = self.state()
            if now.finished:
                raise _Stopped
            if now.revisions != state.revisions:
                raise _Revised

        spec = Spec(**state.spec)
        plan = make_plan(spec, work_in=self.folder.path / "jobs", preparing=preparing, check=still_wanted)
        still_wanted()
        if plan.plan_id is None:
            first = plan.questions[0]
            if plan.inspection and any(finding.fix for finding in blocking(spec, plan.inspection)):
                now = "Choose a remedy under Data, or write it into the cell."
                problem = {"what": "The data has an error, so nothing was started.", "why": first.why, "now": now}
                self.folder.open_plan.unlink(missing_ok=True)
                write_json(self.folder.inspection, plan.inspection.model_dump(mode="json"))
                self.write("needs_person", why=first.why, problem=problem, revision=state.revisions)
                raise _Stopped
            if plan.options:
                now = (
                    "Take an offer under Plan, or change the cell."
                    if plan.offers
                    else "Change the cell, and run it again."
                )
                problem = {"what": "No machine can be taken, so nothing was started.", "why": first.why, "now": now}
                write_json(self.folder.open_plan, plan.model_dump(mode="json"))
                self.write("needs_person", why=first.why, problem=problem, revision=state.revisions)
                raise _Stopped
            raise CallError(first.field, first.why, "answer it in the cell, and run the cell again")
        self.journal.save_plan(plan.plan_id, plan.model_dump(mode="json"))
        self.write("planned", plan_id=plan.plan_id, max_usd=plan.max_usd, revision=state.revisions)
        return plan

    def _proved_plan(self, state: RunState) -> Plan:
        """The plan of the spec as it is when the proof has ended: a person may change it all the while."""
        plan = self._plan(state)
        while True:
            if (now := self.state()).plan_id != plan.plan_id:
                plan = self._plan(now)
                continue
            try:
                self._prove(plan)
                return plan
            except _Revised:
                plan = self._plan(self.state())

    def _prove(self, plan: Plan) -> None:
        """Where it costs money, or where a person has edited the script: no job before its proof in miniature."""
        if not needs_proof(plan):
            return
        assert plan.script is not None

        def preparing(stage: str, job_folder: Path, text: str) -> None:
            self.write("preparing", stage=stage, job=str(job_folder), text=text)

        def still_wanted() -> None:
            now = self.state()
            if now.finished or now.cancel_requested:
                raise _Stopped
            if now.plan_id != plan.plan_id:
                raise _Revised

        known = kept_proof(plan.script)
        watched = Watched(self.folder.path / "jobs", preparing, still_wanted)
        proof = known or proof_of(plan.script, watched)
        still_wanted()
        if known is None:
            self.write("proved", passed=proof.passed, seconds=proof.seconds)
        if not proof.passed:
            failed = [one for one in proof.checks if not one.passed]
            others = [f"also failed: {', '.join(one.id for one in failed[3:])}"] if failed[3:] else []
            self._failed(
                "The script did not pass its proof in miniature, so nothing was started and nothing is spent.",
                "; ".join([*(f"{one.id}: {one.evidence}" for one in failed[:3]), *others]),
                "Mend the script or the cell, and run it again.",
            )
            raise _Stopped

    # Stages

    def _stages(self, plan: Plan) -> None:
        """All stages that are not done yet: a job each, or one for all of them where machines are rented."""
        assert plan.chosen is not None
        where = backend(plan.chosen.backend)
        while left := [str(stage) for stage in plan.stages if stage not in self.state().done_stages]:
            self._stage(plan, left if where.one_job else left[:1], where)

    def _stage(self, plan: Plan, stages: list[str], where: Backend) -> None:
        """Bring the first of these stages to its end, and the others with it: adopt the job that is there, or submit the
        next attempt.
        """
        stage = stages[0]
        if self.state().stage != stage:
            self.write("stage", stage=stage)
        while True:
            state = self.state()
            if state.cancel_requested and not _live(state.attempts_of(stage)):
                self._cancelled()
            attempts = state.attempts_of(stage)
            last = attempts[-1] if attempts else None
            if last is None or _is_over(last):
                number = len(attempts) + 1
                request = self._new_attempt(plan, stages, number, where)
            else:
                number = last.n
                request = self._request(plan, stages, number, last.timeout_s or 0, where)
            if last is not None and last.state == "succeeded":  # and we were killed before its work was taken up
                status = JobStatus(state="succeeded", exit_code=0)
            else:
                status = self._follow(where, request, plan, stages, number)
            if status.state == "cancelled" or (status.state == "lost" and self.state().cancel_requested):
                self._cancelled()
            self._fetch(where, request)
            if status.state == "lost":
                if self.resume:
                    self.resume = False  # once: a job that dies again waits for a person again
                    continue
                self.write("interrupted", why=_lost(stage, status))
                raise _Stopped
            if where.one_job:
                self._collect_all(plan, stages, request, status)
            else:
                self._collect(plan, stage, request, status)
            return

    def _fetch(self, where: Backend, request: JobRequest) -> None:
        """Bring here what the job has made. It is paid for and kept: a backend that does not answer is asked again later."""
        try:
            where.fetch(request)
        except Undecided as failure:
            self.write(
                "interrupted", why=f"{failure}; the results are kept, `tunebook resume {self.run_id}` brings them"
            )
            raise _Stopped from None

    def _cancelled(self) -> NoReturn:
        self.write("cancelled", why="cancelled by hand")
        raise _Stopped

    def _request(self, plan: Plan, stages: list[str], number: int, timeout_s: int, where: Backend) -> JobRequest:
        if not where.one_job:
            return stage_request(plan, stages[0], self.folder, self.run_id, number)
        state = self.state()
        asked = {"instruction": state.instruction, "spec": state.spec, "spec_hash": state.spec_hash}
        return whole_request(
            plan,
            stages,
            self.folder,
            self.run_id,
            number,
            timeout_s=timeout_s,
            asked={**asked, "max_usd": state.max_usd},
        )

    def _new_attempt(self, plan: Plan, stages: list[str], number: int, where: Backend) -> JobRequest:
        """The intent is in the journal, and its money reserved, before anything is asked of the backend."""
        timeout_s, max_usd = self._affordable(plan)
        request = self._request(plan, stages, number, timeout_s, where)
        self.write(
            "submitting", n=number, stage=stages[0], backend=where.name, timeout_s=request.timeout_s, max_usd=max_usd
        )
        crash_point("intent")
        return request

    def _affordable(self, plan: Plan) -> tuple[int, float]:
        """How long the next attempt may run, and what it can cost then: within what is left of what was agreed to.
        Raises _Stopped where too little is left, or the price is another one now.
        """
        assert plan.timeout_s
        if not plan.max_usd or plan.price is None:
            return plan.timeout_s, 0.0
        if (changed := price_change(plan)) is not None:
            self._failed("Nothing was started and nothing is spent.", changed, "Run the cell again for a new plan.")
            raise _Stopped
        spent = sum(attempt.usd for attempt in self.state().attempts)
        allowed = affordable(plan.price.usd_per_hour, plan.timeout_s, plan.max_usd, spent)
        if allowed is None:
            self._failed(
                "What was agreed to is spent, so nothing more was started.",
                f"{cost(spent)} of {at_most(plan.max_usd)} went into the attempts so far.",
                f"`tunebook run --again` makes another run; what was saved is in {self.folder.path}.",
            )
            raise _Stopped
        return allowed

    def _follow(self, where: Backend, request: JobRequest, plan: Plan, stages: list[str], number: int) -> JobStatus:
        """Submit the job unless it is there already, and wait for its end."""
        stage = stages[0]
        try:
            job_id = where.find(request)
            if job_id is None and self.state().cancel_requested:
                status = JobStatus(state="cancelled", seconds=0.0, why="it was never submitted")
                self._ended(plan, stage, number, status)
                return status
            job_id = job_id or where.submit(request)
        except JobRefused as refused:
            self._ended(plan, stage, number, JobStatus(state="failed", seconds=0.0, why=str(refused)))
            self._failed(refused.what, refused.why, refused.now)
            raise _Stopped from None
        except Undecided as failure:
            self.write(
                "interrupted", why=f"{failure}; `tunebook resume {self.run_id}` asks it again, and pays no job twice"
            )
            raise _Stopped from None
        shown = "queued" if where.one_job else "running"
        self.write("attempt", stage=stage, n=number, state=shown, job_id=job_id)
        crash_point("noted")
        stopped, tail = False, EventTail(request.folder)
        began = time.monotonic()
        with where.following(request, job_id):
            while not (status := where.status(job_id)).ended:
                if status.state != shown:
                    shown, began = status.state, time.monotonic()
                    self.write("attempt", stage=stage, n=number, state=shown)
                if len(stages) > 1:
                    self._note_stages(tail)
                state = self.state()
                if state.cancel_requested:
                    where.cancel(job_id)  # again and again: an answer may be lost
                limit = plan.spec.get("time_limit_s")
                over = limit is not None and stage == "train" and time.monotonic() - began > limit
                if stage == "train" and not stopped and (state.stop_requested or over):
                    where.stop_training(request)
                    stopped = True
                    if over:
                        text = f"The time limit of {limit} s is reached: training ends, what is there is kept"
                        self.write("note", text=text)
                time.sleep(where.poll_s)
        if len(stages) > 1:
            self._note_stages(tail)
        crash_point("ended")
        self._ended(plan, stage, number, status)
        crash_point("settled")
        return status

    def _note_stages(self, tail: EventTail) -> None:
        """A job that does several stages says when it begins one."""
        for event in tail.new():
            if event["event"] == "stage" and event["stage"] != self.state().stage:
                self.write("stage", stage=event["stage"])

    def _ended(self, plan: Plan, stage: str, number: int, status: JobStatus) -> None:
        """Settle the attempt: it has cost what it ran for; where nobody knows for how long, the most that it can have."""
        usd = 0.0
        if plan.price is not None and plan.max_usd:
            (attempt,) = [one for one in self.state().attempts_of(stage) if one.n == number]
            seconds = status.seconds if status.seconds is not None else float(attempt.timeout_s or 0)
            usd = round(plan.price.usd_per_hour * seconds / 3600, 6)
        self.write("attempt", stage=stage, n=number, state=status.state, why=_how(status), usd=usd)

    def _collect_all(self, plan: Plan, stages: list[str], request: JobRequest, status: JobStatus) -> None:
        """Take up what one job has made of several stages."""
        if "train" in stages:
            self._diverged(plan, request.folder, status)
        told = (read_json(request.folder / "result.json") or {}).get("stages", {})
        for stage in stages:
            if told.get(stage, {}).get("code") == 0:
                if stage == "validate":
                    take_up(plan, self.folder)
                self.write("stage_done", stage=stage, seconds=told[stage]["seconds"])
        missing = next((stage for stage in stages if stage not in self.state().done_stages), None)
        if missing is not None:
            number = self.state().attempts[-1].n
            result_of(stage_folder(self.folder, missing, number), status, f"the {missing} stage")
            raise WorkFailed(f"the {missing} stage did not end well: {status.why or 'see the log'}")

    def _collect(self, plan: Plan, stage: str, request: JobRequest, status: JobStatus) -> None:
        seconds = status.seconds or 0.0
        if stage == "train":
            self._diverged(plan, request.folder, status)
            if status.state != "succeeded" and not (status.timed_out and self.folder.checkpoints()):
                result_of(request.folder, status, "the training")
            if not self.folder.checkpoints():
                raise WorkFailed("the training ended without a whole checkpoint")
        else:
            result = result_of(request.folder, status, {"evaluate": "the evaluation", "export": "the export"}[stage])
            collect(stage, self.folder, result)
        self.write("stage_done", stage=stage, seconds=round(seconds, 1))

    def _diverged(self, plan: Plan, job: Path, status: JobStatus) -> None:
        """End the run where the training did for want of finite numbers. Of several processes the exit code is not kept."""
        event = next((one for one in EventTail(job).new() if one["event"] == "diverged"), None)
        if event is None and status.exit_code != DIVERGED:
            return
        event = event or {"step": "?", "what": "loss"}
        kept = [step for step, _ in self.folder.checkpoints()]
        self._failed(
            f"The {str(event['what']).replace('_', ' ')} was no longer a finite number at step {event['step']}, "
            "and the training was stopped",
            "usually a learning rate that is too high, or rows that break the loss",
            f"Try half the learning rate ({plan.spec['learning_rate'] / 2:.1e}). "
            + (f"The checkpoints up to step {kept[-1]} are kept." if kept else "There was no checkpoint yet."),
        )
        raise _Stopped

    def _report(self, plan: Plan) -> None:
        from tunebook.pipeline.report import write_report

        began = time.monotonic()
        write_report(self.run_id, plan)
        self.write("note", text=f"The report was written in {time.monotonic() - began:.1f} s")


def _is_over(last: AttemptState) -> bool:
    """Whether nothing more comes of an attempt, so that there may be another. One that failed by itself is not done again:
    its end was not taken up yet, because the supervisor was killed or hindered.
    """
    return last.state in ("lost", "cancelled") or (last.state == "failed" and last.job_id is None)


def _live(attempts: list[AttemptState]) -> bool:
    return bool(attempts) and attempts[-1].state not in ATTEMPT_TERMINAL


def _how(status: JobStatus) -> str:
    if status.timed_out:
        return "its time was up"
    if status.signal is not None and status.state != "cancelled":
        return f"killed by signal {status.signal}"
    return status.why if status.exit_code in (0, None) else f"exit code {status.exit_code}"


def _lost(stage: str, status: JobStatus) -> str:
    if status.why:
        return f"the job that was to {stage} is gone ({status.why}); what it had saved is kept"
    by = f"by signal {status.signal}" if status.signal else "together with whatever watched it"
    return f"the {stage} job was killed {by} (by hand, by a restart, or because the memory ran out); what it had saved is kept"


def spawn(run_id: str, *, resume: bool = False) -> None:
    """Start a detached supervisor for a run. Harmless where one is at work: the lease is taken once."""
    folder = RunFolder(run_id).path
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tunebook.pipeline.supervisor", run_id, *(["--resume"] if resume else [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    _started.append(process)
    # Until it has the lease, a second or two later, this file says that somebody is on the way: see `look`.
    if process.poll() is None:
        write_json(RunFolder(run_id).starting, ProcessId.of(process.pid).model_dump())
    _started[:] = [process for process in _started if process.poll() is None]  # no zombies while we live


_started: list[subprocess.Popen[bytes]] = []


def main() -> int:
    try:
        return _main()
    except (JournalRefused, JournalUnusable) as error:
        print(error, file=sys.stderr)  # the journal cannot be told
        return error.exit_code


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_id")
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    journal, me, resume = Journal(home()), ProcessId.current(), bool(arguments.resume)
    while True:
        fence = journal.acquire(arguments.run_id, me)
        RunFolder(arguments.run_id).starting.unlink(missing_ok=True)
        if fence is None:
            return 0  # another one is at work
        try:
            Supervisor(arguments.run_id, fence, resume=resume).run()
        finally:
            journal.release(arguments.run_id, fence)
        # Who asked for something between our last look and the release saw an owner, and started nobody.
        state = fold(journal.events(arguments.run_id)).state
        if state not in ("confirmed", "running", "cancelling") and not consented(journal, arguments.run_id):
            return 0
        resume = state == "running"


if __name__ == "__main__":
    raise SystemExit(main())
