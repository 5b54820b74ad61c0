"""The options of machines that are rented: what fits each, with the batch and checkpointing that make it fastest there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tunebook.pipeline.hardware.cards import Card, card_of
from tunebook.pipeline.hardware.catalogue import Catalogue
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import Learned, Lesson, Shape, band, learn, passes, reached, together
from tunebook.pipeline.hardware.local import duration
from tunebook.pipeline.hardware.memory_law import GIB, MemoryLaw
from tunebook.pipeline.hardware.options import Band, Memory, Option, needed, there_is
from tunebook.pipeline.hardware.ways import Laws, Way, best_way, uneven

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
#: What the evaluation and the export need beside the weights themselves, as a factor.
LATER_ROOM = 1.1
#: A timeout above the P90, so that a slow run is not thrown away near its end; and the minutes that nothing measures.
TIMEOUT_ROOM = 1.25
TIMEOUT_LEAST_S = 900
#: Spreads that the script is not started with. DDP and FSDP it starts itself, by `accelerate launch`.
UNSTARTED = {"offload": "weights cannot wait in RAM yet"}
SPLIT_GENERATION = "answers cannot be generated yet by a model that is split over cards"


class Work(NamedTuple):
    """A training and what comes after it."""

    shape: Shape
    checkpoints: int
    heldout_tokens: float  # read for held-out losses while it trains, in all
    answers: int  # that the evaluation asks for, in all
    answer_tokens: float  # of each, prompt and answer
    generated_tokens: float  # of them, those that are generated
    tried: int = 0  # answers that each step generates and learns from (GRPO)
    tried_tokens: int = 0  # that each of them may have


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
        if shared := uneven(work.shape.batch, flavor.cards, device_batch):
            return option.model_copy(update={"why": flavor.unsupported or shared})
        way = best_way(flavor, card, tuning, laws, work.shape, mean, device_batch)
        option = _sized(option, way, flavor)
        short = flavor.unsupported or _memory_short(way, flavor) or _disk_short(flavor, way.law, work)
        if short:
            return option.model_copy(update={"why": short})
        unstarted = UNSTARTED.get(way.picked.spread, "") or _later_short(flavor, card, way.law, work)
        if work.tried:
            unstarted = unstarted or (SPLIT_GENERATION if way.picked.spread == "FSDP" else "")
            way = way._replace(step_s=way.step_s + _generation_s(way, card, flavor, work, tuning))
        option = option.model_copy(update={"unstarted": unstarted, "blocked": option.blocked or unstarted})
        learned = learn(lessons, card.name)
        train = band(work.shape.steps * way.step_s * learned.factor, learned.spread)
        parts = {"train": train} | beside_training(way.law, way.picked.precision, card, flavor, work, tuning, learned)
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
    available = round(flavor.card_gib or 0.0, 2)
    memory = Memory(low=round(low, 2), high=round(high, 2), available=available, kind="GPU", source=source)
    return option.model_copy(update={"memory": memory, "picked": way.picked})


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
            "detail": detail(parts, learned.source(), way.picked.spread),
            "why": _trade(option.tuning, way, work.shape.rank),
        }
    )


def beside_training(
    law: MemoryLaw, precision: str, card: Card, flavor: Flavor, work: Work, tuning: str, learned: Learned
) -> dict[str, Band]:
    """Seconds of the parts of a run that are no training steps: start, held-out loss, checkpoints, evaluation, export."""
    factor, spread = learned.factor, learned.spread
    trainable = law.trainable[0] + law.trainable[1] * work.shape.rank
    weights = 2 * law.parameters
    speed = reached(tuning, precision, card.tflops)
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
        "held-out loss": band(work.heldout_tokens * forward * factor, spread),
        "checkpoints": Band(p50=saved / DISK[0], p90=saved / DISK[1]),
        "evaluate": band((generate + prefill) * factor, max(2.0, spread)) if work.answers else Band(p50=0, p90=0),
        "export": band(export, 2.0),
    }


def _generation_s(way: Way, card: Card, flavor: Flavor, work: Work, tuning: str) -> float:
    """Seconds in which a step's answers are generated: each token reads all weights once, and computes with them."""
    each = work.tried / flavor.cards
    read = 2 * way.law.parameters / (card.bandwidth_gb_s * 1e9 * GENERATION_SHARE)
    computed = each * 2.0 * way.law.parameters / reached(tuning, way.picked.precision, card.tflops)
    return work.tried_tokens * max(read, way.law.calls / 3 * 1e-5, computed)


