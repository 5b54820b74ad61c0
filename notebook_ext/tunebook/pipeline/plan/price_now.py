"""Whether a plan's price is still the Hub's."""

from __future__ import annotations

import time

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.catalogue import catalogue
from tunebook.pipeline.home import home
from tunebook.pipeline.plan.model import Plan

FRESH_S = 60.0  # a price that was read within the last minute is not asked for again


def price_change(plan: Plan) -> str | None:
    """What is different now about the machine that the plan was priced for; None where nothing is."""
    assert plan.price is not None and plan.chosen is not None
    read = catalogue(home(), fresh_s=FRESH_S)
    if not read.spendable(time.time()):
        why = read.problem or "this machine's clock is wrong"
        return f"The price of {plan.chosen.flavor} cannot be read now: {why}."
    try:
        price = read.flavor(plan.chosen.flavor).usd_per_hour
    except CallError:
        return f"The Hub does not offer {plan.chosen.flavor} any more."
    if price is None:
        return f"The Hub names no price for {plan.chosen.flavor}."
    if abs(price - plan.price.usd_per_hour) > 1e-9:
        return f"{plan.chosen.flavor} costs ${price:.2f} an hour now, and the plan says ${plan.price.usd_per_hour:.2f}."
    return None
