"""The budget: what runs cost is exact, what they may still cost is reserved, and no two consents spend the same dollar."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tunebook
from tunebook.cli import main
from tunebook.completion import candidates
from tunebook.magics import _command
from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Event, Journal
from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL, TERMINAL
from tunebook.pipeline.ledger import (
    Account,
    account,
    accounts,
    at_most,
    budget_for,
    budget_result,
    cost,
    dollars,
    micros,
)
from tunebook.pipeline.process import ProcessId
from tunebook.pipeline.settings import Settings, change_settings, read_settings

Step = tuple[str, dict[str, Any]]

CREATED = {"instruction": "x", "spec": {}, "spec_hash": "h"}
CENTS = st.integers(0, 300).map(lambda cents: cents / 100)
STAGES = st.sampled_from(["train", "evaluate"])
ENDS = st.sampled_from(sorted(ATTEMPT_TERMINAL))


def created(**spec: Any) -> Step:
    return "created", CREATED | {"spec": spec}


def agreed(max_usd: float) -> list[Step]:
    plan = {"plan_id": "p", "max_usd": max_usd}
    return [created(), ("planned", plan), ("confirmed", plan)]


def submitting(stage: str, n: int, max_usd: float) -> Step:
    job = {"stage": stage, "n": n, "backend": "hf-jobs", "timeout_s": 60}
    return "submitting", job | {"max_usd": max_usd}


def ended(stage: str, n: int, usd: float, state: str = "succeeded") -> Step:
    return "attempt", {"stage": stage, "n": n, "state": state, "usd": usd}


def after(steps: list[Step], *, run_id: str = "r", at: float = 0.0) -> list[Event]:
    return [
        Event(seq=n, run_id=run_id, time=at + n, kind=kind, data=dict(data)) for n, (kind, data) in enumerate(steps, 1)
    ]


def of(*steps: Step) -> Account:
    return account(after(list(steps)))


def live(found: Account) -> int:
    return sum(job.at_most for job in found.jobs if job.ended_at is None)


# What is reserved and what is spent

ANYTHING = st.one_of(
    st.tuples(
        st.just("submitting"), st.builds(lambda s, n, m: submitting(s, n, m)[1], STAGES, st.integers(1, 2), CENTS)
    ),
    st.tuples(
        st.just("attempt"), st.builds(lambda s, n, u, e: ended(s, n, u, e)[1], STAGES, st.integers(1, 2), CENTS, ENDS)
    ),
    st.tuples(st.just("attempt"), st.just({"stage": "train", "n": 1, "state": "running", "usd": 0.01})),
    st.tuples(st.sampled_from(["interrupted", "needs_person"]), st.just({"why": "killed"})),
    st.tuples(
        st.sampled_from(["resume_requested", "stop_requested", "cancel_requested", "succeeded", "failed", "cancelled"]),
        st.just({}),
    ),
    st.tuples(st.just("confirmed"), st.builds(lambda m: {"plan_id": "p", "max_usd": m}, CENTS)),
)


@given(CENTS, st.lists(ANYTHING, max_size=20))
def test_reserved_and_spent_stay_within_what_was_agreed_unless_jobs_can_really_cost_more(
    max_usd: float, steps: list[Step]
) -> None:
    events = after([*agreed(max_usd), *steps])
    for end in range(3, len(events) + 1):
        now = account(events[:end])
        assert now.agreed == micros(max_usd), "a later event does not change what was agreed"
        assert now.reserved + now.spent <= max(now.agreed, now.spent + live(now))
        assert now.reserved >= live(now)


@given(CENTS, st.lists(ANYTHING, max_size=20))
def test_an_unfinished_run_keeps_its_rest_and_the_end_of_a_run_releases_it(max_usd: float, steps: list[Step]) -> None:
    events = after([*agreed(max_usd), *steps])
    over = False
    for end in range(3, len(events) + 1):
        now = account(events[:end])
        assert now.run is not None
        assert not over or now.run.state in TERMINAL
        over = now.run.state in TERMINAL
        rest = 0 if over else now.agreed - now.spent
        assert now.reserved == max(rest, live(now))


@given(CENTS, st.lists(ANYTHING, max_size=20))
def test_what_is_settled_stays_settled(max_usd: float, steps: list[Step]) -> None:
    events, before = after([*agreed(max_usd), *steps]), {}
    for end in range(3, len(events) + 1):
        jobs = account(events[:end]).jobs
        for place, job in before.items():
            assert (jobs[place].settled, jobs[place].ended_at) == job
        before = {at: (job.settled, job.ended_at) for at, job in enumerate(jobs) if job.ended_at is not None}


@st.composite
def within_the_plan(draw: st.DrawFn) -> tuple[float, list[Step], list[Step]]:
    """A plan's max_usd, the submits of attempts that share it, and their ends, none of which costs more than its share."""
    shares = draw(st.lists(st.integers(0, 200), min_size=1, max_size=5))
    submits = [submitting("train", n, share / 100) for n, share in enumerate(shares, 1)]
    costs = [draw(st.integers(0, share)) / 100 for share in shares]
    ends = [ended("train", n, cost, draw(ENDS)) for n, cost in enumerate(costs, 1)]
    return sum(shares) / 100, submits, ends


