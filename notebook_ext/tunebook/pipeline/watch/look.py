"""The truth about a run: what the journal says, and what the processes behind it really do."""

from __future__ import annotations

from pydantic import BaseModel

from tunebook.pipeline.backends import backend
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import read_json
from tunebook.pipeline.journal import Journal, RunState, fold
from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.run_folder import RunFolder


class Look(BaseModel):
    """A run's folded state with `state` corrected, and whether a supervisor is at work."""

    run: RunState
    supervised: bool


def look(journal: Journal, run_id: str) -> Look:
    """The state of a run now. A run whose processes are gone is `interrupted`, whatever was last written.

    Raises CallError if there is no such run.
    """
    # The owner is read first: a supervisor that ends in between has then written its last word before we read it.
    supervised = journal.owner(run_id) is not None or _starting(run_id)
    events = journal.events(run_id)
    if not events:
        raise CallError("run", f"{run_id!r} is not known here", "`runs` lists the runs there are")
    run = fold(events)
    if supervised or run.finished or run.state in ("interrupted", "needs_person"):
        return Look(run=run, supervised=supervised)
    at_work = False
    for attempt in run.attempts:
        if attempt.state in ATTEMPT_TERMINAL:
            continue
        # A supervisor that was killed between the submit and its note left no id; the job may run all the same.
        status = backend(attempt.backend).known(RunFolder(run_id).job(attempt.stage, attempt.n))
        if not status.ended:
            at_work = True
        else:
            attempt.state = "lost" if status.state in ("absent", "lost") else status.state  # type: ignore[assignment]
    if run.state in ("running", "cancelling") and not at_work:
        run.state, run.why = "interrupted", "everything that worked on it was killed; what was saved is kept"
    elif run.state == "draft" and (run.plan_id is None or run.goes_by_itself):
        run.state, run.why = "interrupted", "its preparation was killed"
    return Look(run=run, supervised=False)


def _starting(run_id: str) -> bool:
    """Whether a supervisor was started that has not taken the lease yet: it imports for a second or two."""
    noted = read_json(RunFolder(run_id).starting)
    return noted is not None and ProcessId.model_validate(noted).alive()