def timeout_s(total: Band, time_limit_s: int | None, flavor: Flavor, budget_usd: float | None) -> int:
    """Whole minutes above the P90: what ends the job, and what its price is reserved for.

    It is shorter where the user's limit is, and where the budget pays for less than that but for more than the P90.
    """
    seconds = max(TIMEOUT_LEAST_S, math.ceil(total.p90 * TIMEOUT_ROOM / 60) * 60)
    if budget_usd is not None and flavor.usd_per_hour:
        unit = max(60, flavor.unit_s or 60)
        paid = int(budget_usd / flavor.usd_per_hour * 3600 / unit) * unit
        seconds = paid if total.p90 <= paid < seconds else seconds
    return min(seconds, time_limit_s) if time_limit_s else seconds


def detail(parts: dict[str, Band], source: str, spread: str) -> str:
    """What the time is made of, and how sure it is."""
    said = ", ".join(f"{name} {duration(one.p50)}" for name, one in parts.items() if one.p50 >= 1)
    formula = f"; memory and time of {spread} are by formula" if spread else ""
    return f"{said}; the share of the card's speed is {source}{formula}"


def _trade(tuning: str, way: Way, rank: int) -> str:
    trained = way.law.trainable[0] + way.law.trainable[1] * rank
    if tuning == "full":
        return "trains all weights"
    base = "4-bit weights" if tuning == "qlora" else "16-bit weights"
    return f"trains {_count(trained)} weights beside {_count(way.law.parameters)} frozen ones ({base})"


def _memory_short(way: Way, flavor: Flavor) -> str:
    if way.fits:
        return ""
    return f"needs up to {needed(way.memory[1])} GiB, a card has {there_is(flavor.card_gib or 0.0)} GiB"


def _disk_short(flavor: Flavor, law: MemoryLaw, work: Work) -> str:
    """Why its disk is too small, as the memory's; "" where it is not, or is not known."""
    if flavor.disk_gib is None:
        return ""
    trainable = law.trainable[0] + law.trainable[1] * work.shape.rank
    need = (2 * law.parameters + work.checkpoints * 12 * trainable + 7 * law.parameters) / GIB
    if need <= flavor.disk_gib:
        return ""
    return f"needs {needed(need)} GiB of disk, it has {there_is(flavor.disk_gib)} GiB"


def _later_short(flavor: Flavor, card: Card, law: MemoryLaw, work: Work) -> str:
    """What of the stages after the training the machine is too small for, as a clause; "" where it is not.

    They hold all weights at once: the evaluation on the card, in float32 where it computes no bf16, the export in RAM.
    """
    weights = law.parameters / GIB * LATER_ROOM
    need, has = weights * (2 if card.bf16 else 4) + law.context_gib, flavor.card_gib or 0.0
    if work.answers and need > has:
        return f"the evaluation loads all weights, which needs up to {needed(need)} GiB, and a card has {there_is(has)} GiB"
    if flavor.ram_gib is not None and 2 * weights > flavor.ram_gib:
        room = there_is(flavor.ram_gib)
        return f"the export merges in RAM, which needs up to {needed(2 * weights)} GiB, and it has {room} GiB"
    return ""


def _cents(usd: float) -> float:
    """Up to the next hundredth of a cent: a price is never printed below what it is."""
    return math.ceil(round(usd * 1e4, 3)) / 1e4


def _count(number: float) -> str:
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(round(number))