@given(within_the_plan())
def test_a_run_whose_jobs_keep_to_the_plan_never_passes_it(case: tuple[float, list[Step], list[Step]]) -> None:
    max_usd, submits, ends = case
    steps = [step for pair in zip(submits, ends, strict=True) for step in pair]
    events = after([*agreed(max_usd), *steps, ("succeeded", {})])
    for end in range(3, len(events) + 1):
        now = account(events[:end])
        assert now.reserved + now.spent <= now.agreed
    assert account(events).reserved == 0


@given(within_the_plan(), st.randoms(use_true_random=False))
def test_the_order_of_events_that_could_have_come_either_way_does_not_matter(
    case: tuple[float, list[Step], list[Step]], chance: Any
) -> None:
    max_usd, submits, ends = case
    told: list[Step] = [*ends, ("stop_requested", {}), ("cancel_requested", {}), ("interrupted", {"why": "killed"})]
    mixed = chance.sample(told, len(told))
    for last in ([], [("cancelled", {})]):
        one, other = of(*agreed(max_usd), *submits, *told, *last), of(*agreed(max_usd), *submits, *mixed, *last)
        assert (one.reserved, one.spent) == (other.reserved, other.spent)


@given(within_the_plan())
def test_a_job_that_settles_after_its_run_has_ended_still_counts(case: tuple[float, list[Step], list[Step]]) -> None:
    max_usd, submits, ends = case
    early = of(*agreed(max_usd), *submits, *ends, ("failed", {}))
    late = of(*agreed(max_usd), *submits, ("failed", {}), *ends)
    assert (late.reserved, late.spent) == (0, early.spent)
    open_ = of(*agreed(max_usd), *submits, ("failed", {}))
    assert open_.reserved == live(open_), "what nobody has settled can still cost money"


@given(st.lists(CENTS, max_size=30))
def test_sums_are_exact(costs: list[float]) -> None:
    steps = [step for n, cost in enumerate(costs) for step in (submitting("train", n, cost), ended("train", n, cost))]
    found = accounts(after([*agreed(100), *steps]))
    result = budget_result(Settings(budget_month_usd=100), found, 0)
    exact = sum((Decimal(str(cost)) for cost in costs), Decimal(0))
    assert Decimal(str(result.spent_usd)) == Decimal(str(result.runs[0].spent_usd)) == exact
    assert Decimal(str(result.reserved_usd)) == 100 - exact
    assert result.left_usd == 0


def test_a_draft_reserves_nothing_and_a_lost_job_keeps_the_reservation_until_its_run_is_finished() -> None:
    draft = of(created(), ("planned", {"plan_id": "p", "max_usd": 2.0}))
    assert draft.reserved == 0
    lost = [*agreed(2.0), submitting("train", 1, 1.0), ended("train", 1, 0.25, "lost"), ("interrupted", {"why": "?"})]
    assert (of(*lost).reserved, of(*lost).spent) == (1_750_000, 250_000)
    assert of(*lost, ("cancelled", {})).reserved == 0


