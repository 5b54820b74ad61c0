"""How numbers are written for people: the rules of widgets/shared/format.ts, for the sentences that are made here.

At most three significant digits; a unit that fits the size; what a click can cost is rounded up, never down.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

UNKNOWN = "\N{EN DASH}"

_TIMES = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_SIZES = ("B", "kB", "MB", "GB", "TB")


def number(value: float | None, digits: int = 3) -> str:
    """A measured number: 1.42, 0.0312, 171, 1,230, 1.4e-4; a dash where it is not known or not finite."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e7:
        mantissa, exponent = f"{value:.{min(digits, 2) - 1}e}".split("e")
        return f"{_trimmed(mantissa)}e{int(exponent)}"
    if size >= 999.5:
        return f"{float(f'{value:.{digits}g}'):,.0f}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return _trimmed(_rounded(value, decimals))


def loss(value: float | None) -> str:
    """A loss keeps its zeros, so that a live value does not change its width: 1.40, 0.0312."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    if size == 0 or size < 1e-3 or size >= 999.5:
        return number(value)
    return _rounded(value, max(0, 2 - math.floor(math.log10(size))))


def _rounded(value: float, decimals: int) -> str:
    """Halves away from zero, as the panels' JavaScript does: the same figure never reads 81.2 here and 81.3 there."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_range(low: float, high: float) -> str:
    """ "18 to 31 min"; one length where both read the same."""
    first, last = duration(low), duration(high)
    if first == last:
        return last
    number_, _, unit = first.partition(" ")
    return f"{number_ if last.endswith(f' {unit}') else first} to {last}"


def duration(seconds: float | None) -> str:
    """A length of time: "0.4 s", "31 min", "2.5 h"."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return UNKNOWN
    size, name = next(((size, name) for size, name in _TIMES if seconds >= 1.5 * size), (1.0, "s"))
    value = seconds / size
    if name == "s" and value < 10:
        return f"{number(value, 1 if value < 1 else 2)} s"
    return f"{number(value, 2) if value < 10 else f'{round(value):,}'} {name}"


def count(value: int) -> str:
    """An exact whole number: 1,200."""
    return f"{value:,}"


def counted(value: int, one: str, many: str) -> str:
    """A count with its noun: "1 row", "1,200 rows"."""
    return f"{value:,} {one if value == 1 else many}"


def size(n_bytes: int) -> str:
    """A file's size in powers of ten: "512 B", "98.4 MB"."""
    value, at = float(n_bytes), 0
    while value >= 999.5 and at < len(_SIZES) - 1:
        value, at = value / 1000, at + 1
    return f"{count(n_bytes) if at == 0 else number(value)} {_SIZES[at]}"


def at_most_usd(usd: float) -> str:
    """The most that something can cost, rounded up to the cent."""
    return "$0" if usd == 0 else f"${math.ceil(round(usd * 100, 6)) / 100:,.2f}"


def usd(value: float) -> str:
    """Money that was spent."""
    return "$0" if value == 0 else "under $0.01" if value < 0.005 else f"${value:,.2f}"


def plain(value: Any) -> str:
    """A spec's value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)


def shortened(text: str, most: int) -> str:
    """Text that may be long, cut with a sign that it was."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def name_of(place: str) -> str:
    """The last part of a model's or a data set's id or path: what people call it."""
    return place.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1] or place
