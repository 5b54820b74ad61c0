"""Where an export goes on the Hub and what its card tells, as the part `push` of the export job's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tunebook.pipeline.home import read_json

if TYPE_CHECKING:
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.run_folder import RunFolder

#: OWNER/NAME in the Hub's alphabet; nothing in it means anything to Markdown's links, a shell or YAML in quotes.
HUB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"


class ScoreRow(BaseModel):
    """One line of the card's table of scores."""

    model_config = ConfigDict(extra="forbid")

    checkpoint: str  # "base", "checkpoint-40"
    score: float
    ci: tuple[float, float] | None = None  # 95 %
    passed: int | None = None  # None where the metric is no count
    total: int | None = None


class Scores(BaseModel):
    """The card's table of scores. The row that has the exported checkpoint's name is marked as what is published."""

    model_config = ConfigDict(extra="forbid")

    benchmark: str
    metric: str
    rows: list[ScoreRow]


class Push(BaseModel):
    """A push to the Hub. All but `repo`, `private` and `run` is for the card only."""

    model_config = ConfigDict(extra="forbid")

    repo: Annotated[str, Field(pattern=HUB_ID)]
    private: bool = True
    run: str | None = None  # who may go on with a push that was interrupted; None: whoever has the same weights
    method: str | None = None
    tuning: str | None = None
    dataset: str | None = None  # an id on the Hub, or the bare name of what is not there
    dataset_on_hub: bool = False
    scores: Scores | None = None


def push_config(plan: Plan, folder: RunFolder, run_id: str, repo: str | None = None) -> dict[str, Any] | None:
    """The push that a plan asks for, or the one of its run to `repo`; None where nothing is to be pushed.

    The scores are those of the run's comparison, if it has been evaluated by now.
    """
    wanted = repo or plan.spec.get("push_to")
    if not wanted:
        return None
    source = plan.inspection.source if plan.inspection else None
    on_hub = source is not None and source.builder is None
    named = plan.spec.get("dataset")
    push = Push(
        repo=wanted,
        private=plan.spec.get("private") is not False,
        run=run_id,
        method=plan.method,
        tuning=plan.spec.get("tuning"),
        # Of a path only the last part: the rest tells who works where.
        dataset=source.path if source and on_hub else Path(str(named)).name if named else None,
        dataset_on_hub=on_hub,
        scores=_scores(read_json(folder.comparison)),
    )
    return push.model_dump(mode="json")


def _scores(comparison: dict[str, Any] | None) -> Scores | None:
    """Of a comparison what the card shows."""
    if comparison is None:
        return None
    rows = [{name: row.get(name) for name in ScoreRow.model_fields} for row in comparison["rows"]]
    return Scores(
        benchmark=comparison["benchmark"],
        metric=comparison["metric"],
        rows=[ScoreRow.model_validate(row) for row in rows],
    )
