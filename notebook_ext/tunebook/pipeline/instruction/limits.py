"""Readers of what a run may cost and how long it may take."""

from __future__ import annotations

from collections.abc import Iterator

from tunebook.pipeline.instruction.amounts import duration, money, number
from tunebook.pipeline.instruction.claims import Read, doubt, reads
from tunebook.pipeline.instruction.negation import NEGATORS
from tunebook.pipeline.instruction.settings import LINKS, RANGE, UNITS, number_that_ends
from tunebook.pipeline.instruction.text import Text, words

_SPENDING = words("budget,spend,spending,cost,costs,price,money,cap,pay,bill,bucks,dollars,usd,budget of,budgeted")
#: "stay under $2" is a budget where it stands alone; "a laptop under $500" is not.
_AT_MOST = words("under,below,within,stay,keep,most,max,maximum,exceed,up,less,than")
_LIMITS = words(
    "stop,limit,within,under,max,maximum,most,after,for,timeout,time,than,exceed,takes,take,cap,below,in,up"
)
_OVER = words("over,more,above,exceed,past,beyond,longer,exceeding,least")


_PASSED = words("not,do,stay,keep,it,run,go,going,want,wish,like,less,done,finished,finish,this,total,whole")
_ALONE_BEFORE = words("for,have,about,with,of,got,only,then,and,plus,=,:,(,-,;")
_ALONE_AFTER = words(
    "and,then,or,at,max,maximum,limit,tops,on,in,with,total,),-,should,of,is,per,to,for,only,budget,please,using"
)


def _stands_alone(text: Text, first: int, end: int) -> bool:
    """Whether an amount is an item of its own ("..., 90 minutes, ...") and not part of some story ("on a $500 laptop")."""
    opens = (
        first == 0 or text.breaks(first - 1) or not text.free(first - 1) or text.key(first - 1) in _ALONE_BEFORE | {","}
    )
    closes = end >= len(text) or text.breaks(end) or not text.free(end) or text.key(end) in _ALONE_AFTER | {","}
    return opens and closes


def spending(text: Text) -> Iterator[Read]:
    """The budget in US dollars."""
    for at in range(len(text)):
        if not text.free(at):
            continue
        if text.key(at) in ("for", "at", "spend", "no") and text.key(at + 1) in ("free", "nothing", "cost"):
            if text.key(at) + text.key(at + 1) in ("forfree", "spendnothing", "nocost", "atnocost", "fornothing"):
                yield reads(text, "budget_usd", 0, at, at + 2)
            continue
        amount = money(text, at)
        bare = None
        if amount is None and text.key(at) in ("budget", "budgetusd", "spend", "cap"):
            figure = text.skip(at + 1, LINKS, 4)
            bare = None if money(text, figure) else number(text, figure)
            if (
                bare is None
                or text.phrase(bare.end, UNITS)
                or (text.key(at) != "budget" and text.key(at) != "budgetusd")
            ):
                continue
        amount = amount or bare
        if amount is None:
            continue
        first, end = _widen(text, at, _SPENDING | _AT_MOST), amount.end
        if text.key(first) in ("most", "max", "maximum") and text.key(first - 1) in ("at", "to"):
            first -= 1
        spends = any(text.key(back) in _SPENDING for back in range(first, at))
        if text.key(end) in ("/hour", "/hr", "/h") or (
            text.key(end) in ("per", "an", "a", "/") and text.key(end + 1) in ("hour", "hr", "h")
        ):
            yield doubt(
                text, "budget_usd", at, min(end + 2, len(text)), "is a price an hour: how much may the whole run cost?"
            )
        elif amount.currency == "other":
            yield doubt(text, "budget_usd", at, end, "is not in US dollars: how many dollars at most?")
        elif _is_least(text, at):
            yield doubt(text, "budget_usd", first, end, "gives a lower bound: how many dollars at most?")
        elif _range_end(text, end):
            second = money(text, end + 1) or number(text, end + 1)
            yield doubt(
                text, "budget_usd", first, second.end if second else end, "names two amounts: how many dollars at most?"
            )
        elif not spends and bare is None and not _stands_alone(text, first, end):
            yield doubt(
                text, "budget_usd", first, end, "may be the budget or something else: how much may it cost?", weak=True
            )
        else:
            yield reads(text, "budget_usd", amount.exact, first, end)


def _range_end(text: Text, end: int) -> bool:
    return text.key(end) in RANGE - {"and"} and text.free(end) and (money(text, end + 1) is not None)


def time_limit(text: Text) -> Iterator[Read]:
    """The longest a run may take, in seconds."""
    for at in range(len(text)):
        amount = duration(text, at)
        if amount is None:
            if text.key(at) == "overnight" and text.free(at):
                yield doubt(text, "time_limit_s", at, at + 1, "is no number of hours: how long may it take?")
            continue
        if text.key(amount.end) in ("ago", "old") or text.key(at - 1) in ("every", "per", "last"):
            continue
        if any(text.taken[index] for index in range(at, amount.end)):
            continue
        first = _widen(text, at, _LIMITS)
        if _is_least(text, at):
            yield doubt(text, "time_limit_s", first, amount.end, "gives a lower bound: how long may it take at most?")
        elif text.key(at - 1) in RANGE and number_that_ends(text, at - 1) is not None:
            low = number_that_ends(text, at - 1) or at
            yield doubt(text, "time_limit_s", low, amount.end, "names two times: which one?")
        elif first == at and text.key(amount.end) != "limit" and not _stands_alone(text, first, amount.end):
            why = "may be the time limit or something else: how long may it take?"
            yield doubt(text, "time_limit_s", first, amount.end, why, weak=True)
        else:
            end = amount.end + (text.key(amount.end) in ("max", "maximum", "limit", "tops"))
            yield reads(text, "time_limit_s", amount.exact, first, end)


def _is_least(text: Text, at: int) -> bool:
    """Whether the words before set a lower bound; "no more than" and "do not exceed" set an upper one."""
    over = False
    for back in text.before(at, 9):
        if text.key(back) in NEGATORS:
            return False
        over = over or text.key(back) in _OVER - {"over"}
        if text.key(back) in (",", "and", "then"):
            break
    return over and not any(text.key(back) in ("exceed", "exceeding") for back in text.before(at, 2))


def _widen(text: Text, at: int, cues: frozenset[str]) -> int:
    """The start of the phrase that an amount stands in: "stop after 2 hours", "budget of at most $4"."""
    first = at
    for back in text.before(at, 9):
        if not text.free(back):
            break
        key = text.key(back)
        if key in cues or key in NEGATORS or key in _OVER:
            first = back
        elif key not in LINKS and key not in _PASSED:
            break
    return first
