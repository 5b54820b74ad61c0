"""What the sliders of the picker need: laws of memory, prices and paces, so that the browser answers by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from tunebook.pipeline.hardware.cards import Card, card_of
from tunebook.pipeline.hardware.catalogue import Catalogue
from tunebook.pipeline.hardware.flavors import Flavor
from tunebook.pipeline.hardware.forecast import Lesson, Passes, Shape, learn, pass_seconds, passes, reached, together
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.options import Band, Option
from tunebook.pipeline.hardware.rented import Work, beside_training
from tunebook.pipeline.hardware.ways import Laws

CONTEXTS = (128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 65536, 131072)
ROWS = (1, 2, 4, 8, 16, 32, 64)
RANKS = (4, 8, 16, 32, 64, 128, 256)


class Slider(BaseModel):
    value: int
    steps: list[int]


class TokensAt(BaseModel):
    context: int
    tokens: int


class ExploredWay(BaseModel):
    """A tuning on a machine. A token takes `token_s` seconds times (1 + per_rank * rank)."""

    tuning: str
    law: str
    checkpointing: bool
    fixed_s: Band
    token_s: Band
    per_rank: float


class ExploreMachine(BaseModel):
    backend: str
    flavor: str
    gib: float
    usd_per_hour: float
    ways: list[ExploredWay]


class Explore(BaseModel):
    context: Slider
    batch: Slider
    rank: Slider | None
    tokens: list[TokensAt]
    laws: dict[str, MemoryLaw]
    machines: list[ExploreMachine]


def explore(
    prices: Catalogue,
    laws: Laws,
    work: Work,
    options: Sequence[Option],
    lessons: Sequence[Lesson],
    *,
    lengths: Sequence[int],
    context: int,
    chosen: Option | None,
    limit: int | None,
) -> Explore | None:
    """None without a machine with one card whose memory and price are known.

    `lengths` are the rows before they are cut at `context`, `limit` is the model's own. Machines with several cards are
    left to the table: how they share a model is no closed form.
    """
    shape = work.shape
    rows = chosen.picked.device_batch if chosen and chosen.picked else min(8, shape.batch)
    mean = passes(shape.lengths, rows)
    machines = [
        ExploreMachine(
            backend=flavor.backend,
            flavor=flavor.name,
            gib=flavor.card_gib or card.usable_gib,
            usd_per_hour=flavor.usd_per_hour or 0.0,
            ways=ways,
        )
        for flavor, card in _alone(prices)
        if (ways := _ways(flavor, card, laws, work, options, lessons, mean, rows))
    ]
    if not machines:
        return None
    named = {_name(tuning, checkpointing): law for (tuning, checkpointing), law in laws.items()}
    return sliders(shape, lengths, context, rows, limit, named, machines)


def sliders(
    shape: Shape,
    lengths: Sequence[int],
    context: int,
    rows: int,
    limit: int | None,
    laws: dict[str, MemoryLaw],
    machines: list[ExploreMachine],
) -> Explore:
    """The range of each slider around what the plan has, and the tokens that the training reads at each limit."""
    most = max(context, min(limit or CONTEXTS[-1], CONTEXTS[-1]))
    contexts = sorted({context, *(one for one in CONTEXTS if one <= most)})
    in_all = shape.steps * shape.batch / rows
    return Explore(
        context=Slider(value=context, steps=contexts),
        batch=Slider(value=rows, steps=sorted({rows, *ROWS})),
        rank=Slider(value=shape.rank, steps=sorted({shape.rank, *RANKS})),
        tokens=[TokensAt(context=one, tokens=round(in_all * passes(lengths, rows, one).tokens)) for one in contexts],
        laws=laws,
        machines=machines,
    )


def _alone(prices: Catalogue) -> Iterator[tuple[Flavor, Card]]:
    """The machines with one card that is known, and with a price."""
    for flavor in prices.flavors:
        card = card_of(flavor.card, flavor.card_gib)
        if card is not None and flavor.cards == 1 and flavor.usd_per_hour is not None and not flavor.unsupported:
            yield flavor, card


def _ways(
    flavor: Flavor,
    card: Card,
    laws: Laws,
    work: Work,
    options: Sequence[Option],
    lessons: Sequence[Lesson],
    mean: Passes,
    rows: int,
) -> list[ExploredWay]:
    """Each tuning with checkpointing and without. The way that the plan would take takes just what its option says; the
    other as much longer or shorter as its mean pass does.
    """
    shape, learned = work.shape, learn(lessons, card.name)
    found = []
    for option in options:
        if (option.backend, option.flavor) != (flavor.backend, flavor.name) or option.picked is None:
            continue
        speed = reached(option.tuning, option.picked.precision, card.tflops)
        passes_of = {
            checkpointing: pass_seconds(law, mean, shape.rank, speed, four_bit=tuning == "qlora")
            for (tuning, checkpointing), law in laws.items()
            if tuning == option.tuning
        }
        token = passes_of[option.picked.checkpointing] / mean.tokens * learned.factor
        if option.step_seconds is not None and not option.picked.spread:
            token = option.step_seconds.p50 * rows / shape.batch / mean.tokens  # what `tokens` counts for the plan
        for checkpointing, seconds in passes_of.items():
            law = laws[option.tuning, checkpointing]
            assert law.flops is not None
            per_rank = law.flops.token_rank / law.flops.token
            own = token * seconds / passes_of[option.picked.checkpointing] / (1 + per_rank * shape.rank)
            others = beside_training(law, option.picked.precision, card, flavor, work, option.tuning, learned)
            fixed = together(list(others.values()))
            found.append(
                ExploredWay(
                    tuning=option.tuning,
                    law=_name(option.tuning, checkpointing),
                    checkpointing=checkpointing,
                    fixed_s=Band(p50=round(fixed.p50, 1), p90=round(fixed.p90, 1)),
                    token_s=Band(p50=own, p90=own * learned.spread),
                    per_rank=per_rank,
                )
            )
    return found


def _name(tuning: str, checkpointing: bool) -> str:
    return f"{tuning}, checkpointing" if checkpointing else tuning
