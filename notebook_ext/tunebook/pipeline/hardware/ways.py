"""The ways in which a training runs on a rented machine: memory and seconds a step of each, and the fastest that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tunebook.pipeline.hardware.cards import Card
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import (
    BETWEEN_BYTES_S,
    PASSES_BETWEEN_CARDS,
    Passes,
    Shape,
    optimizer_seconds,
    pass_seconds,
    reached,
)
from tunebook.pipeline.hardware.memory_law import GIB, MemoryLaw, peak
from tunebook.pipeline.hardware.memory_law import band as memory_band
from tunebook.pipeline.hardware.options import Picked

MOST_BATCH = 64
#: Bytes a second between RAM and a card, and in RAM while the optimizer's step is taken there.
CARD_LINK = 12e9
RAM_BYTES_S = 40e9
#: Of a machine's RAM, what weights may take there.
RAM_SHARE = 0.8
SHARED = {"weights", "adapter", "gradients", "optimizer"}

Laws = Mapping[tuple[str, bool], MemoryLaw]  # by tuning and checkpointing


class Way(NamedTuple):
    """A way to run on a machine: what was picked, and its seconds a step."""

    picked: Picked
    law: MemoryLaw
    memory: tuple[float, float]
    step_s: float
    fits: bool


def uneven(batch: int, cards: int, device_batch: int | None) -> str:
    """Why a machine cannot take just this batch, as a clause; "" where it can."""
    if batch % cards:
        return f"its {cards} cards cannot share a batch of {batch:,} rows evenly"
    if device_batch is not None and batch // cards % device_batch:
        where = "" if cards == 1 else f" on each of its {cards} cards"
        return f"a batch of {batch:,} rows cannot be taken {device_batch:,} at once{where}"
    return ""


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

    `device_batch` are the rows that the user wants on a card at once. The batch is one that is not `uneven`.
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
    each = batch // cards
    if asked is not None:
        yield asked
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
    accumulation = shape.batch // (rows * cards)
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
