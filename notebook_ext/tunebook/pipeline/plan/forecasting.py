"""The options of rented machines for a plan: the model's laws of memory, today's prices, what past runs taught."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tunebook.pipeline.backends import backend_names
from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.errors import CallError, TunebookError
from tunebook.pipeline.hardware.batches import cut
from tunebook.pipeline.hardware.catalogue import Catalogue, catalogue
from tunebook.pipeline.hardware.flavors import BACKEND as RENTED
from tunebook.pipeline.hardware.forecast import Lesson, Shape
from tunebook.pipeline.hardware.local import FLAVOR as THIS_MACHINE
from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.memory_law import MemoryLaw
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.hardware.oracle import oracle
from tunebook.pipeline.hardware.rented import Work, rented_options
from tunebook.pipeline.hardware.ways import Laws
from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.plan.looking import Watched
from tunebook.pipeline.plan.model import ModelFacts
from tunebook.pipeline.settings import is_offline
from tunebook.pipeline.spec import Spec

#: Raised when a law is made in another way than before, so that kept ones are not taken for new ones.
LAW_VERSION = 2
LIBRARIES = ("torch", "transformers", "peft", "trl")
#: The benchmarks that read held-out rows and generate nothing.
READ_ONLY = ("heldout_loss", "preference", "verdict", "reward_accuracy")
TUNINGS = ("lora", "qlora", "full")


@dataclass
class Forecasts:
    """What rented machines are forecast with. Without a catalogue none is considered, and `problem` may say why."""

    catalogue: Catalogue | None = None
    laws: Laws = field(default_factory=dict)
    lessons: list[Lesson] = field(default_factory=list)
    problem: str = ""

    def options(self, spec: Spec, work: Work, budget_usd: float | None) -> list[Option]:
        if self.catalogue is None:
            return []
        return rented_options(
            self.catalogue,
            self.laws,
            work,
            now=time.time(),
            lessons=self.lessons,
            device_batch=spec.device_batch_size,
            time_limit_s=spec.time_limit_s,
            budget_usd=budget_usd,
            blocked=lambda flavor: (
                "" if flavor.backend in self._backends else f"jobs cannot be sent to {flavor.backend} from here yet"
            ),
        )

    @cached_property
    def _backends(self) -> list[str]:
        """Looked up once: it reads what is installed, and each offer asks of each machine."""
        return backend_names()


def wants_rented(spec: Spec) -> bool:
    """Whether a rented machine is asked for by name."""
    return spec.backend == RENTED or spec.flavor not in (None, THIS_MACHINE)


def considers_rented(spec: Spec) -> bool:
    """Whether rented machines are options: where they are asked for, or where nothing was said and the Hub may be asked."""
    if spec.backend is not None or spec.flavor is not None:
        return wants_rented(spec)
    return not is_offline()


def forecasts_for(spec: Spec, model: ModelFacts, method: str, lessons: list[Lesson], watched: Watched) -> Forecasts:
    """Prices and laws, where rented machines are considered. Raises CallError for a flavor that is on no list."""
    if not considers_rented(spec):
        return Forecasts()
    prices = catalogue(home())
    if spec.flavor is not None and prices.flavor(spec.flavor).kind == "CPU":
        raise CallError("flavor", f"is {spec.flavor}, which has no GPU", "choose a machine with one, such as l4x1")
    lessons = [one for one in lessons if one.card != THIS_MACHINE]  # what was measured here says nothing of a card
    try:
        return Forecasts(prices, laws_of(model, method, watched), lessons)
    except TunebookError as failure:
        if wants_rented(spec):
            raise
        return Forecasts(problem=f"Rented machines are left out: {str(failure).rstrip('.')}.")


def laws_of(model: ModelFacts, method: str, watched: Watched) -> dict[tuple[str, bool], MemoryLaw]:
    """The law of each tuning, with checkpointing and without. Kept while the model and the libraries are the same.

    Raises WorkFailed for a model whose step cannot be run without weights.
    """
    said = [LAW_VERSION, model.fingerprint, method, [version(name) for name in LIBRARIES]]
    key = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
    folder = home() / "laws"
    kept = _Kept.read(folder / f"{key}.json")
    if kept is not None:
        return kept.by_way()
    if watched.preparing:
        watched.preparing("plan", folder, "Forecasting memory, time and price on other machines")
    found = {}
    for tuning in TUNINGS:
        for checkpointing in (False, True):
            if watched.check:
                watched.check()
            ask = MemoryAsk(
                model=model.path,
                model_revision=model.revision,
                method=method,
                tuning=tuning,
                checkpointing=checkpointing,
                dtype="fp32" if tuning == "full" else "bf16",
                autocast="bf16",
                accumulation=2,  # from the second pass on gradients are there all the time
            )
            found[f"{tuning} {checkpointing}"] = oracle.law(ask)
    made = _Kept(laws=found)
    write_json(folder / f"{key}.json", made.model_dump(mode="json"))
    return made.by_way()


class _Kept(BaseModel):
    laws: dict[str, MemoryLaw]

    @classmethod
    def read(cls, path: Path) -> _Kept | None:
        """What is kept; None where nothing is, or where it is damaged."""
        try:
            found = cls.model_validate(read_json(path))
        except (OSError, ValueError):  # which a ValidationError is
            return None
        return found if set(found.laws) == {f"{tuning} {one}" for tuning in TUNINGS for one in (False, True)} else None

    def by_way(self) -> dict[tuple[str, bool], MemoryLaw]:
        return {(name.split()[0], name.split()[1] == "True"): law for name, law in self.laws.items()}


def work_of(
    settled: dict[str, Any],
    inspection: Inspection,
    lengths: list[int],
    *,
    steps: int,
    checkpoints: int,
    heldout_rows: int,
    answers: int,
    trained_share: float,
) -> Work:
    """What is trained, and what comes after it, as the forecast takes it."""
    counts = inspection.report.tokens
    assert counts is not None
    max_length = settled["max_length"]
    tried = settled["max_completion_length"] if settled["method"] == "grpo" else 0
    rows = [length + tried for length in cut(lengths, max_length)]
    mean = sum(rows) / len(rows)
    shape = Shape(
        lengths=rows,
        steps=steps,
        batch=settled["batch_size"],
        rank=settled.get("lora_rank", 16),
        longest=min(counts.max, max_length) + tried,
    )
    passes = -(-steps // settled["eval_steps"])
    return Work(
        shape=shape,
        checkpoints=checkpoints,
        heldout_tokens=passes * heldout_rows * mean,
        answers=answers,
        answer_tokens=mean,
        generated_tokens=0.0 if settled.get("benchmark") in READ_ONLY else max(1.0, tried or mean * trained_share),
        tried=settled["batch_size"] if tried else 0,
        tried_tokens=tried,
    )
