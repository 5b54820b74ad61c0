"""Amounts in words and figures: numbers, durations in seconds, money in US dollars, shares.

Each function tries to read one amount that begins at a token and returns it with the index after it, or None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tunebook.pipeline.instruction.text import Text, table, words

_UNITS = {
    name: value
    for value, name in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    name: 10 * value
    for value, name in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SMALL = _UNITS | _TENS | {ten + unit: _TENS[ten] + _UNITS[unit] for ten in _TENS for unit in list(_UNITS)[1:10]}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "dozen": 12}
_FIGURES = re.compile(r"([-+−]?)([0-9][0-9_,]*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE]([-+−]?[0-9]{1,4}))?([kKM]?)")
_POWER = re.compile(r"(?:([0-9.]{1,10})[x×*·])?10\^?\(?([-−][0-9]{1,3})\)?")
_SPACES = "  \u2009\u202f"
_SIGNS = words("-,−,minus,negative")
_ARTICLES = words("a,an,one,single")
_SECONDS = table(
    {
        1: "s,sec,secs,second,seconds",
        60: "m,min,mins,minute,minutes",
        3600: "h,hr,hrs,hour,hours",
        86400: "d,day,days",
        604800: "week,weeks",
    }
)
_CURRENCIES = table(
    {"usd": "$,usd,us$,dollar,dollars,bucks,buck,us dollars", "other": "€,£,eur,euro,euros,gbp,pounds,yen,chf"}
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A value, the tokens [first, end) that say it, and for a number whether a k or a space made its thousands."""

    value: float
    first: int
    end: int
    kilo: bool = False
    spaced: int = 0  # index after the first group of "10 000", 0 if there was only one
    currency: str = ""

    @property
    def exact(self) -> int | float:
        """The same value, an int where it is whole."""
        return int(self.value) if self.value.is_integer() else self.value


def _figures(text: str) -> tuple[float, bool] | None:
    if len(text) > 40:
        return None
    if re.fullmatch(r"[1-9]/[1-9]", text, re.ASCII):
        return int(text[0]) / int(text[2]), False
    if match := _FIGURES.fullmatch(text):
        sign, digits, power, scale = match.groups()
        if re.fullmatch(r"[0-9]+,[0-9]{1,2}", digits):
            digits = digits.replace(",", ".")  # a decimal comma: thousands would have three digits after it
        elif "," in digits and not re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", digits):
            return None
        digits = digits.replace(",", "").replace("_", "")
        exponent = (power or "0").replace("−", "-")
        value = float(f"{digits}e{exponent}") * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6}[scale]
        return (-value if sign in ("-", "−") and value else value), scale in ("k", "K") and bool(scale)
    if match := _POWER.fullmatch(text):
        return float(f"{match[1] or 1}e{match[2].replace('−', '-')}") if (match[1] or "1").count(
            "."
        ) < 2 else 0.0, False
    return None


def number(text: Text, at: int) -> Amount | None:
    """A number that begins here: 1,200, 10 000, 4k, 2e-4, twenty five, a hundred, minus 3, half, one and a half."""
    first, sign = at, 1.0
    if text.key(at) in _SIGNS and (text.key(at) not in "-−" or _glued(text, at)):
        sign, at = -1.0, at + 1
    if not text.free(at):
        return None
    key = text.key(at)
    if key in ("a", "an") and text.key(at + 1) in _SCALES and text.free(at + 1):
        return Amount(sign * _SCALES[text.key(at + 1)], first, at + 2)
    if key == "half":
        return Amount(sign * 0.5, first, at + 1 + (text.key(at + 1) in ("a", "an", "of")))
    found = _figures(text.tokens[at].text) if text.tokens[at].kind == "word" else None
    if found is None:
        spelled = _spelled(text, at)
        return spelled and Amount(sign * spelled[0], first, spelled[1])
    value, kilo = found
    end, spaced = at + 1, 0
    while text.free(end) and value >= 1 and _group_follows(text, end):
        spaced = spaced or end
        value, end = value * 1000 + int(text.tokens[end].text), end + 1
    if text.free(end) and text.key(end) in ("^",):
        return None
    if text.free(end) and text.key(end) in ("x", "×", "*") and text.free(end + 1):
        power = _POWER.fullmatch(text.tokens[end + 1].text)
        if power and not power[1]:
            return Amount(float(f"{value}e{power[2].replace('−', '-')}"), first, end + 2)
    if text.free(end) and (scale := _SCALES.get(text.key(end)) or {"k": 1000}.get(text.key(end))):
        value, end = value * scale, end + 1
    if text.key(end) == "and" and text.key(end + 1) == "a" and text.key(end + 2) == "half":
        value, end = value + 0.5, end + 3
    return Amount(sign * value, first, end, kilo, spaced)


