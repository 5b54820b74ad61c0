"""A plan that waits for answers: it has no id and cannot be run."""

from __future__ import annotations

from tunebook.pipeline.data.report import Inspection
from tunebook.pipeline.hardware.options import Option
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.plan.model import ModelFacts, Plan
from tunebook.pipeline.spec import Spec


def unanswered(
    spec: Spec,
    questions: list[Question],
    *,
    inspection: Inspection | None = None,
    model: ModelFacts | None = None,
    options: list[Option] | None = None,
) -> Plan:
    """A plan that waits for answers: it has no id and cannot be run."""
    return Plan(
        plan_id=None,
        spec=spec.said(),
        method=spec.method,
        why="",
        stages=[],
        options=options or [],
        chosen=None,
        max_usd=None,
        timeout_s=None,
        questions=questions,
        said=spec.said(),
        decisions=[],
        sentence=f"Before there is a plan: {questions[0].field} {questions[0].why}.",
        consent="",
        model=model,
        inspection=inspection,
        settings=None,
        script=None,
        benchmark=None,
        total_steps=None,
    )
