"""What runs have cost, what is reserved for them, and what is left: computed from the journal's events, kept nowhere else.

Sums are whole micro-dollars, so that they are exact. An attempt's end settles it: from then on `usd` of that event counts,
also where its run has ended before. `submitting` says with `max_usd` what its attempt can cost at most.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.home import home
from tunebook.pipeline.journal import Event, Journal, RunState, fold
from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL
from tunebook.pipeline.settings import Settings, read_settings

MICRO = 1_000_000
CENT = MICRO // 100


class RunMoney(BaseModel):
    run_id: str
    state: str  # as the journal has it
    budget_usd: float | None  # what its cell says
    max_usd: float | None  # what its plan can cost at most
    reserved_usd: float
    spent_usd: float


class Stranger(BaseModel):
    """A live job of the account that no run of this machine accounts for."""

    job_id: str
    run_id: str
    flavor: str
    state: str
    url: str
    max_usd: float  # what its labels say that it can cost


class BudgetResult(BaseModel):
    """The month's cap and what of it is left: cap - reserved - spent, never below 0. `runs` are the newest first.

    `elsewhere`: jobs that other machines have started with the account, which are not among `runs` and bind all the same;
    None where nobody asked, or where the Hub did not answer, which `elsewhere_unknown` tells then.
    """

    month: str  # 2026-08, in UTC
    cap_usd: float | None  # None: there is no cap
    reserved_usd: float
    spent_usd: float  # in this month
    left_usd: float | None
    run_usd: float | None  # what a run may cost where its cell says nothing
    spent_ever_usd: float
    runs: list[RunMoney]
    elsewhere: list[Stranger] | None = None
    elsewhere_unknown: str = ""


class Allowance(BaseModel):
    """The most that a run may cost now. `why` names what binds: "the budget of $2 that the cell names"."""

    cap_usd: float | None  # None: nothing was said
    why: str
    left_usd: float | None  # of the month; None: there is no cap
    binds: Literal["cell", "settings", "month"] | None


# From events to sums


@dataclass
class Job:
    """An attempt as far as money goes."""

    stage: str
    n: int
    at_most: int  # micro-dollars; 0 where nobody said
    settled: int = 0
    ended_at: float | None = None


@dataclass
class Account:
    """One run's money in micro-dollars. `run` is None for a run that was forgotten: its past spending still counts."""

    run: RunState | None
    agreed: int = 0  # to this much a person consented
    jobs: list[Job] = field(default_factory=list)

    @property
    def spent(self) -> int:
        return sum(job.settled for job in self.jobs)

    @property
    def reserved(self) -> int:
        """What it can still cost: the rest of what was agreed until it has ended, never below its live jobs' most."""
        if self.run is None:
            return 0
        live = sum(job.at_most for job in self.jobs if job.ended_at is None)
        rest = 0 if self.run.finished or self.run.confirmed_at is None else self.agreed - self.spent
        return max(rest, live)

    def spent_in(self, month: str) -> int:
        return sum(job.settled for job in self.jobs if job.ended_at is not None and month_of(job.ended_at) == month)


def accounts(events: Iterable[Event]) -> dict[str, Account]:
    """Every run's account, the oldest first, from the events of any number of runs, each run's in order."""
    by_run: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_run[event.run_id].append(event)
    return {run_id: account(of_run) for run_id, of_run in by_run.items()}


def account(events: list[Event]) -> Account:
    """The account of the run that these events are of."""
    run = fold(events)
    found = Account(run if run.run_id else None)
    for event in events:
        data = event.data
        match event.kind:
            case "confirmed" if event.time == run.confirmed_at:
                found.agreed = max(found.agreed, micros(data.get("max_usd") or 0))
            case "submitting":
                found.jobs.append(Job(data["stage"], data["n"], micros(data.get("max_usd") or 0)))
            case "attempt" if data["state"] in ATTEMPT_TERMINAL:
                for job in found.jobs:
                    if (job.stage, job.n) == (data["stage"], data["n"]) and job.ended_at is None:
                        job.settled, job.ended_at = micros(data.get("usd") or 0), event.time
    return found


@dataclass(frozen=True)
class Month:
    """All runs' money in one calendar month. What is reserved can be spent in it, whenever it was reserved."""

    name: str
    cap: int | None
    reserved: int
    spent: int

    @property
    def left(self) -> int | None:
        return None if self.cap is None else max(0, self.cap - self.reserved - self.spent)


def month_at(now: float, settings: Settings, found: Iterable[Account]) -> Month:
    name, listed = month_of(now), list(found)
    return Month(
        name=name,
        cap=None if settings.budget_month_usd is None else micros(settings.budget_month_usd),
        reserved=sum(one.reserved for one in listed),
        spent=sum(one.spent_in(name) for one in listed),
    )


def month_of(at: float) -> str:
    return time.strftime("%Y-%m", time.gmtime(at))


# What may be spent