def _glued(text: Text, at: int) -> bool:
    return at + 1 < len(text) and text.tokens[at].end == text.tokens[at + 1].start


def _group_follows(text: Text, at: int) -> bool:
    """Whether this token continues the number before it, as 000 does in "10 000"."""
    last, this = text.tokens[at - 1], text.tokens[at]
    gap = text.source[last.end : this.start]
    digits = last.text.lstrip("-+−")
    return bool(
        len(gap) == 1
        and gap in _SPACES
        and re.fullmatch(r"[0-9]{3}", this.text, re.ASCII)
        and re.fullmatch(r"[0-9]{1,3}", digits, re.ASCII)
        and digits[0] != "0"
    )


def _spelled(text: Text, at: int) -> tuple[float, int] | None:
    total, current, end = 0, None, at
    while text.free(end) and end < at + 8:
        key = text.key(end)
        if key in _SCALES and current is None and end == at and key != "dozen":
            current = _SCALES[key]
        elif key in _SMALL:
            if current is not None and not (
                current % 100 == 0 or (current % 100 >= 20 and current % 10 == 0 and _SMALL[key] < 10)
            ):
                break
            current = (current or 0) + _SMALL[key]
        elif key in _SCALES and current is not None:
            if _SCALES[key] >= 1000:
                total, current = total + current * _SCALES[key], 0
            else:
                current *= _SCALES[key]
        elif not (
            key == "and"
            and current is not None
            and end > at
            and text.key(end - 1) in _SCALES
            and text.key(end + 1) in _SMALL
        ):
            break
        end += 1
    if current is None:
        return None
    value = float(total + current)
    if text.key(end) == "and" and text.key(end + 1) == "a" and text.key(end + 2) == "half":
        return value + 0.5, end + 3
    return value, end


def duration(text: Text, at: int) -> Amount | None:
    """A stretch of time in seconds: 90 minutes, 1.5 h, 2h30, half an hour, an hour and a half, 1:30:00."""
    if not text.free(at):
        return None
    if clock := re.fullmatch(r"([0-9]{1,3}):([0-9]{2})(?::([0-9]{2}))?", text.tokens[at].text, re.ASCII):
        hours, minutes, seconds = clock.groups()
        if seconds is not None:
            return Amount(int(hours) * 3600 + int(minutes) * 60 + int(seconds), at, at + 1)
        if _SECONDS.get(text.key(at + 1)) == 3600:
            return Amount(int(hours) * 3600 + int(minutes) * 60, at, at + 2)
        return None
    total, end, unit = 0.0, at, 0
    while True:
        start = end + (total > 0 and text.key(end) in ("and", ","))
        if text.key(start) in _ARTICLES and text.key(start + 1) in _SECONDS and text.free(start):
            value, after = 1.0, start + 1
        elif (amount := number(text, start)) is not None:
            value, after = amount.value, amount.end
            after += text.key(after) == "-" and text.key(after + 1) in _SECONDS
        else:
            break
        if not text.free(after) or text.key(after) not in _SECONDS:
            if total and unit == 3600 and after == end + 1 and text.tokens[end - 1].end == text.tokens[end].start:
                total, end = total + 60 * value, after  # the 30 of "1h30"
            break
        if total and not 0 < _SECONDS[text.key(after)] < unit:
            break
        unit = _SECONDS[text.key(after)]
        total, end = total + value * unit, after + 1
        if text.key(end) == "and" and text.key(end + 1) == "a" and text.key(end + 2) == "half":
            total, end = total + unit / 2, end + 3
            break
        if total <= 0:
            break
    return Amount(total, at, end) if unit else None


