"""The options of machines that are rented: what fits each, with the batch and checkpointing that make it fastest there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tunebook.pipeline.hardware.cards import Card, card_of
from tunebook.pipeline.hardware.catalogue import Catalogue
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import (
    BETWEEN_BYTES_S,
    PASSES_BETWEEN_CARDS,
    Learned,
    Lesson,
    Passes,
    Shape,
    band,
    learn,
    optimizer_seconds,
    pass_seconds,
    passes,
    reached,
    together,
)
from tunebook.pipeline.hardware.local import duration
from tunebook.pipeline.hardware.memory_law import GIB, MemoryLaw, peak
from tunebook.pipeline.hardware.memory_law import band as memory_band
from tunebook.pipeline.hardware.options import Band, Memory, Option, Picked

#: Seconds from the submit to the first line of the script: a machine is found, the image pulled, packages installed.
START = Band(p50=150.0, p90=420.0)
#: Bytes a second at which weights come from the Hub, and are read and written on the machine's disk.
DOWNLOAD = (150e6, 50e6)
DISK = (800e6, 250e6)
#: Seconds a million weights take from a checkpoint to a certified Q4_K_M file on 8 cores.
EXPORT_S_A_MILLION = 0.06
#: Answers are generated token by token: each reads all weights once for a batch of so many rows.
ANSWERS_AT_ONCE = 16
#: The share of a card's memory bandwidth that generation reaches.
GENERATION_SHARE = 0.3
#: A timeout above the P90, so that a slow run is not thrown away near its end; and the minutes that nothing measures.
TIMEOUT_ROOM = 1.25
TIMEOUT_LEAST_S = 900
MOST_BATCH = 64
#: What the script is not started with yet.
UNSTARTED = {
    "DDP": "several cards need `accelerate launch`, which the script is not started with yet",
    "FSDP": "several cards need `accelerate launch`, which the script is not started with yet",
    "offload": "weights in RAM need `accelerate launch`, which the script is not started with yet",
}
#: Bytes a second between RAM and a card, and in RAM while the optimizer's step is taken there.
CARD_LINK = 12e9
RAM_BYTES_S = 40e9
#: Of a machine's RAM, what weights may take there.
RAM_SHARE = 0.8


class Work(NamedTuple):
    """A training and what comes after it."""

    shape: Shape
    checkpoints: int
    heldout_tokens: float  # read for held-out losses while it trains, in all
    answers: int  # that the evaluation asks for, in all
    answer_tokens: float  # of each, prompt and answer
    generated_tokens: float  # of them, those that are generated


class Way(NamedTuple):
    """A way to run on a machine: what was picked, and its seconds a step."""

    picked: Picked
    law: MemoryLaw
    memory: tuple[float, float]
    step_s: float
    fits: bool


Laws = Mapping[tuple[str, bool], MemoryLaw]  # by tuning and checkpointing


def rented_options(
    catalogue: Catalogue,
    laws: Laws,
    work: Work,
    *,
    now: float,
    lessons: Sequence[Lesson] = (),
    tunings: Sequence[str] = ("lora", "qlora", "full"),
    device_batch: int | None = None,
    time_limit_s: int | None = None,
    budget_usd: float | None = None,
    blocked: Callable[[Flavor], str] = lambda _: "",
) -> list[Option]:
    """An option for each machine of the catalogue and each tuning that there is a law for; in the catalogue's order.

    Machines without a GPU are left out: they are listed for inspections, and no training ends on them in useful time.
    `blocked` says why a machine cannot be started from here.
    """
    stale = "" if catalogue.spendable(now) else "its price is not of this hour, so nothing is spent on it"
    mean = lru_cache(None)(lambda rows: passes(work.shape.lengths, rows))  # drawn once for all machines

    def option_of(flavor: Flavor, tuning: str) -> Option:
        option = _unsized(flavor, tuning, blocked(flavor) or stale)
        card = card_of(flavor.card, flavor.card_gib)
        if card is None or flavor.card_gib is None:
            return option.model_copy(
                update={"why": flavor.unsupported or f"its card, {flavor.card}, is not known here"}
            )
        way = best_way(flavor, card, tuning, laws, work.shape, mean, device_batch)
        option = _sized(option, way, flavor)
        short = flavor.unsupported or _memory_short(way, flavor) or _disk_short(flavor, way.law, work)
        if short:
            return option.model_copy(update={"why": short})
        learned = learn(lessons, card.name)
        parts = parts_of(way, card, flavor, work, tuning, learned.factor, learned.spread)
        return _priced(option, way, flavor, work, parts, learned, time_limit_s, budget_usd)

    return [
        option_of(flavor, tuning)
        for flavor in catalogue.flavors
        if flavor.kind != "CPU"
        for tuning in tunings
        if (tuning, True) in laws
    ]


def _unsized(flavor: Flavor, tuning: str, blocked: str) -> Option:
    return Option(
        backend=flavor.backend,
        flavor=flavor.name,
        tuning=tuning,
        fits=False,
        memory=None,
        hours=None,
        usd=None,
        max_usd=None,
        why="",
        card=flavor.card,
        usd_per_hour=flavor.usd_per_hour,
        blocked=blocked,
    )


def _sized(option: Option, way: Way, flavor: Flavor) -> Option:
    low, high = way.memory
    source = "forecast from the model's real training step, run without weights"
    if way.picked.spread in ("FSDP", "offload"):
        source += f"; {way.picked.spread} by formula"
    available = round(flavor.card_gib or 0.0, 2)
    memory = Memory(low=round(low, 2), high=round(high, 2), available=available, kind="GPU", source=source)
    unstarted = UNSTARTED.get(way.picked.spread, "")
    blocked = option.blocked or unstarted
    return option.model_copy(
        update={"memory": memory, "picked": way.picked, "unstarted": unstarted, "blocked": blocked}
    )


def _priced(
    option: Option,
    way: Way,
    flavor: Flavor,
    work: Work,
    parts: dict[str, Band],
    learned: Learned,
    time_limit_s: int | None,
    budget_usd: float | None,
) -> Option:
    total = together(list(parts.values()))
    timeout = timeout_s(total, time_limit_s, flavor, budget_usd)
    half, most, whole = (flavor.usd_for(seconds) for seconds in (total.p50, total.p90, timeout))
    priced = half is not None and most is not None and whole is not None
    return option.model_copy(
        update={
            "fits": True,
            "hours": Band(p50=round(total.p50 / 3600, 5), p90=round(total.p90 / 3600, 5)),
            "usd": Band(p50=_cents(half or 0.0), p90=_cents(most or 0.0)) if priced else None,
            "max_usd": _cents(whole or 0.0) if priced else None,
            "timeout_s": timeout,
            "step_seconds": band(way.step_s * learned.factor, learned.spread),
            "unlearned_step_s": way.step_s,
            "detail": detail(parts, learned.source()),
            "why": _trade(option.tuning, way, work.shape.rank),
        }
    )


def best_way(
    flavor: Flavor,
    card: Card,
    tuning: str,
    laws: Laws,
    shape: Shape,
    mean: Callable[[int], Passes],
    device_batch: int | None = None,
) -> Way:
    """The fastest way that fits, and where none does the one that needs the least memory.

    `device_batch` are the rows that the user wants on a card at once.
    """
    precision = "bf16" if card.bf16 else "fp16"

    def ways(spreads: Sequence[str]) -> list[Way]:
        return [
            _way(flavor, card, tuning, law, checkpointing, precision, shape, mean, rows, spread)
            for checkpointing in (False, True)
            if (law := laws.get((tuning, checkpointing))) is not None
            for rows in _batches(shape.batch, flavor.cards, device_batch)
            for spread in spreads
        ]

    tried = ways(("DDP",) if flavor.cards > 1 else ("",))
    if not any(way.fits for way in tried) and tuning != "qlora":  # 4-bit weights are not shared out
        tried += ways(("FSDP",) if flavor.cards > 1 else ("offload",))
    fitting = [way for way in tried if way.fits]
    if fitting:
        return min(fitting, key=lambda way: way.step_s)
    return min((way for way in tried if way.picked.spread != "offload"), key=lambda way: way.memory[1])


def _batches(batch: int, cards: int, asked: int | None) -> Iterator[int]:
    """Rows on a card at once that divide the effective batch evenly over passes and cards."""
    each = max(1, batch // cards)
    if asked is not None:
        yield max(1, min(asked, each))
        return
    for rows in range(1, min(each, MOST_BATCH) + 1):
        if each % rows == 0:
            yield rows


def _way(
    flavor: Flavor,
    card: Card,
    tuning: str,
    law: MemoryLaw,
    checkpointing: bool,
    precision: str,
    shape: Shape,
    mean: Callable[[int], Passes],
    rows: int,
    spread: str,
) -> Way:
    cards = flavor.cards
    accumulation = max(1, math.ceil(shape.batch / (rows * cards)))
    low, high = on_card(law, rows, shape.longest, shape.rank, cards, spread)
    if spread == "DDP":  # gradients are gathered in buckets of their own
        buckets = 4 * (law.trainable[0] + law.trainable[1] * shape.rank) / GIB
        low, high = low + buckets, high + buckets * law.reserve[1]
    four_bit = tuning == "qlora"
    one = pass_seconds(law, mean(rows), shape.rank, reached(tuning, precision, card.tflops), four_bit=four_bit)
    moved = _moved(law, tuning, shape.rank, spread)
    fast = 10 if card.capability in ((8, 0), (9, 0), (10, 0)) else 1  # these cards come with NVLink
    between = moved / (CARD_LINK if spread == "offload" else BETWEEN_BYTES_S * fast)
    step = accumulation * (one + (between if spread in ("FSDP", "offload") else 0.0)) + (
        between if spread == "DDP" else 0.0
    )
    bandwidth = RAM_BYTES_S if spread == "offload" else card.bandwidth_gb_s * 1e9 * 0.7
    step += optimizer_seconds(law, shape.rank, bandwidth) / (cards if spread == "FSDP" else 1)
    picked = Picked(
        device_batch=rows,
        accumulation=accumulation,
        checkpointing=checkpointing,
        precision=precision,
        cards=cards,
        spread=spread,
    )
    available = flavor.card_gib or card.usable_gib
    kept = _in_ram(law, rows, shape) if spread == "offload" else 0.0
    fits = high <= available and (not kept or kept <= RAM_SHARE * (flavor.ram_gib or 0.0))
    return Way(picked, law, (low, high), step, fits)


SHARED = {"weights", "adapter", "gradients", "optimizer"}


def on_card(law: MemoryLaw, rows: int, context: int, rank: int, cards: int, spread: str) -> tuple[float, float]:
    """GiB on one card, from low to high. FSDP shares weights, gradients and the optimizer over the cards; with offload
    they wait in RAM. Then two layers at a time are on the card whole.
    """
    found = peak(law, rows=rows, context=context, rank=rank)
    if spread not in ("FSDP", "offload"):
        return memory_band(law, found.bytes)
    share = 1 / cards if spread == "FSDP" else 0.0
    bytes = sum(size * share if name in SHARED else size for name, size in found.parts) + 2 * law.layer_bytes
    low, high = memory_band(law, bytes)
    return low, high * 1.1  # by formula


def _in_ram(law: MemoryLaw, rows: int, shape: Shape) -> float:
    """GiB that wait in RAM with offload."""
    found = peak(law, rows=rows, context=shape.longest, rank=shape.rank)
    return sum(size for name, size in found.parts if name in SHARED) / GIB


def _moved(law: MemoryLaw, tuning: str, rank: int, spread: str) -> float:
    """Bytes that pass between cards: the gradients in a step (DDP), or the weights of every layer in a pass (FSDP)."""
    trainable = law.trainable[0] + law.trainable[1] * rank
    if spread == "DDP":
        return 2 * 4 * trainable
    return PASSES_BETWEEN_CARDS * 2 * (law.parameters + (trainable if tuning == "full" else 0)) if spread else 0.0


def parts_of(
    way: Way, card: Card, flavor: Flavor, work: Work, tuning: str, factor: float, spread: float
) -> dict[str, Band]:
    """Seconds of each part of a run: start, train, held-out loss, checkpoints, evaluation, export."""
    law, shape = way.law, work.shape
    assert law.flops is not None
    trainable = law.trainable[0] + law.trainable[1] * shape.rank
    weights = 2 * law.parameters
    speed = reached(tuning, way.picked.precision, card.tflops)
    forward = (2.0 * law.parameters) / speed  # seconds a token
    saved = work.checkpoints * 12 * trainable
    read = card.bandwidth_gb_s * 1e9 * GENERATION_SHARE
    generate = work.answers * work.generated_tokens / ANSWERS_AT_ONCE * max(weights / read, law.calls / 3 * 1e-5)
    prefill = work.answers * work.answer_tokens * forward
    cores = max(1, flavor.vcpus or 8)
    export = law.parameters / 1e6 * EXPORT_S_A_MILLION * max(0.5, 8 / cores) + 60
    fetched = Band(p50=weights / DOWNLOAD[0], p90=weights / DOWNLOAD[1])
    return {
        "start": together([START, fetched]),
        "train": band(shape.steps * way.step_s * factor, spread),
        "held-out loss": band(work.heldout_tokens * forward * factor, spread),
        "checkpoints": Band(p50=saved / DISK[0], p90=saved / DISK[1]),
        "evaluate": band((generate + prefill) * factor, max(2.0, spread)) if work.answers else Band(p50=0, p90=0),
        "export": band(export, 2.0),
    }


def timeout_s(total: Band, time_limit_s: int | None, flavor: Flavor, budget_usd: float | None) -> int:
    """Whole minutes above the P90: what ends the job, and what its price is reserved for.

    It is shorter where the user's limit is, and where the budget pays for less than that but for more than the P90.
    """
    seconds = max(TIMEOUT_LEAST_S, math.ceil(total.p90 * TIMEOUT_ROOM / 60) * 60)
    if budget_usd is not None and flavor.usd_per_hour:
        paid = int(budget_usd / flavor.usd_per_hour * 60) * 60
        seconds = paid if total.p90 <= paid < seconds else seconds
    return min(seconds, time_limit_s) if time_limit_s else seconds


def detail(parts: dict[str, Band], source: str) -> str:
    said = ", ".join(f"{name} {duration(one.p50)}" for name, one in parts.items() if one.p50 >= 1)
    return f"{said}; the share of the card's speed is {source}"


def _trade(tuning: str, way: Way, rank: int) -> str:
    trained = way.law.trainable[0] + way.law.trainable[1] * rank
    if tuning == "full":
        return "trains all weights"
    base = "4-bit weights" if tuning == "qlora" else "16-bit weights"
    return f"trains {_count(trained)} weights beside {_count(way.law.parameters)} frozen ones ({base})"


def _memory_short(way: Way, flavor: Flavor) -> str:
    return "" if way.fits else f"needs up to {way.memory[1]:.1f} GiB, a card has {flavor.card_gib:.1f} GiB"


def _disk_short(flavor: Flavor, law: MemoryLaw, work: Work) -> str:
    """Why its disk is too small, as the memory's; "" where it is not, or is not known."""
    if flavor.disk_gib is None:
        return ""
    trainable = law.trainable[0] + law.trainable[1] * work.shape.rank
    need = (2 * law.parameters + work.checkpoints * 12 * trainable + 7 * law.parameters) / GIB
    return "" if need <= flavor.disk_gib else f"needs {need:.0f} GiB of disk, it has {flavor.disk_gib:.0f} GiB"


def _cents(usd: float) -> float:
    """Up to the next hundredth of a cent: a price is never printed below what it is."""
    return math.ceil(round(usd * 1e4, 3)) / 1e4


def _count(number: float) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(round(number))
