"""The Python functions: one for each command, of the same name, returning a model whose dump is the command's JSON.

Every function raises CallError for a wrong call (one line: field, problem, remedy) and WorkFailed where work failed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tunebook.pipeline.errors import CallError
from tunebook.results import (
    CleanResult,
    ConfirmResult,
    DoctorResult,
    EditResult,
    LogsResult,
    MetricsResult,
    ReportResult,
    RunRef,
    RunsResult,
    ScriptResult,
    ShowAttempt,
    ShowResult,
)

if TYPE_CHECKING:
    from tunebook.pipeline.data.report import DataReport
    from tunebook.pipeline.evaluation.scores import Comparison, ScoreTable
    from tunebook.pipeline.export.result import ExportResult
    from tunebook.pipeline.hardware.memory import MemoryEstimate
    from tunebook.pipeline.instruction import Reading
    from tunebook.pipeline.ledger import BudgetResult
    from tunebook.pipeline.plan import Plan, PlanResult
    from tunebook.pipeline.prove.result import Proof
    from tunebook.pipeline.run_folder import RunFolder
    from tunebook.pipeline.spec import Spec

PLAN_ID_LENGTHS = range(6, 65)


# Understanding


def read(instruction: str) -> Reading:
    """What an instruction says, field by field, with the words each was read from. Touches neither disk nor network."""
    from tunebook.pipeline.instruction import read as read_instruction

    return read_instruction(instruction)


def inspect(
    dataset: Any,
    *,
    model: str | None = None,
    config: str | None = None,
    split: str | None = None,
    method: str | None = None,
    max_length: int | None = None,
    against: str | None = None,
    leave_out: str | list[str] | None = None,
    on: str | None = None,
) -> DataReport | PlanResult:
    """Look at every row of a data set, with a model's tokenizer where one is named, for a benchmark's texts too.

    `dataset` is a path, a Hub id, a datasets.Dataset or DatasetDict, or a pandas or polars frame. `leave_out` names
    checks: the rows that they find, and whose remedy it is, are as if they were not there. `on` names a machine for hire
    without a GPU, such as cpu-basic: what is not known yet is then a plan with its price, and when that was run, known.
    """
    from tunebook.pipeline.control import anchored
    from tunebook.pipeline.data.memory import placed
    from tunebook.pipeline.data.rows import name_of
    from tunebook.pipeline.plan.checkpoint_model import find_model
    from tunebook.pipeline.plan.looking import inspect_for
    from tunebook.pipeline.spec import make_spec

    here = on in (None, "local")
    said: dict[str, Any] = {"dataset": placed(dataset), "model": model, "dataset_config": config, "split": split}
    said |= {"method": method, "leave_out": leave_out}
    said |= {"max_length": max_length, "flavor": None if here or on == "hf-jobs" else on}
    spec = anchored(make_spec(**{name: value for name, value in said.items() if value is not None}))
    if here:
        found = inspect_for(spec, find_model(model, None) if model else None, against=against)
    else:
        from tunebook.pipeline.plan import Plan
        from tunebook.pipeline.plan.inspecting import rented_look, take_up

        looked = rented_look(spec, against=against)
        if isinstance(looked, Plan):
            # `clean` forgets what is known of data, and leaves the runs that have found it: nobody pays for that twice.
            paid = [one for one in runs().runs if one.plan_id == looked.plan_id and one.state == "succeeded"]
            if not paid:
                return _kept(looked).result()
            looked = take_up(looked, _folder(paid[0].run_id))
        found = looked
    return found.report.model_copy(update={"dataset": name_of(dataset)})


def memory(
    model: str,
    *,
    method: str = "sft",
    tuning: str = "lora",
    rank: int = 16,
    targets: str | list[str] = "all-linear",
    seq: int = 1024,
    batch: int = 1,
    accumulation: int = 1,
    checkpointing: bool = True,
    attention: str = "efficient",
    loss: str = "chunked",
    dtype: str = "bf16",
    autocast: str | None = None,
    optimizer: str = "adamw",
    cards: int = 1,
    trust_remote_code: bool = False,
) -> MemoryEstimate:
    """How much memory one card needs for a training step, from the model's config alone: no weights, no GPU.

    `model` is a folder with a config.json or a Hub id. docs/memory.md has the method and its known error.
    """
    from tunebook.pipeline.hardware.memory import make_ask
    from tunebook.pipeline.hardware.oracle import oracle

    ask = make_ask(
        model=model,
        method=method,
        tuning=tuning,
        rank=rank,
        targets=targets,
        seq=seq,
        batch=batch,
        accumulation=accumulation,
        checkpointing=checkpointing,
        attention=attention,
        loss=loss,
        dtype=dtype,
        autocast=autocast,
        optimizer=optimizer,
        cards=cards,
        trust_remote_code=trust_remote_code,
    )
    return oracle.estimate(ask)


def plan(instruction: str, *, on: str | None = None, budget: float | None = None, **fields: Any) -> PlanResult:
    """Resolve an instruction (or a file that holds one) to a plan. `plan_id` is None while there are questions."""
    return _plan(instruction, on=on, budget=budget, **fields)[0].result()


def script(plan: str | None = None, *, output: str | None = None) -> ScriptResult:
    """Write the training script of a plan (its id, or an instruction) to a file: `train.py` where none is named."""
    from tunebook.pipeline.scripts.train import dependencies

    made = _training(_plan_of(plan if plan is not None else script_of(None)[0]))
    path = Path(output or "train.py")
    try:
        path.write_text(made.script or "", encoding="utf-8")
    except OSError as failure:
        raise CallError(
            "output", f"{path} cannot be written ({failure.strerror})", "name a file in a folder that is there"
        ) from None
    assert made.settings
    return ScriptResult(path=str(path), stage="train", dependencies=dependencies(made.settings))


def prove(plan: str) -> Proof:
    """Run a training script, byte for byte, on a tiny clone of its model: a plan's (its id) or a file's."""
    from tunebook.pipeline.plan.proving import proof_of

    path = Path(plan).expanduser()
    if path.is_file():
        return proof_of(_script_text(path))
    if not _looks_like_plan_id(plan):
        raise CallError("plan", f"is {plan[:80]!r}, which is no file and no plan_id", "name a script, or a plan_id")
    return proof_of(_training(_plan_of(plan)).script or "")


def edit(plan_id: str, script: str) -> EditResult:
    """Take an edited script (a file) into a plan: says what was changed, proves it, and gives the plan that runs it."""
    path = Path(script).expanduser()
    if not path.is_file():
        raise CallError("script", f"{script} is not there", "write it first with `script`, and edit it")
    return edited(plan_id, _script_text(path))


def edited(plan_id: str, text: str) -> EditResult:
    """As `edit`, with the script's text."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan
    from tunebook.pipeline.plan.edited import counted, with_script
    from tunebook.pipeline.plan.proving import proof_of

    journal = Journal(home())
    changed = with_script(_training(load_plan(journal, plan_id)), text)
    assert changed.plan_id and changed.script
    journal.save_plan(changed.plan_id, changed.model_dump(mode="json"))
    added, removed = counted(changed.edit or "")
    proof = proof_of(changed.script)
    return EditResult(plan_id=changed.plan_id, added=added, removed=removed, diff=changed.edit or "", proof=proof)


