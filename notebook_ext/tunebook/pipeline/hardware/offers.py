"""What would bring a plan within memory, time or budget: each change alone, with what it costs then. Nothing is cut unasked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.hardware.choice import dollars
from tunebook.pipeline.hardware.options import NAMES, Band, Option

#: Steps of a trial on the rented card.
TRIAL_STEPS = 20
#: Fewer rows are offered with so much room, since other rows may be longer.
ROOM = 0.95
#: A trial is offered where the whole costs at least so many times as much.
TRIAL_WORTH = 3

#: The best option with these fields of the spec changed; None where there is none.
Tried = Callable[[dict[str, Any]], Option | None]


class Offer(BaseModel):
    """`fields` of the spec that change, and what the plan would then be."""

    label: str
    why: str
    hours: Band | None
    usd: Band | None
    fields: dict[str, Any]


def offers(
    tried: Tried,
    *,
    rows: int,
    context: int,
    epochs: float,
    steps: int,
    tuning: str | None,
    machine: str | None,
    said: dict[str, Any],
) -> list[Offer]:
    """The changes that help, the least first: a smaller copy of the weights, another machine, shorter rows, fewer rows.

    `rows`, `context`, `epochs` and `steps` are what the plan has now, `tuning` and `machine` what the user asked for
    (None: free), `said` the spec as it was said.
    """
    found = []
    if tuning in ("full", "lora"):
        found.append(
            _offer(tried, "Train with 4-bit weights", "QLoRA keeps the frozen weights in 4 bits", {"tuning": "qlora"})
        )
    if tuning == "full":
        why = "LoRA trains a small adapter instead of all weights"
        found.append(_offer(tried, "Train an adapter instead of all weights", why, {"tuning": "lora"}))
    if machine is not None:
        found.append(_other_machine(tried))
    if epochs > 1 and "max_steps" not in said:
        found.append(_offer(tried, "Read the rows once", f"1 epoch instead of {epochs:g}", {"epochs": 1}))
    found.append(
        _largest(
            tried, "max_length", context, lambda size: f"Cut rows at {size:,} tokens", "longer rows lose their end"
        )
    )
    if "max_steps" in said:
        found.append(_largest(tried, "max_steps", steps, lambda size: f"Train for {size:,} steps", f"of {steps:,}"))
    else:
        # How often rows are read depends on how many there are, where it was not said: that stays as it is.
        more = {} if "epochs" in said else {"epochs": epochs}
        found.append(_largest(tried, "rows", rows, lambda size: f"Train on {size:,} rows", f"of {rows:,}", more, ROOM))
    useful = [offer for offer in found if offer is not None]
    if not useful and machine is not None and "max_steps" not in said:
        both = _elsewhere(tried, rows, {} if "epochs" in said else {"epochs": epochs})
        useful = [both] if both is not None else []
    return useful


def trial(chosen: Option, tried: Tried) -> Offer | None:
    """A few real steps on the card that is about to be rented: what they take is then known and no longer forecast."""
    if not chosen.usd_per_hour or chosen.usd is None:
        return None
    fields = {"backend": chosen.backend, "flavor": chosen.flavor, "tuning": chosen.tuning, "max_steps": TRIAL_STEPS}
    why = "what a step takes there is then measured, and the whole is forecast from it"
    offer = _offer(tried, f"Try {TRIAL_STEPS} steps on {chosen.flavor} first", why, fields, where=False)
    worth = offer is not None and offer.usd is not None and TRIAL_WORTH * offer.usd.p50 <= chosen.usd.p50
    return offer if worth else None


def _offer(tried: Tried, label: str, why: str, fields: dict[str, Any], *, where: bool = True) -> Offer | None:
    option = tried(fields)
    if option is None:
        return None
    told = f", on {option.flavor}" if where and option.backend != "local" else ""
    return Offer(label=label, why=f"{why}{told}", hours=option.hours, usd=option.usd, fields=fields)


def _other_machine(tried: Tried) -> Offer | None:
    option = tried({"backend": None, "flavor": None})
    if option is None:
        return None
    fields = {"backend": option.backend, "flavor": option.flavor, "tuning": option.tuning}
    price = (
        f"{dollars(option.usd_per_hour)} an hour, with {NAMES[option.tuning]}"
        if option.usd_per_hour
        else "at no charge"
    )
    return Offer(label=f"Train on {option.flavor}", why=price, hours=option.hours, usd=option.usd, fields=fields)


def _elsewhere(tried: Tried, rows: int, more: dict[str, Any]) -> Offer | None:
    """Fewer rows on another machine: where neither alone is enough."""
    free = {"backend": None, "flavor": None} | more
    offer = _largest(tried, "rows", rows, lambda size: f"Train on {size:,} rows", f"of {rows:,}", free, ROOM)
    option = tried(offer.fields) if offer is not None else None
    if offer is None or option is None:
        return None
    place = {"backend": option.backend, "flavor": option.flavor, "tuning": option.tuning}
    return offer.model_copy(
        update={"label": f"{offer.label} on {option.flavor}", "why": f"of {rows:,}", "fields": offer.fields | place}
    )


def _largest(
    tried: Tried,
    field: str,
    now: int,
    label: Callable[[int], str],
    why: str,
    more: dict[str, Any] | None = None,
    room: float = 1.0,
) -> Offer | None:
    """The largest value below today's with which there is an option: found by halving, to two digits. `more` are fields
    that change with it, `room` the share of what was found that is offered.
    """
    more, low, high = more or {}, 0, now
    best: tuple[int, Option] | None = None
    for _ in range(12):
        size = _round((low + high) // 2)
        if size <= low or size < 8:
            break
        option = tried({field: size} | more)
        if option is None:
            high = size
        else:
            low, best = size, (size, option)
    if best is None or best[0] >= now:
        return None
    size = _round(int(best[0] * room))
    return _offer(tried, label(size), why, {field: size} | more)


def _round(number: int) -> int:
    """To two digits, downwards: 1,234 is 1,200."""
    digits: int = 10 ** max(0, len(str(number)) - 2)
    return number // digits * digits
