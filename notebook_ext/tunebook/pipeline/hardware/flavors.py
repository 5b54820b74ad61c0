"""Machine types with a price, read from entries of the Hub's hardware list, whatever shape those are in.

Nothing is guessed: what is not understood is None, and where that matters the machine type says why it is not used. An
entry looks like `huggingface_hub.JobHardwareInfo` before it is parsed (which itself raises KeyError at the first missing
field, so one odd entry would take the list with it):

    {"name": "a10g-large", "prettyName": "Nvidia A10G - large", "cpu": "12 vCPU", "ram": "46 GB",
     "ephemeralStorage": "200 GB", "unitCostMicroUSD": 25000, "unitCostUSD": 0.025, "unitLabel": "minute",
     "accelerator": {"type": "gpu", "model": "A10G", "quantity": "1", "vram": "24 GB", "manufacturer": "Nvidia"}}
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from tunebook.pipeline.hardware.cards import card_of

BACKEND = "hf-jobs"
#: Of a card that is not known here: GiB a process can count on for each GB it is sold with. The least of the known is 0.906.
USABLE_SHARE = 0.9
#: What the Hub may charge by. Another word ("job", "day", "credit") is not understood, and then there is no price.
UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_BYTES = {"mb": 10**6, "gb": 10**9, "tb": 10**12, "mib": 2**20, "gib": 2**30, "tib": 2**40}


class Flavor(BaseModel):
    """One machine type. A price of None means that none is understood, and `unsupported` says why."""

    backend: str
    name: str
    title: str
    vcpus: int | None
    ram_gib: float | None
    disk_gib: float | None
    kind: Literal["CPU", "GPU", "TPU", "other"]
    card: str  # the model's name, "" for a CPU; `card_of(card, card_gib)` knows more of it, or not
    cards: int
    card_gib: float | None  # GiB of one card that a process can count on; None where it is not known
    usd_per_hour: float | None  # for the whole machine
    unit_s: int | None = None  # what it is charged by, in seconds: a begun unit costs a whole one
    unsupported: str = ""  # why the training script cannot use it: a clause; "" where it can

    def usd_for(self, seconds: float) -> float | None:
        """US dollars for that long, begun units counted whole; None where the price is not known."""
        if self.usd_per_hour is None or self.unit_s is None:
            return None
        return math.ceil(max(0.0, seconds) / self.unit_s) * self.usd_per_hour * self.unit_s / 3600


class Price(NamedTuple):
    usd_per_hour: float | None
    unit_s: int | None
    problem: str  # a clause, "" where the price is understood


def flavors_of(entries: Iterable[Any]) -> tuple[list[Flavor], int]:
    """The machine types that can be read, and how many entries could not. A name that is listed twice has no price."""
    found: dict[str, Flavor] = {}
    left_out = 0
    for entry in entries:
        flavor = flavor_of(entry)
        if flavor is None:
            left_out += 1
        elif flavor.name in found:
            twice = {"usd_per_hour": None, "unit_s": None, "unsupported": _unspent("the Hub lists it twice")}
            found[flavor.name] = found[flavor.name].model_copy(update=twice)
        else:
            found[flavor.name] = flavor
    return list(found.values()), left_out


def flavor_of(entry: Any) -> Flavor | None:
    """The machine type that an entry describes; None where it has no name that a job could be given."""
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        return None
    accelerator = entry.get("accelerator") or {}
    told = accelerator if isinstance(accelerator, dict) else {"model": accelerator}
    kind = _kind(name, told)
    cards = 0 if kind == "CPU" else _count(told.get("quantity"))
    each_gb = _bytes(told.get("vram")) / 1e9 / cards if cards else 0.0  # the Hub tells the memory of all cards together
    model = shown(told.get("model") or told.get("type")) if told else ""
    card = card_of(model, each_gb or None) if kind == "GPU" else None
    price = price_of(entry, paid=kind != "CPU")
    unsupported = _unusable(kind, told, known=card is not None, cards=cards, gb=each_gb)
    return Flavor(
        backend=BACKEND,
        name=name,
        title=shown(entry["prettyName"]) if entry.get("prettyName") else name,
        vcpus=_count(entry.get("cpu")) or None,
        ram_gib=_gib(entry.get("ram")),
        disk_gib=_gib(entry.get("ephemeralStorage")),
        kind=kind,
        card=card.name if card else model,
        cards=cards,
        card_gib=card.usable_gib if card else round(each_gb * USABLE_SHARE, 2) or None,
        usd_per_hour=price.usd_per_hour,
        unit_s=price.unit_s,
        unsupported=unsupported or (_unspent(price.problem) if price.problem else ""),
    )


def price_of(entry: dict[str, Any], *, paid: bool = True) -> Price:
    """What an entry costs, if all of it is understood: the amount, its currency and the time it is for.

    The Hub tells the amount twice (`unitCostUSD`, `unitCostMicroUSD`); one is enough, two that differ are none. Nothing
    is a price for a CPU only (the Hub used to give its smallest away): where it is `paid`, it is a price that is missing.
    """
    currency, unit = entry.get("currency") or "USD", entry.get("unitLabel")
    amounts = [(entry.get("unitCostUSD"), 1.0), (entry.get("unitCostMicroUSD"), 1e-6)]
    said = [(amount, scale) for amount, scale in amounts if amount is not None]
    if not said:
        return _no_price("the Hub tells no price in US dollars for it")
    if strange := [amount for amount, _ in said if not _is_amount(amount)]:
        return _no_price(f"its price is {shown(strange[0])!r}, which is not understood")
    if currency != "USD":
        return _no_price(f"its price is in {shown(currency)!r}, not in US dollars")
    if not unit:
        return _no_price("the Hub does not say what time its price is for")
    if not isinstance(unit, str) or unit.lower() not in UNIT_SECONDS:
        return _no_price(f"its price is for each {shown(unit)!r}, which is not understood")
    usd = [amount * scale for amount, scale in said]
    if max(usd) - min(usd) > 1.5e-6:  # each may be rounded to a millionth
        return _no_price(f"the Hub tells two prices for it, ${min(usd):g} and ${max(usd):g} a {unit.lower()}")
    if paid and max(usd) == 0:
        return _no_price("the Hub lists it at no price")
    seconds = UNIT_SECONDS[unit.lower()]
    return Price(round(max(usd) * 3600 / seconds, 6), seconds, "")


def shown(value: Any) -> str:
    """What others wrote, short and without characters that a terminal would obey."""
    text = "".join(letter if letter.isprintable() else "?" for letter in str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(name: str, told: dict[str, Any]) -> Literal["CPU", "GPU", "TPU", "other"]:
    if not told:
        return "CPU"
    words = " ".join([name, *(str(told.get(key, "")) for key in ("type", "model", "manufacturer"))]).lower()
    if re.search(r"\btpu|\bv\de\b|\bgoogle\b", words):
        return "TPU"
    is_gpu = str(told.get("type", "")).lower() == "gpu" or card_of(str(told.get("model"))) is not None
    return "GPU" if is_gpu else "other"


def _unusable(kind: str, told: dict[str, Any], *, known: bool, cards: int, gb: float) -> str:
    """Why the training script cannot use it, its price aside."""
    if kind == "TPU":
        return "the training script does not run on TPUs"
    if kind == "CPU":
        return ""
    maker = str(told.get("manufacturer") or "")
    if kind == "other" or (not known and maker.lower() not in ("", "nvidia")):
        has = f"{maker} {told.get('model') or told.get('type') or ''}".strip()
        return f"the training script needs an NVIDIA GPU, and this has {shown(has or 'another accelerator')}"
    if not cards:
        return "the Hub does not say how many cards it has"
    return "" if known or gb else "the Hub does not say how much memory its card has"


def _unspent(problem: str) -> str:
    return f"{problem}, so nothing is spent on it"


def _no_price(problem: str) -> Price:
    return Price(None, None, problem)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12  # which NaN is not


def _count(value: Any) -> int:
    """8 of "8 vCPU", "8" or 8; 0 where it is no such number."""
    found = re.fullmatch(r"\s*(\d{1,5})(?:\s*v?cpus?|\s*cores?)?\s*", str(value), re.IGNORECASE)
    return int(found[1]) if found else 0


def _bytes(value: Any) -> float:
    """Bytes of "16 GB"; 0 where it is no size with a unit."""
    found = re.fullmatch(r"\s*(\d{1,7}(?:\.\d+)?)\s*([mgt]i?b)\s*", str(value), re.IGNORECASE)
    return float(found[1]) * _BYTES[found[2].lower()] if found else 0.0


def _gib(value: Any) -> float | None:
    return round(_bytes(value) / 2**30, 2) or None
