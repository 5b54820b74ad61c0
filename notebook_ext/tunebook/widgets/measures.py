"""What tells how a training goes, for each method: which series is drawn and said, and the figures beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tunebook.widgets.words import UNKNOWN, loss, number

if TYPE_CHECKING:
    from tunebook.pipeline.watch import Point
    from tunebook.widgets.facts import Facts

Kind = Literal["loss", "share", "number"]


@dataclass(frozen=True)
class Measure:
    """One curve. `series` is its name without "train/" or "eval/"; `word` stands in a sentence before its value."""

    series: str
    title: str
    word: str
    kind: Kind

    def view(self) -> dict[str, Any]:
        names = {"train": f"train/{self.series}", "held_out": f"eval/{self.series}"}
        return {"title": self.title, "kind": self.kind, **names}

    def value(self, value: float | None) -> str:
        if value is None:
            return UNKNOWN
        return f"{number(value * 100)} %" if self.kind == "share" else loss(value)


LOSS = Measure("loss", "Loss", "loss", "loss")

#: The first says how it goes; what follows is drawn beside it.
MEASURES: dict[str, list[Measure]] = {
    "sft": [LOSS],
    "dpo": [Measure("rewards/accuracies", "Preference accuracy", "accuracy", "share"), LOSS],
    "kto": [Measure("rewards/margins", "Reward margin", "margin", "number"), LOSS],
    "reward": [Measure("accuracy", "Preference accuracy", "accuracy", "share"), LOSS],
    "grpo": [Measure("reward", "Mean reward", "mean reward", "number")],
}

#: What the curves do not say by themselves.
NOTES = {
    "dpo": "Accuracy: pairs whose chosen answer gained more than the rejected one. Half is chance.",
    "kto": "Margin: how much more the wanted answers gained than the unwanted ones. It should rise above 0.",
    "reward": "Accuracy: pairs whose chosen answer scores higher. Half is chance.",
    "grpo": "What the sampled answers score. GRPO's loss says nothing of how it goes, so it is not drawn.",
}


def method_of(facts: Facts) -> str:
    said = facts.plan.method if facts.plan else facts.run.spec.get("method")
    return str(said) if said in MEASURES else "sft"


def _said(facts: Facts) -> Measure | None:
    """The first measure that has a value; None before there is any. A loss that is no number is said as well."""
    for measure in MEASURES[method_of(facts)]:
        points = facts.series.get(f"train/{measure.series}")
        if points and (points[-1].value is not None or measure is LOSS):
            return measure
    return None


def now(facts: Facts) -> str:
    """ ", accuracy 71 %": the newest value of what tells how it goes; "" before there is any."""
    measure = _said(facts)
    if measure is None:
        return ""
    return f", {measure.word} {measure.value(facts.series[f'train/{measure.series}'][-1].value)}"


def held_out(facts: Facts) -> str:
    """ ", held out 68 %": of the same measure."""
    measure = _said(facts)
    points = facts.series.get(f"eval/{measure.series}") if measure else None
    return (
        f", held out {measure.value(points[-1].value)}" if measure and points and points[-1].value is not None else ""
    )


def figures(facts: Facts) -> list[tuple[str, str]]:
    """The method's own (label, value): always the same labels, so that nothing jumps."""
    method = method_of(facts)
    last = _Last(facts.series)
    match method:
        case "grpo":
            return [
                ("held-out reward", last.text("eval/reward")),
                ("spread of rewards", last.text("train/reward_std")),
                ("rewards all equal", last.share("train/frac_reward_zero_std")),
                ("answer length", last.text("train/completions/mean_length", " tokens")),
                ("answers cut off", last.share("train/completions/clipped_ratio")),
                *_rewards(facts, last),
            ]
        case "dpo":
            return last.both("reward margin", "held-out margin", "rewards/margins")
        case "kto":
            rows = [("wanted answers gained", "rewards/chosen"), ("unwanted answers gained", "rewards/rejected")]
            return [(label, last.text(f"train/{name}")) for label, name in rows]
        case "reward":
            return last.both("score margin", "held-out margin", "margin")
        case _:
            return [("held-out tokens right", last.share("eval/token_accuracy"))]


def _rewards(facts: Facts, last: _Last) -> list[tuple[str, str]]:
    """One line for each reward function where there are several."""
    rewards = facts.plan.settings.rewards if facts.plan and facts.plan.settings else None
    names: list[str] = list(rewards.names) if rewards else []
    return [(name, last.text(f"train/rewards/{name}/mean")) for name in names[:6]] if len(names) > 1 else []


@dataclass(frozen=True)
class _Last:
    """The newest values as text, a dash where there is none."""

    series: dict[str, list[Point]]

    def of(self, name: str) -> float | None:
        points = self.series.get(name)
        return points[-1].value if points else None

    def text(self, name: str, unit: str = "") -> str:
        value = self.of(name)
        return UNKNOWN if value is None else f"{number(value)}{unit}"

    def share(self, name: str) -> str:
        value = self.of(name)
        return UNKNOWN if value is None else f"{number(value * 100)} %"

    def both(self, label: str, held_out_label: str, name: str) -> list[tuple[str, str]]:
        return [(label, self.text(f"train/{name}")), (held_out_label, self.text(f"eval/{name}"))]
