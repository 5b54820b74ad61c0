"""What is said of a rented machine: the job's state and its queue, the money as it is spent, how much of the hardware is used.

Time and money tick here and not in the browser, whose clock is another and goes on when the kernel is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.pipeline.journal.fold import ATTEMPT_TERMINAL
from tunebook.widgets.words import UNKNOWN, at_most_usd, duration, usd

if TYPE_CHECKING:
    from tunebook.pipeline.journal import AttemptState
    from tunebook.widgets.facts import Facts

View = dict[str, Any]

COSTS_NOTHING = "costs nothing, on this machine"
#: Seconds after which a measurement is no longer what is now.
FRESH_S = 15.0


def rented_facts(facts: Facts) -> list[View]:
    """The job and its price, always the same labels; [] for a run on this machine."""
    run, price = facts.run, _usd_per_hour(facts)
    if run.confirmed_at is None or not _rented(facts):
        return []
    attempt = run.attempts[-1] if run.attempts else None
    said = [
        ("job", _job(attempt, facts.now)),
        ("in the queue", duration(_queued_s(attempt, facts.now))),
        *([("price", f"{usd(price)} an hour")] if price else []),
        *([("spent", spent(facts))] if run.max_usd else []),
    ]
    return [{"label": label, "value": value} for label, value in said]


def spent(facts: Facts) -> str:
    """ "$0.11 of at most $0.42". A job that runs is counted by the second, from when it left the queue."""
    run = facts.run
    if run.max_usd is None:
        return ""
    if run.max_usd == 0:
        return COSTS_NOTHING
    if any(_unsettled(attempt) for attempt in run.attempts):
        return f"not settled, at most {at_most_usd(run.max_usd)}"
    so_far = sum(_usd(attempt, _usd_per_hour(facts), facts.now) for attempt in run.attempts)
    so_far = min(so_far, run.max_usd)
    # What is still counted shows its cents from the first second, so that it grows without changing its form.
    counted = any(_at_work(attempt) for attempt in run.attempts)
    return f"{f'${so_far:,.2f}' if counted else usd(so_far)} of at most {at_most_usd(run.max_usd)}"


def queued_for(facts: Facts) -> str:
    """How long the job at hand has been in the queue; "" where it is in none."""
    run = facts.run
    attempt = run.attempts[-1] if run.attempts else None
    if attempt is None or attempt.state != "queued" or attempt.began_at is not None or run.finished:
        return ""
    return duration(_queued_s(attempt, facts.now))


def hardware_view(facts: Facts) -> View | None:
    """What widgets/run-monitor/hardware.tsx draws: now, or of a run that has ended as a whole. None without measurements."""
    usage = facts.usage
    if usage is None:
        return None
    ended = facts.run.finished or bool(facts.run.attempts and facts.run.attempts[-1].state in ATTEMPT_TERMINAL)
    stale = not ended and facts.now - usage.time > FRESH_S
    pct, gib = (usage.mean_pct, usage.peak_gib) if ended else (None, None) if stale else (usage.pct, usage.gib)
    return {
        "title": usage.of.upper(),
        "use": f"hardware/{'gpu' if usage.of == 'gpu' else 'cpu'}_pct",
        "memory": f"hardware/{'gpu_' if usage.of == 'gpu' else ''}memory_gib",
        "total": None if usage.total_gib is None else round(usage.total_gib, 1),
        "shown": {
            "use": None if pct is None else round(pct),
            "memory": None if gib is None else round(gib, 1),
        },
        "note": "mean use, most memory" if ended else "not measured just now" if stale else "",
    }


def _rented(facts: Facts) -> bool:
    """Whether its jobs run on a machine of somebody else."""
    attempts, chosen = facts.run.attempts, facts.plan.chosen if facts.plan else None
    return attempts[-1].backend != "local" if attempts else chosen is not None and chosen.backend != "local"


def _usd_per_hour(facts: Facts) -> float:
    return facts.plan.price.usd_per_hour if facts.plan and facts.plan.price else 0.0


def _job(attempt: AttemptState | None, now: float) -> str:
    if attempt is None:
        return UNKNOWN
    if attempt.state == "submitting":
        return "is being sent"
    if attempt.began_at is None:
        return attempt.state
    if _at_work(attempt):
        return f"running for {duration(now - attempt.began_at)}"
    return attempt.state + (f" after {duration(attempt.ended_at - attempt.began_at)}" if attempt.ended_at else "")


def _queued_s(attempt: AttemptState | None, now: float) -> float | None:
    """Seconds from the submit to the begin; so far, where it has not begun."""
    if attempt is None:
        return None
    end = attempt.began_at or attempt.ended_at or (None if attempt.state in ATTEMPT_TERMINAL else now)
    return None if end is None else max(0.0, end - attempt.submitted_at)


def _usd(attempt: AttemptState, usd_per_hour: float, now: float) -> float:
    """What was settled; until then the time since it left the queue, which its time limit ends."""
    if attempt.began_at is None or not _at_work(attempt):
        return attempt.usd
    seconds = max(0.0, now - attempt.began_at)
    return max(attempt.usd, min(seconds, attempt.timeout_s or seconds) * usd_per_hour / 3600)


def _at_work(attempt: AttemptState) -> bool:
    """Whether it has left the queue and not ended. A supervisor that takes over says "queued" until it has asked: that
    must not turn back the money.
    """
    return attempt.began_at is not None and attempt.state not in ATTEMPT_TERMINAL


def _unsettled(attempt: AttemptState) -> bool:
    """Whether it has ended while no supervisor was there to write down what it cost."""
    return attempt.state in ATTEMPT_TERMINAL and attempt.ended_at is None
