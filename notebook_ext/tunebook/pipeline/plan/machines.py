"""Every machine that a plan may run on, with memory, time and price: this one as measured, rented ones as forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.hardware import local
from tunebook.pipeline.hardware.choice import Wanted, choose, with_front
from tunebook.pipeline.hardware.explore import Explore, explore
from tunebook.pipeline.hardware.forecast import Lesson
from tunebook.pipeline.hardware.machine import Machine, this_machine
from tunebook.pipeline.hardware.offers import Offer, offers, trial
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.hardware.probe import ProbeResult
from tunebook.pipeline.hardware.rented import Work
from tunebook.pipeline.ledger import Allowance
from tunebook.pipeline.plan.decide import LOSS_ROWS, decide, held_out_rows, total_steps, training_rows
from tunebook.pipeline.plan.forecasting import Forecasts, work_of
from tunebook.pipeline.plan.measuring import evaluation_seconds, export_seconds, sampled_lengths, trained_share
from tunebook.pipeline.plan.model import Decision, ModelFacts
from tunebook.pipeline.spec import Spec


@dataclass(frozen=True)
class Machines:
    """What the options are made from. `probe` is None where this machine is not considered."""

    spec: Spec
    model: ModelFacts
    inspection: Inspection
    probe: ProbeResult | None
    forecasts: Forecasts
    cut: Decision | None
    allowance: Allowance
    lessons: list[Lesson]

    def options(self, changes: dict[str, Any] | None = None) -> list[Option]:
        """All options, with the front of price and time marked; with `changes` as if the spec had said those."""
        spec, settled, steps = self._settled(changes)
        work = self._work(spec, settled, steps, changes)
        found = self._here(settled, steps, changes) + self.forecasts.options(spec, work, self.allowance.cap_usd)
        return with_front(found)

    def wanted(self, changes: dict[str, Any] | None = None) -> Wanted:
        spec = self.spec.model_copy(update=changes or {})
        return Wanted(
            spec.backend, spec.flavor, spec.tuning, spec.time_limit_s, self.allowance.cap_usd, self.allowance.why
        )

    def tried(self, changes: dict[str, Any]) -> Option | None:
        """What would be taken if the spec had said these changes; None where nothing could be."""
        return choose(self.options(changes), self.wanted(changes)).option

    def offers(self, chosen: Option | None) -> list[Offer]:
        """The changes that help where nothing can be taken; for a rented machine, a trial of it first."""
        if chosen is not None:
            first = trial(chosen, self.tried) if self.spec.max_steps is None else None
            return [first] if first else []
        _, settled, steps = self._settled(None)
        named = self.spec.flavor or self.spec.backend
        return offers(
            self.tried,
            rows=training_rows(self.spec, self.inspection, settled.get("eval_share", 0.0)),
            context=min(settled["max_length"], self._longest()),
            epochs=settled.get("epochs", 1),
            steps=steps,
            tuning=self.spec.tuning,
            machine=named,
            said=self.spec.said(),
        )

    def explore(self, options: list[Option], chosen: Option | None) -> Explore | None:
        """What the sliders need; None where no rented machine is considered."""
        if self.forecasts.catalogue is None or not self.forecasts.laws:
            return None
        spec, settled, steps = self._settled(None)
        return explore(
            self.forecasts.catalogue,
            self.forecasts.laws,
            self._work(spec, settled, steps, None),
            options,
            self.forecasts.lessons,
            lengths=self._lengths(settled),
            context=settled["max_length"],
            chosen=chosen,
            limit=self.model.max_positions,
        )

    def _settled(self, changes: dict[str, Any] | None) -> tuple[Spec, dict[str, Any], int]:
        """The spec, every field decided, and the steps of the optimizer."""
        changes = changes or {}
        spec = self.spec.model_copy(update=changes)
        cut = None if "max_length" in changes else self.cut
        seen = self._seen(changes)
        settled = decide(spec, seen, self.model, spec.tuning or "lora", "", cut).spec
        return spec, settled, total_steps(settled, training_rows(spec, seen, settled.get("eval_share", 0.0)))

    def _seen(self, changes: dict[str, Any] | None) -> Inspection:
        """The inspection, as far as it goes, if the spec had asked for so many rows."""
        rows = (changes or {}).get("rows")
        if rows is None:
            return self.inspection
        held_out = 0 if self.inspection.eval_rows else math.ceil(rows * (self.spec.eval_share or 0.0))
        fewer = min(self.inspection.train_rows, max(1, rows - held_out))
        return self.inspection.model_copy(update={"train_rows": fewer})

    def _work(self, spec: Spec, settled: dict[str, Any], steps: int, changes: dict[str, Any] | None) -> Work:
        checkpoints = math.ceil(steps / settled["save_steps"])
        held_out = held_out_rows(self._seen(changes), settled, self.spec.eval_share)
        return work_of(
            settled,
            self.inspection,
            self._lengths(settled),
            steps=steps,
            checkpoints=checkpoints,
            heldout_rows=min(held_out, LOSS_ROWS),
            answers=held_out * (checkpoints + 1) if settled.get("benchmark") else 0,
            trained_share=trained_share(self.inspection),
        )

    def _here(self, settled: dict[str, Any], steps: int, changes: dict[str, Any] | None) -> list[Option]:
        """This machine, where it was measured. With rows of another length nothing is known of it."""
        if self.probe is None or "max_length" in (changes or {}):
            return []
        checkpoints = math.ceil(steps / settled["save_steps"])
        held_out = held_out_rows(self._seen(changes), settled, self.spec.eval_share)
        return local.local_options(
            self.probe,
            machine=self._machine,
            steps=steps,
            heldout_rows=min(held_out, LOSS_ROWS),
            heldout_passes=math.ceil(steps / settled["eval_steps"]),
            checkpoints=checkpoints,
            evaluation_forecast_seconds=evaluation_seconds(self.probe, held_out * (checkpoints + 1)),
            export_forecast_seconds=export_seconds(self.probe),
            lessons=self.lessons,
        )

    @cached_property
    def _machine(self) -> Machine:
        """This machine, looked at once: each offer asks for its options."""
        return this_machine()

    def _lengths(self, settled: dict[str, Any]) -> list[int]:
        rows = training_rows(self.spec, self.inspection, settled.get("eval_share", 0.0))
        return sampled_lengths(self.inspection, rows)

    def _longest(self) -> int:
        counts = self.inspection.report.tokens
        return counts.max if counts else self.model.max_positions or 0