def script_of(plan: str | None) -> tuple[str, str]:
    """(plan_id, script) of a plan by its id, of a run's plan, or of an instruction; of the newest run without a name."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan

    if plan is not None and (" " in plan or _looks_like_plan_id(plan)):
        made = _plan_of(plan)
    else:
        run_id = find(plan)
        plan_id = _ref(run_id).plan_id
        if plan_id is None:
            raise CallError("run", f"{run_id} has no plan yet", "wait for it, and ask again")
        made = load_plan(Journal(home()), plan_id)
    assert _training(made).plan_id and made.script
    return str(made.plan_id), made.script


def edited_run(plan_id: str, text: str) -> str:
    """A run, as a draft, of a plan with this script. Its supervisor proves the script before anybody can start it."""
    from tunebook.pipeline import control
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan
    from tunebook.pipeline.plan.edited import with_script

    changed = with_script(_training(load_plan(Journal(home()), plan_id)), text)
    run_id = control.start_planned(changed, made_instruction(changed))
    if changed.edit is not None and _ref(run_id).state == "draft":
        control.prove(run_id)
    return run_id


def drafted(plan_id: str) -> str:
    """The run of a plan, found or made, which waits for consent unless somebody has given it."""
    from tunebook.pipeline import control

    made = _plan_of(plan_id)
    return control.start_planned(made, made_instruction(made))


def _script_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else "it is not UTF-8"
        raise CallError("script", f"{path} cannot be read ({reason})", "name a Python file") from None


# Consent and runs


def confirm(plan_id: str) -> ConfirmResult:
    """Ask a person at the terminal for consent to a plan. Raises CallError where no person can be asked."""
    from tunebook.pipeline import control
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan

    made = load_plan(Journal(home()), plan_id)
    assert made.plan_id is not None
    control.require_startable(made)
    _need_terminal()
    yes = _ask(made)
    if yes:
        run_id = control.start_planned(made, made_instruction(made))
        control.consent(run_id, made.plan_id, by="terminal")
    return ConfirmResult(plan_id=made.plan_id, max_usd=made.max_usd or 0.0, confirmed=yes)


def run(
    plan: str,
    *,
    on: str | None = None,
    budget: float | None = None,
    yes: bool = False,
    wait: bool = False,
    again: bool = False,
    **fields: Any,
) -> RunRef:
    """Run a plan (its id, or an instruction). Idempotent per plan: an unfinished or finished run of it is found again.

    Unconfirmed, it asks at a terminal; without one it returns a `draft`. `wait` returns when the run has ended.
    """
    from tunebook.pipeline import control

    if _looks_like_plan_id(plan):
        if on is not None or budget is not None or fields:
            field = "on" if on is not None else "budget" if budget is not None else next(iter(fields))
            raise CallError(field, "cannot change a plan that is made", "make a new plan with it")
        made, instruction = _plan_of(plan), ""
    else:
        made, instruction = _plan(plan, on=on, budget=budget, **fields)
        _refuse_questions(made)
    assert made.plan_id is not None
    run_id = control.start_planned(made, instruction or made_instruction(made), again=again)
    if _ref(run_id).state == "draft":
        if yes and (made.max_usd or 0) > 0 and budget is None:
            raise CallError("budget", "was not given, and this plan can cost money", "add `--budget USD` to `--yes`")
        if yes or (_person_there() and _ask(made)):
            control.confirm(run_id, made.plan_id, by="--yes" if yes else "terminal")
    else:
        control.ensure_running(run_id)
    if wait:
        _wait(run_id)
    return _ref(run_id)


def runs() -> RunsResult:
    """All runs, the newest first."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal

    return RunsResult(runs=[_ref(run_id) for run_id in Journal(home()).run_ids()])


