"""Which option to take, and why in a sentence: the cheapest that fits, ends within the time and can be paid for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tunebook.pipeline.hardware.local import BACKEND as LOCAL
from tunebook.pipeline.hardware.local import duration, within
from tunebook.pipeline.hardware.options import NAMES, PREFERENCE, Option, needed

#: 4-bit weights cost some quality, so they are taken unasked only where LoRA costs so many times as much.
FOUR_BIT_SAVES = 1.5


#: What is faster by less than this is as fast: no forecast tells such times apart.
AS_FAST = 0.03


class Wanted(NamedTuple):
    """What the user said about where and how, and what it may cost; None: nothing."""

    backend: str | None = None
    flavor: str | None = None
    tuning: str | None = None
    time_limit_s: int | None = None
    budget_usd: float | None = None
    budget_why: str = ""  # whose budget that is: "the budget that the cell names"


class Choice(NamedTuple):
    option: Option | None
    reason: str  # a sentence: why this one, or what is in the way
    field: str = ""  # of the spec, that is in the way


def with_front(options: Sequence[Option]) -> list[Option]:
    """The options, marked where nothing else that fits is both cheaper and faster with the same tuning. Of equals the first
    is on the front.
    """
    marked: set[tuple[str, str, str]] = set()
    for tuning in PREFERENCE:
        fastest = float("inf")
        fitting = [one for one in options if one.tuning == tuning and one.fits and one.hours and one.usd]
        for option in sorted(fitting, key=_cost):
            assert option.hours
            if option.hours.p50 < (1 - AS_FAST) * fastest:
                fastest = option.hours.p50
                marked.add(option.key)
    return [option.model_copy(update={"front": option.key in marked}) for option in options]


def choose(options: Sequence[Option], wanted: Wanted) -> Choice:
    """The recommended option among those that the user left open, with the reason.

    Where the tuning was not said it is LoRA's, unless 4-bit weights save much; training all weights is taken only where
    neither can be had.
    """
    open_ = [option for option in options if _meets(option, wanted)]
    free = [one for one in open_ if not obstacle(one, wanted)]
    free = [one for one in free if not one.unstarted] or free  # also on a machine that was asked for
    best = {
        tuning: min(possible, key=_cost)
        for tuning in PREFERENCE
        if (possible := [one for one in free if one.tuning == tuning])
    }
    if not best:
        return Choice(None, refusal(open_, options, wanted), in_the_way(open_, wanted))
    lora, qlora = best.get("lora"), best.get("qlora")
    chosen = lora or qlora or best["full"]
    if lora and qlora and _cost(lora)[0] > FOUR_BIT_SAVES * _cost(qlora)[0]:
        chosen = qlora
    return Choice(chosen, because(chosen, open_, wanted))


def _cost(option: Option) -> tuple[float, float]:
    return (option.usd.p50 if option.usd else 0.0, option.hours.p50 if option.hours else 0.0)


def _meets(option: Option, wanted: Wanted) -> bool:
    return (
        wanted.backend in (None, option.backend)
        and wanted.flavor in (None, option.flavor)
        and wanted.tuning in (None, option.tuning)
    )


def obstacle(option: Option, wanted: Wanted) -> str:
    """What keeps an option from being taken, as a clause; "" where nothing does."""
    if not option.fits:
        return option.why
    if option.usd is None or option.max_usd is None:
        return "it has no price that is understood"
    if option.unstarted and wanted.flavor is None:
        return option.unstarted
    if wanted.time_limit_s is not None and option.hours and option.hours.p90 * 3600 > wanted.time_limit_s:
        longest = _no_shorter(option.hours.p90 * 3600)
        return f"nine in ten such runs take up to {longest}, the limit is {duration(wanted.time_limit_s)}"
    if wanted.budget_usd is not None and option.max_usd > wanted.budget_usd:
        return f"it can cost up to {at_most(option.max_usd)}, more than {wanted.budget_why or 'the budget'}"
    return ""


def because(chosen: Option, options: Sequence[Option], wanted: Wanted) -> str:
    """Why this one, and what a little more money would buy."""
    name, where = NAMES[chosen.tuning], _place(chosen)
    cheaper = any(_cost(one)[0] < _cost(chosen)[0] and not obstacle(one, wanted) for one in options)
    lead = f"Cheapest with {name}: {where}" if cheaper else f"Cheapest that fits: {where} with {name}"
    if wanted.flavor:
        lead = f"As you asked: {where} with {name}"
    elif wanted.tuning:
        lead += ", as you asked"
    told = [f"{lead}, {_price(chosen)}."]
    if chosen.hours is not None:
        half, most = within(chosen.hours.p50 * 3600, chosen.hours.p90 * 3600)
        told.append(f"Half of such runs end within {half}, nine in ten within {most}.")
    if faster := _faster(chosen, options, wanted):
        assert faster.hours and faster.usd
        told.append(
            f"{faster.flavor} would take about {duration(faster.hours.p50 * 3600)} for about {dollars(faster.usd.p50)}."
        )
    return " ".join(told)


def beside(option: Option, chosen: Option | None, best: Option | None) -> Option:
    """The option as it stands beside the chosen one: what it gives and takes, and whether it is the one to recommend."""
    update: dict[str, object] = {"recommended": best is not None and option.key == best.key}
    if chosen is not None and option.fits and option.key != chosen.key:
        update["why"] = "; ".join(said for said in (_trade(option, chosen) or option.why, option.unstarted) if said)
    return option.model_copy(update=update)


def _trade(option: Option, chosen: Option) -> str:
    if not (option.hours and chosen.hours and option.usd and chosen.usd):
        return ""
    pace = chosen.hours.p50 / max(1e-9, option.hours.p50)
    said = (
        "as fast"
        if 0.95 < pace < 1.05
        else f"{_times(pace)} as fast"
        if pace > 1
        else f"takes {_times(1 / pace)} as long"
    )
    if not chosen.usd.p50 or not option.usd.p50:
        return said if option.usd.p50 == chosen.usd.p50 else f"{said}, for about {dollars(option.usd.p50)}"
    price = option.usd.p50 / chosen.usd.p50
    if 0.95 < price < 1.05:
        return f"{said}, at the same price"
    return (
        f"{said}, at {_times(price)} the price"
        if price > 1
        else f"{said}, at {f'{100 * price:.0f}' if price >= 0.01 else 'under 1'} % of the price"
    )


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times" if ratio < 10 else f"{ratio:.0f} times"


def _faster(chosen: Option, options: Sequence[Option], wanted: Wanted) -> Option | None:
    """The cheapest option that takes at most half the time, of the same tuning."""
    if chosen.hours is None:
        return None
    rest = [
        one
        for one in options
        if one.tuning == chosen.tuning and one.hours and one.usd and not obstacle(one, wanted)
        and one.hours.p50 <= chosen.hours.p50 / 2
    ]  # fmt: skip
    return min(rest, key=lambda one: one.usd.p50 if one.usd else 0.0, default=None)


def _nearest(options: Sequence[Option], wanted: Wanted) -> Option | None:
    """Of those that fit, the one that misses what the user allows by the least; what cannot be started yet comes last."""

    def excess(option: Option) -> tuple[bool, float, float]:
        time = option.hours.p90 * 3600 / wanted.time_limit_s if option.hours and wanted.time_limit_s else 0.0
        most = math.inf if option.max_usd is None else option.max_usd
        money = 0.0 if wanted.budget_usd is None else most / max(0.01, wanted.budget_usd)
        return bool(option.unstarted and wanted.flavor is None), max(time, money), most

    return min((option for option in options if option.fits), key=excess, default=None)


def in_the_way(options: Sequence[Option], wanted: Wanted) -> str:
    """The field of the spec that keeps everything from being taken."""
    nearest = _nearest(options, wanted)
    if nearest is not None and nearest.usd is not None and not (nearest.unstarted and wanted.flavor is None):
        late = wanted.time_limit_s is not None and nearest.hours and nearest.hours.p90 * 3600 > wanted.time_limit_s
        return "time_limit_s" if late else "budget_usd"
    return "tuning" if wanted.tuning else "flavor" if wanted.flavor else "backend"


def refusal(options: Sequence[Option], every: Sequence[Option], wanted: Wanted) -> str:
    """Why nothing can be taken: the nearest miss, with its numbers, and what to change. `every` are all options."""
    if not options:
        said = [value for value in (wanted.backend, wanted.flavor, wanted.tuning and NAMES[wanted.tuning]) if value]
        return f"No machine is known for {' with '.join(said)}." if said else "No machine is known."
    fitting = _nearest(options, wanted)
    if fitting is not None:
        if fitting.unstarted and wanted.flavor is None:
            return f"What fits cannot be started yet: on {_place(fitting)} {fitting.unstarted}."
        return f"What fits is not within what you allow: on {_place(fitting)} {obstacle(fitting, wanted)}."
    sized = [option for option in options if option.memory is not None]
    if not sized:
        return f"Nothing can be taken: {NAMES[options[0].tuning]} on {_place(options[0])}: {options[0].why}."
    nearest = min(sized, key=lambda one: one.memory.high / max(0.01, one.memory.available) if one.memory else 0.0)
    told = f"Nothing fits; nearest is {NAMES[nearest.tuning]} on {_place(nearest)}: {nearest.why}."
    others = wanted._replace(tuning=None)
    instead = next((one for one in every if _meets(one, others) and not obstacle(one, others)), None)
    if instead is not None:
        return f"{told} `tuning: {instead.tuning}` fits."
    assert nearest.memory is not None
    short = nearest.memory.high - nearest.memory.available
    if nearest.backend == LOCAL and short > 0:
        told += f" Free {needed(short)} GiB of memory, lower `batch_size` or `max_length`, or take a smaller model."
    return told


def _place(option: Option) -> str:
    return "this machine" if option.backend == LOCAL else option.flavor


def _price(option: Option) -> str:
    if option.usd is None or not option.usd.p90:
        return "at no charge"
    low, high = dollars(option.usd.p50), at_most(option.usd.p90)
    return f"about {low}" if low == high else f"about {low}, at most {high} nine times in ten"


def dollars(usd: float) -> str:
    """'$0.42', '$12.30', '$0.004': cents, and more digits only where there are no cents."""
    return f"${usd:.3f}" if 0 < usd < 0.01 else f"${usd:,.2f}"


def at_most(usd: float) -> str:
    """As `dollars`, and never less than it is."""
    step = 1000 if 0 < usd < 0.01 else 100
    return dollars(math.ceil(round(usd * step, 6)) / step)


def _no_shorter(seconds: float) -> str:
    """A length of time as `duration` says it, rounded up."""
    step = 1 if seconds < 90 else 60 if seconds < 5400 else 360
    return duration(math.ceil(seconds / step) * step)