def test_a_month_counts_what_was_settled_in_it_and_all_that_is_reserved_now() -> None:
    august, october = 1_788_200_000.0, 1_790_900_000.0
    done = after(
        [*agreed(3.0), submitting("train", 1, 3.0), ended("train", 1, 3.0), ("succeeded", {})],
        run_id="old",
        at=august,
    )
    begun = after([*agreed(2.0), submitting("train", 1, 1.0), ended("train", 1, 0.5)], run_id="new", at=august)
    found = accounts([*done, *begun, *after([submitting("train", 2, 1.0)], run_id="new", at=october)])
    before = budget_result(Settings(budget_month_usd=20), found, august)
    assert (before.month, before.reserved_usd, before.spent_usd, before.left_usd) == ("2026-08", 1.5, 3.5, 15.0)
    later = budget_result(Settings(budget_month_usd=20), found, october)
    assert (later.month, later.reserved_usd, later.spent_usd, later.left_usd) == ("2026-10", 1.5, 0.0, 18.5)
    assert later.spent_ever_usd == 3.5
    assert [one.run_id for one in later.runs] == ["new", "old"]


def test_money_is_never_shown_as_more_than_there_is_or_less_than_it_costs() -> None:
    assert [dollars(1.279), dollars(2), dollars(0.004), dollars(1234.5)] == ["$1.27", "$2", "$0", "$1,234.50"]
    assert [at_most(1.271), at_most(2), at_most(0.0001), at_most(0)] == ["$1.28", "$2", "$0.01", "$0"]
    assert [cost(1.271), cost(2), cost(0.0001), cost(0)] == ["$1.27", "$2", "under $0.01", "$0"]


# Settings


def test_a_default_that_is_set_is_kept_and_one_set_to_none_is_gone() -> None:
    assert read_settings() == Settings()
    change_settings(budget_usd=2)
    assert change_settings(budget_month_usd=20.5) == read_settings() == Settings(budget_usd=2, budget_month_usd=20.5)
    assert change_settings(budget_usd=None) == Settings(budget_month_usd=20.5)
    assert json.loads((home() / "settings.json").read_text()) == {"budget_month_usd": 20.5}