def show(run: str | None = None) -> ShowResult:
    """What a run is doing now, corrected by what its processes really do."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.watch import Live

    run_id = find(run)
    live = Live(run_id)
    state = live.poll().run
    training = state.state == "running" and state.stage == "train"
    return ShowResult(
        run_id=run_id,
        plan_id=state.plan_id,
        state=state.state,
        stage=state.stage,
        why=state.why,
        attempts=[ShowAttempt.model_validate(attempt.model_dump()) for attempt in state.attempts],
        step=live.step,
        loss=live.loss,
        eta_s=live.eta_s if training else None,
        usd=sum(attempt.usd for attempt in state.attempts),
        events=[event.model_dump(exclude={"run_id"}) for event in Journal(home()).events(run_id)],
    )


def logs(run: str | None = None, *, lines: int = 200) -> LogsResult:
    """The last lines of the newest job's log."""
    from tunebook.pipeline.watch import Live

    live = Live(find(run))
    live.poll()
    return LogsResult(lines=live.log_lines(lines))


def metrics(run: str | None = None) -> MetricsResult:
    """Every metric of the training: name to [[step, value], ...]; the latest attempt wins where they overlap."""
    from tunebook.pipeline.watch import Live

    live = Live(find(run))
    live.poll()
    return MetricsResult(series={name: [(p.step, p.value) for p in points] for name, points in live.series.items()})