def money(text: Text, at: int) -> Amount | None:
    """An amount of money: $4, -$3, 4 dollars, USD 4, a dollar fifty, two dollars and 50 cents, 50 cents, 5 euros."""
    first, sign = at, 1.0
    if text.key(at) in _SIGNS and text.free(at) and text.key(at + 1) in _CURRENCIES:
        sign, at = -1.0, at + 1
    if text.free(at) and text.key(at) in _CURRENCIES and text.key(at) not in ("dollar", "dollars", "bucks", "buck"):
        amount = number(text, at + 1)
        if amount is None:
            return None
        end = amount.end + (text.key(amount.end) in _CURRENCIES)
        return Amount(sign * amount.value, first, end, currency=_CURRENCIES[text.key(at)])
    if text.key(at) in _ARTICLES and text.key(at + 1) in ("dollar", "buck", "euro") and text.free(at):
        value, end = 1.0, at + 1
    elif (amount := number(text, at)) is not None:
        value, end = amount.value, amount.end
        if text.key(end) in ("cent", "cents") and text.free(end):
            return Amount(value / 100, first, end + 1, currency="usd")
    else:
        return None
    found = text.phrase(end, _CURRENCIES, longest=2)
    if found is None:
        return None
    currency, end = found
    change = end + (text.key(end) == "and")
    if text.key(change) == "a" and text.key(change + 1) == "half":
        return Amount(value + 0.5, first, change + 2, currency=currency)
    cents = _spelled(text, change) or (number(text, change) and (number(text, change).value, change + 1))  # type: ignore[union-attr]
    if cents and 10 <= cents[0] < 100:
        if text.key(cents[1]) in ("cents", "cent"):
            return Amount(value + cents[0] / 100, first, cents[1] + 1, currency=currency)
        if change == end and text.key(end) in _SMALL and text.key(at) not in _CURRENCIES and _ends_here(text, cents[1]):
            return Amount(value + cents[0] / 100, first, cents[1], currency=currency)
    return Amount(sign * value, first, end, currency=currency)


def _ends_here(text: Text, at: int) -> bool:
    """Whether nothing that a number could count follows: "a dollar fifty", but not "a dollar, fifty rows"."""
    return (
        at >= len(text)
        or text.tokens[at].kind == "mark"
        or text.key(at) in ("and", "then", "or", "at", "in", "on", "max")
    )


def share(text: Text, at: int) -> Amount | None:
    """A share of a whole as a fraction: 10%, ten percent, a tenth, 0.1 of."""
    if (
        text.key(at) in ("a", "one")
        and text.key(at + 1) in ("tenth", "fifth", "quarter", "third", "half")
        and text.free(at)
    ):
        parts = {"tenth": 0.1, "fifth": 0.2, "quarter": 0.25, "third": 1 / 3, "half": 0.5}
        return Amount(parts[text.key(at + 1)], at, at + 2)
    amount = number(text, at)
    if amount is None or not text.free(amount.end):
        return None
    if text.key(amount.end) in ("%", "percent", "pct"):
        return Amount(amount.value / 100, at, amount.end + 1)
    return None


def is_count_of_tokens(amount: Amount) -> int | float:
    """A number of tokens: 4k is 4096 and 128k is 131072, as contexts are named; 10k stays 10,000."""
    thousands = amount.value / 1000
    if amount.kilo and thousands.is_integer() and thousands > 0 and int(thousands) & (int(thousands) - 1) == 0:
        return int(thousands) * 1024
    return amount.exact