@pytest.mark.parametrize("value", [-1, -0.01, float("nan"), float("inf"), float("-inf"), "2", True, [2]])
def test_what_is_no_amount_is_refused_and_changes_nothing(value: Any) -> None:
    change_settings(budget_usd=2)
    with pytest.raises(CallError, match=r"budget_usd is .*must be"):
        tunebook.budget(run=value)
    assert read_settings() == Settings(budget_usd=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON"),
        ('{"budget_usd": 2', "no JSON"),
        ("\udcff", "no JSON"),
        ("[]", "object"),
        ('{"budget_usd": "2"}', "budget_usd"),
        ('{"budget_usd": NaN}', "budget_usd"),
        ('{"budget_month_usd": -1}', "budget_month_usd"),
        ('{"budget": 2}', "budget is no setting"),
    ],
)
def test_a_wrong_settings_file_is_told_of_in_one_line_until_it_is_cleared(
    text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home() / "settings.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    for words in (["budget"], ["budget", "--run", "3", "--json"]):
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "settings.json" in err
        assert says in err
    with pytest.raises(CallError, match=r"settings\.json"):
        budget_for(None)
    assert main(["budget", "--clear"]) == 0
    assert read_settings() == Settings()


# What a run may cost


def run_of(run_id: str, max_usd: float, **spec: Any) -> str:
    """A draft whose plan can cost so much, in this home's journal."""
    journal = Journal(home())
    journal.create_run(run_id, created(**spec)[1], same_as=None)
    journal.append(run_id, "planned", plan_id=f"plan of {run_id}", max_usd=max_usd)
    return run_id


def consent(run_id: str) -> None:
    control.consent(run_id, f"plan of {run_id}", by="test")


def settle(run_id: str, usd: float) -> None:
    """One job of the run, submitted and ended."""
    journal = Journal(home())
    fence = journal.acquire(run_id, ProcessId.current())
    for kind, data in (submitting("train", 1, usd), ended("train", 1, usd)):
        journal.append(run_id, kind, fence=fence, **data)


def test_the_cells_budget_comes_before_the_settings_and_the_lower_of_it_and_the_month_binds() -> None:
    def allowed(said: float | None) -> tuple[float | None, str, float | None, str | None]:
        found = budget_for(said)
        return found.cap_usd, found.why, found.left_usd, found.binds

    assert allowed(None) == (None, "no budget was named", None, None)
    assert allowed(2) == (2, "the budget of $2 that the cell names", None, "cell")
    change_settings(budget_usd=1.5)
    assert allowed(None) == (1.5, "the budget of $1.50 that the settings name", None, "settings")
    assert allowed(2) == (2, "the budget of $2 that the cell names", None, "cell")
    change_settings(budget_month_usd=20)
    assert allowed(None) == (1.5, "the budget of $1.50 that the settings name", 20, "settings")
    change_settings(budget_usd=None)
    consent(run_of("dear", 18.73, budget_usd=19))
    assert allowed(2) == (1.27, "$1.27 left of this month's $20", 1.27, "month")
    assert allowed(None) == (1.27, "$1.27 left of this month's $20", 1.27, "month")
    assert allowed(1.27) == (1.27, "the budget of $1.27 that the cell names", 1.27, "cell")
    assert allowed(0) == (0, "the budget of $0 that the cell names", 1.27, "cell")


@pytest.mark.parametrize(
    ("settings", "spec", "says"),
    [
        ({}, {"budget_usd": 2}, "it can cost $2.01, more than the budget of $2 that the cell names: name a higher"),
        ({"budget_usd": 2}, {}, "more than the budget of $2 that the settings name: .*--run USD"),
        ({"budget_month_usd": 2}, {}, "more than $2 left of this month's $2: .*--month USD"),
        ({"budget_month_usd": 2}, {"budget_usd": 5}, "more than $2 left of this month's $2"),
    ],
)
def test_consent_to_more_than_is_left_is_refused_in_one_line(
    settings: dict[str, float], spec: dict[str, Any], says: str
) -> None:
    change_settings(**settings)
    with pytest.raises(CallError, match=says.replace("$", r"\$")) as refused:
        consent(run_of("dear", 2.0001, **spec))
    assert "\n" not in str(refused.value)
    assert [event.kind for event in Journal(home()).events("dear")] == ["created", "planned"]
    consent(run_of("fits", 2.0, **spec))
    assert [one.state for one in tunebook.budget().runs] == ["confirmed", "draft"]


def test_a_plan_that_costs_nothing_is_never_refused() -> None:
    change_settings(budget_usd=0, budget_month_usd=0)
    consent(run_of("free", 0.0))
    (home() / "settings.json").write_text("damaged")
    consent(run_of("free too", 0.0))
    assert [one.kind for one in Journal(home()).events("free too")][-1] == "confirmed"
    with pytest.raises(CallError, match=r"settings\.json"):
        consent(run_of("dear", 0.01))


def test_consent_given_twice_reserves_once() -> None:
    change_settings(budget_month_usd=2)
    run_of("twice", 1.5)
    consent("twice")
    consent("twice")
    assert tunebook.budget().reserved_usd == 1.5


def test_a_plan_that_was_replaced_while_a_person_read_it_is_not_agreed_to() -> None:
    run_of("changed", 1.0)
    Journal(home()).append("changed", "revised", spec={"seed": 1}, spec_hash="i", by="test")
    with pytest.raises(CallError, match="not the plan of this run any more"):
        consent("changed")


def at_once(actions: list[Callable[[], None]]) -> int:
    """Do all at the same moment; how many were refused."""
    gate, refused = threading.Barrier(len(actions)), []

    def act(action: Callable[[], None]) -> None:
        gate.wait()
        try:
            action()
        except CallError as error:
            refused.append(error)

    threads = [threading.Thread(target=act, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(refused)


def test_of_many_consents_at_once_only_those_pass_that_fit() -> None:
    change_settings(budget_month_usd=3)
    runs = [run_of(f"run {n}", 1.0) for n in range(8)]
    assert at_once([lambda run_id=run_id: consent(run_id) for run_id in runs]) == 5  # type: ignore[misc]
    found = tunebook.budget()
    assert (found.reserved_usd, found.left_usd) == (3.0, 0.0)


CONSENT = """
import sys
from tunebook.pipeline import control
from tunebook.pipeline.errors import CallError
print("ready", flush=True)
sys.stdin.readline()
try:
    control.consent(sys.argv[1], f"plan of {sys.argv[1]}", by="test")
    print("passed")
except CallError as error:
    print(error)
"""


def test_of_two_processes_that_consent_at_once_where_one_plan_fits_one_is_refused() -> None:
    change_settings(budget_month_usd=1.5)
    doors = [
        subprocess.Popen(
            [sys.executable, "-c", CONSENT, run_of(name, 1.0)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("here", "there")
    ]
    for door in doors:
        assert door.stdout is not None
        assert door.stdout.readline() == "ready\n"
    for door in doors:
        assert door.stdin is not None
        door.stdin.write("\n")
        door.stdin.flush()
    said = sorted(door.communicate(timeout=60)[0].strip() for door in doors)
    assert said[1] == "passed"
    assert "more than $0.50 left of this month's $1.50" in said[0]


def test_tidying_up_does_not_give_back_what_was_spent() -> None:
    change_settings(budget_month_usd=3)
    consent(run_of("done", 2.0))
    settle("done", 1.25)
    control.cancel("done")
    journal = Journal(home())
    fence = journal.acquire("done", ProcessId.current()) or 1
    journal.append("done", "cancelled", fence=fence)
    journal.release("done", fence)
    before = tunebook.budget()
    assert tunebook.clean().removed == ["done"]
    after_it = tunebook.budget()
    assert after_it.runs == []
    assert (after_it.spent_usd, after_it.left_usd) == (before.spent_usd, before.left_usd) == (1.25, 1.75)
    assert journal.events("done") == [], "of its words nothing is kept"


# The command


def test_the_command_sets_shows_and_clears_what_may_be_spent(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> Any:
        assert main(["budget", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    nothing = said()
    assert nothing == {
        "month": time.strftime("%Y-%m", time.gmtime()), "cap_usd": None, "reserved_usd": 0.0, "spent_usd": 0.0,
        "left_usd": None, "run_usd": None, "spent_ever_usd": 0.0, "runs": [],
        "elsewhere": None, "elsewhere_unknown": "",
    }  # fmt: skip
    both = said("--run", "2", "--month", "20")
    assert both == nothing | {"run_usd": 2.0, "cap_usd": 20.0, "left_usd": 20.0}
    assert said("--run", "0.1") == both | {"run_usd": 0.1}
    assert tunebook.budget(month=5).cap_usd == 5
    assert said("--clear") == nothing
    assert main(["budget", "--clear", "--run", "2"]) == 2


def test_a_person_reads_what_is_left_and_which_runs_cost_money(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget"]) == 0
    assert "no cap (`budget --month USD` sets one)" in capsys.readouterr().out
    tunebook.budget(run=2, month=20)
    consent(run_of("free", 0.0))
    control.cancel(run_of("never started", 1.5))
    consent(run_of("paid", 1.8701, budget_usd=2))
    settle("paid", 0.3)
    _command("budget", None)  # as `%finetune budget` in a notebook
    assert capsys.readouterr().out.split("\n", 1)[1] == (
        "A run whose cell names no budget may cost $2.\n"
        "\n"
        "run   state      budget  at most  reserved  spent\n"
        "paid  confirmed  $2      $1.88    $1.58     $0.30\n"
        "\n"
        "2 runs that cost nothing\n"
    )
    assert main(["budget"]) == 0
    assert "$0.30 spent, $1.58 reserved for runs at work, $18.12 left of $20" in capsys.readouterr().out


def test_completion_knows_that_an_amount_is_no_run() -> None:
    run_of("a-run", 0.0)
    assert candidates(False, ["budget", "--run"], "") == []
    assert {"--run", "--month", "--clear"} <= set(candidates(False, ["budget"], "--"))


def test_the_command_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from tunebook.cli import main; main(['budget', '--json'])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'trl', 'huggingface_hub', 'numpy', 'pyarrow', 'matplotlib', 'plotly'}\n"
        "print(heavy & set(sys.modules) or 'nothing', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "nothing\n")