def stop(run: str | None = None) -> RunRef:
    """End the training after its step at hand, keep what is there, go on to the evaluation."""
    from tunebook.pipeline import control

    run_id = find(run)
    control.stop(run_id)
    return _ref(run_id)


def cancel(run: str | None = None, *, all: bool = False) -> RunRef | RunsResult:
    """End a run; what it has made stays. With `all`, every unfinished one."""
    from tunebook.pipeline import control

    if not all:
        run_id = find(run)
        control.cancel(run_id)
        return _ref(run_id)
    unfinished = [one.run_id for one in runs().runs if one.state not in ("succeeded", "failed", "cancelled")]
    for run_id in unfinished:
        control.cancel(run_id)
    return RunsResult(runs=[_ref(run_id) for run_id in unfinished])


def resume(run: str | None = None) -> RunRef:
    """Go on from the newest whole checkpoint. A failed run stays as it is; a new one goes on from it."""
    from tunebook.pipeline import control

    return _ref(control.resume(find(run)))


def attach() -> RunRef:
    """See to every unfinished run that nobody watches; returns the newest."""
    from tunebook.pipeline import control

    return _ref(control.attach())


# Results


def evaluate(
    *targets: str, benchmark: str, limit: int | None = None, samples: int = 1, dataset: str | None = None
) -> ScoreTable:
    """Score runs, checkpoint folders, model ids or .jsonl files of completions on a benchmark.

    `dataset` is a jsonl of rows with a prompt and a completion; a run or one of its checkpoints brings its held-out rows.
    """
    from tunebook.evaluate_targets import evaluate_targets

    if samples != 1:
        raise CallError("samples", f"is {samples}, and answers are greedy so far", "leave it out")
    return evaluate_targets(list(targets), benchmark, limit, dataset)


def compare(run: str | None = None) -> Comparison:
    """The checkpoints of a run against its base and each other."""
    from tunebook.pipeline.stages import comparison_of

    found = comparison_of(_folder(run_id := find(run)))
    if found is None:
        raise CallError("run", f"{run_id} has not been evaluated", "wait for its evaluation, or `evaluate` it")
    return found


def report(run: str | None = None, *, output: str | None = None) -> ReportResult:
    """Write the run's report, one HTML file."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan
    from tunebook.pipeline.report import write_report

    run_id = find(run)
    plan_id = _ref(run_id).plan_id
    if plan_id is None:
        raise CallError("run", f"{run_id} has no plan", "a report needs a run that was planned")
    made = _training(load_plan(Journal(home()), plan_id))
    return ReportResult(path=str(write_report(run_id, made, Path(output) if output else None)))


def export(target: str | None = None, *, gguf: str | list[str] = "Q4_K_M", push: str | None = None) -> ExportResult:
    """Merge the best checkpoint of a run (or a checkpoint folder) and make GGUF files of it.

    `push` names a repository, OWNER/NAME, that is made for them on the Hub: private, unless the run's plan says otherwise.
    """
    from tunebook.export_target import export_target

    return export_target(target, gguf, push)


# Housekeeping


def budget(*, run: float | None = None, month: float | None = None, clear: bool = False) -> BudgetResult:
    """What runs have cost, what is reserved for those at work, and what is left of the month.

    `run` sets what a run may cost where its cell says nothing, `month` what all runs of a calendar month (UTC) may cost
    together, in US dollars; `clear` removes both.
    """
    from tunebook.pipeline.elsewhere import budget_everywhere
    from tunebook.pipeline.settings import change_settings, clear_settings

    said = {"budget_usd": run, "budget_month_usd": month}
    changes = {name: value for name, value in said.items() if value is not None}
    if clear and changes:
        raise CallError("clear", "removes what --run and --month set", "leave it out, or both of them")
    if clear:
        clear_settings()
    elif changes:
        change_settings(**changes)
    return budget_everywhere()


def clean(*, everything: bool = False) -> CleanResult:
    """Remove what finished work has left behind and nobody needs: work folders, and cancelled or failed runs.

    With `everything`, all finished runs go too, with their checkpoints and GGUF files.
    """
    from tunebook.cleaning import clean_home

    return clean_home(everything=everything)


def doctor() -> DoctorResult:
    """What this machine can do."""
    from tunebook.cleaning import examine

    return examine()


# Helpers


def made_instruction(made: Plan) -> str:
    from tunebook.pipeline.spec import spec_line

    return "\n".join(spec_line(field, value) for field, value in made.said.items())


def read_spec(
    instruction: str, *, on: str | None = None, budget: float | None = None, **fields: Any
) -> tuple[Reading, Spec]:
    """An instruction and typed options as one spec; a typed option wins over prose. Raises CallError."""
    from tunebook.pipeline.spec import make_spec

    reading = read(instruction)
    if fields.get("rewards") is not None and not isinstance(fields["rewards"], str):
        from tunebook.own_rewards import written

        fields = {**fields, "rewards": written(fields["rewards"], {})}
    typed = {
        name: value for name, value in ({"backend": on, "budget_usd": budget} | fields).items() if value is not None
    }
    questions = [one for one in reading.questions if one.field not in typed]
    reading = reading.model_copy(update={"questions": questions})
    return reading, make_spec(**(reading.spec | typed))


def _plan(instruction: str, **options: Any) -> tuple[Plan, str]:
    from tunebook.pipeline.control import anchored
    from tunebook.pipeline.plan import make_plan
    from tunebook.pipeline.plan.unanswered import unanswered

    text = _instruction_text(instruction)
    reading, spec = read_spec(text, **options)
    if reading.questions:
        return unanswered(spec, reading.questions), text
    return _kept(make_plan(anchored(spec))), text


def _kept(made: Plan) -> Plan:
    """The plan, which can be run by its id from now on if it has one."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal

    if made.plan_id is not None:
        Journal(home()).save_plan(made.plan_id, made.model_dump(mode="json"))
    return made


