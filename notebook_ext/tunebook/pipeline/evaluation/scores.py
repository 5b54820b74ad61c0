"""Scores as `evaluate` and `compare` print them."""

from __future__ import annotations

from pydantic import BaseModel


class Score(BaseModel):
    target: str
    passed: int | None  # None where the metric is no count
    total: int | None
    score: float
    ci: tuple[float, float]  # 95 %


class ScoreTable(BaseModel):
    benchmark: str
    metric: str
    higher_is_better: bool
    sandbox: str | None  # the isolation tier for code that a model wrote; None where nothing is run
    rows: list[Score]


class VsBase(BaseModel):
    delta: float  # in the metric's own unit, positive is more
    p: float | None  # two-sided, paired


class ComparedCheckpoint(BaseModel):
    checkpoint: str  # "base", "checkpoint-40"
    step: int
    passed: int | None
    total: int | None
    score: float
    ci: tuple[float, float]
    vs_base: VsBase | None


class Comparison(BaseModel):
    benchmark: str
    metric: str
    higher_is_better: bool
    rows: list[ComparedCheckpoint]
    best: str  # the earliest checkpoint within the noise of the highest score
    separable: bool  # best against base
    alike: list[str] = []  # the other checkpoints that can't be told apart from the best