def budget_for(spec_budget: float | None) -> Allowance:
    """What a run may cost now whose cell says `spec_budget` (None: nothing). Raises CallError for damaged settings."""
    settings, found = read_settings(), accounts(Journal(home()).all_events())
    return allowance(spec_budget, settings, month_at(time.time(), settings, found.values()))


def allowance(spec_budget: float | None, settings: Settings, month: Month) -> Allowance:
    """The lower of the run's own budget (its cell's, else the settings') and of what the month has left."""
    own = settings.budget_usd if spec_budget is None else spec_budget
    left = None if month.left is None else usd(month.left)
    if left is not None and month.cap is not None and (own is None or left < own):
        why = f"{dollars(left)} left of this month's {dollars(usd(month.cap))}"
        return Allowance(cap_usd=left, why=why, left_usd=left, binds="month")
    if own is None:
        return Allowance(cap_usd=None, why="no budget was named", left_usd=None, binds=None)
    who = "the settings name" if spec_budget is None else "the cell names"
    return Allowance(
        cap_usd=own,
        why=f"the budget of {dollars(own)} that {who}",
        left_usd=left,
        binds="settings" if spec_budget is None else "cell",
    )


_HIGHER = {
    "cell": "name a higher budget in the cell, or cheaper hardware",
    "settings": "name a budget in the cell, or a higher one with `budget --run USD`",
    "month": "name cheaper hardware, or a higher cap with `budget --month USD`",
}


def require_left(run: RunState, events: list[Event], elsewhere_usd: float = 0.0) -> None:
    """Raise CallError where this run's plan can cost more than is left for it. `events` are those of all runs here;
    `elsewhere_usd` is what jobs of other machines can still cost.
    """
    if run.max_usd == 0:
        return
    if run.max_usd is None:
        raise CallError("max_usd", "is not known, so nothing can be agreed to", "make the plan again")
    settings = read_settings()
    others = [one for run_id, one in accounts(events).items() if run_id != run.run_id]
    month = month_at(time.time(), settings, others)
    month = replace(month, reserved=month.reserved + micros(elsewhere_usd))
    allowed = allowance(run.spec.get("budget_usd"), settings, month)
    if allowed.cap_usd is not None and allowed.binds and micros(run.max_usd) > micros(allowed.cap_usd):
        problem = f"does not allow this plan: it can cost {at_most(run.max_usd)}, more than {allowed.why}"
        raise CallError("budget", problem, _HIGHER[allowed.binds])


MIN_S = 120  # a machine that is rented for less has not started by then


def affordable(usd_per_hour: float, timeout_s: int, agreed_usd: float, spent_usd: float) -> tuple[int, float] | None:
    """For how many seconds a run's next attempt may be paid, and what that costs: the plan's, or what is left of what
    was agreed to. None where that is too little.
    """
    left = micros(agreed_usd) - micros(spent_usd)
    price = micros(usd_per_hour)
    seconds = timeout_s if not price or not spent_usd else min(timeout_s, left * 3600 // price)
    return (seconds, usd(min(left, -(-seconds * price // 3600)))) if seconds >= min(MIN_S, timeout_s) else None


# The `budget` command


def budget_now() -> BudgetResult:
    """The ledger of this home, now. Raises CallError for damaged settings."""
    settings, found = read_settings(), accounts(Journal(home()).all_events())
    return budget_result(settings, found, time.time())


def budget_result(settings: Settings, found: dict[str, Account], now: float) -> BudgetResult:
    month = month_at(now, settings, found.values())
    return BudgetResult(
        month=month.name,
        cap_usd=settings.budget_month_usd,
        reserved_usd=usd(month.reserved),
        spent_usd=usd(month.spent),
        left_usd=None if month.left is None else usd(month.left),
        run_usd=settings.budget_usd,
        spent_ever_usd=usd(sum(one.spent for one in found.values())),
        runs=[_run_money(one, one.run) for one in reversed(found.values()) if one.run is not None],
    )


def _run_money(found: Account, run: RunState) -> RunMoney:
    return RunMoney(
        run_id=run.run_id,
        state=run.state,
        budget_usd=run.spec.get("budget_usd"),
        max_usd=run.max_usd,
        reserved_usd=usd(found.reserved),
        spent_usd=usd(found.spent),
    )


# Money as numbers and as words


def micros(value: float) -> int:
    """US dollars as whole micro-dollars."""
    return max(0, int((Decimal(str(value)) * MICRO).to_integral_value()))


def usd(value: int) -> float:
    """Micro-dollars as the nearest number of US dollars: 300000 is 0.3."""
    return value / MICRO


def dollars(value: float) -> str:
    """What one may spend, never more than there is: "$2", "$1.27"."""
    return _shown(micros(value) // CENT)


def at_most(value: float) -> str:
    """What something can cost, rounded up to the cent."""
    return _shown(-(-micros(value) // CENT))


def cost(value: float) -> str:
    """What something has cost, to the nearest cent."""
    cents = round(micros(value) / CENT)
    return _shown(cents) if cents or value == 0 else "under $0.01"


def _shown(cents: int) -> str:
    return f"${cents // 100:,}" + (f".{cents % 100:02}" if cents % 100 else "")