def _training(made: Plan) -> Plan:
    """The plan, if it trains something. Raises CallError for one that only inspects."""
    if made.ask is not None:
        raise CallError("plan", "only inspects data, so it has no script and no report", "name a plan that trains")
    return made


def _instruction_text(instruction: str) -> str:
    """The instruction, or the text of the file that it names."""
    if "\n" not in instruction and len(instruction) < 500:
        path = Path(instruction).expanduser()
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return instruction


def _looks_like_plan_id(text: str) -> bool:
    return len(text) in PLAN_ID_LENGTHS and all(letter in "0123456789abcdef" for letter in text)


def _plan_of(plan: str) -> Plan:
    """A plan by its id or from an instruction. Raises CallError while it has questions."""
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.plan import load_plan

    if _looks_like_plan_id(plan):
        return load_plan(Journal(home()), plan)
    made = _plan(plan)[0]
    _refuse_questions(made)
    return made


def _refuse_questions(made: Plan) -> None:
    if made.questions:
        first = made.questions[0]
        verb = "say" if made.spec.get(first.field) is None else "change"
        raise CallError(
            first.field, first.why.rstrip("."), f"{verb} it in the instruction, or as a line `field: value`"
        )


def _person_there() -> bool:
    stdin: TextIO | None = sys.stdin  # None under pythonw and in some services
    return stdin is not None and stdin.isatty()


def _need_terminal() -> None:
    if not _person_there():
        raise CallError("confirm", "needs a person at a terminal", "type it there, or use the button in the notebook")


def _ask(made: Plan) -> bool:
    print(f"{made.sentence}\n{made.consent}", file=sys.stderr)
    from tunebook.pipeline.ledger import at_most

    print(f"Start, at most {at_most(made.max_usd or 0.0)}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def find(run: str | None) -> str:
    from tunebook.pipeline.control import find_run

    return find_run(run)


def _folder(run_id: str) -> RunFolder:
    from tunebook.pipeline.run_folder import RunFolder

    return RunFolder(run_id)


def _ref(run_id: str) -> RunRef:
    from tunebook.pipeline.home import home
    from tunebook.pipeline.journal import Journal
    from tunebook.pipeline.watch import look

    state = look(Journal(home()), run_id).run
    return RunRef(run_id=run_id, plan_id=state.plan_id, state=state.state)


def _wait(run_id: str) -> None:
    """Until the run has ended or waits for somebody."""
    while _ref(run_id).state in ("confirmed", "running", "cancelling"):
        time.sleep(0.3)
