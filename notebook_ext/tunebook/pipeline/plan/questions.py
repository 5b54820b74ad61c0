"""What a spec's data leaves open before there can be a plan: the questions that a person has to answer."""

from __future__ import annotations

from tunebook.pipeline.data.broken import CHECK as UNREADABLE
from tunebook.pipeline.data.giants import CHECK as OVERSIZED
from tunebook.pipeline.data.leaving_out import FIELD
from tunebook.pipeline.data.report import Finding, Inspection
from tunebook.pipeline.instruction import Question
from tunebook.pipeline.plan.looking import method_of
from tunebook.pipeline.plan.rewarding import reward_question
from tunebook.pipeline.spec import Spec, spec_line

#: Findings that no training survives, so that nobody can accept them: the rows cannot be read.
FATAL = (UNREADABLE, OVERSIZED, "K07")


def data_questions(spec: Spec, inspection: Inspection) -> list[Question]:
    """What the data leaves open: no method that fits, or an error that nobody has accepted with `accept`."""
    report = inspection.report
    fits = [name for name, fit in report.methods.items() if fit.status != "no"]
    stopping = blocking(spec, inspection)
    errors = [
        Question(
            field="dataset", why=f"{finding.message} ({finding.id}): {finding.remedy}{_or_write(finding, inspection)}"
        )
        for finding in stopping
    ]
    if any(finding.fix for finding in stopping):
        return errors  # without the rows that they are about a method may fit
    if not fits:
        why = next((fit.why for fit in report.methods.values()), "no method fits the rows")
        return [Question(field="dataset", why=f"fits no method: {why}")]
    if spec.method is not None and (fit := report.methods[spec.method]).status == "no":
        others = f"; the rows fit {', '.join(fits)}"
        return [Question(field="method", why=f"is {spec.method.upper()}, which the rows do not fit: {fit.why}{others}")]
    if method_of(spec, inspection) == "grpo" and (question := reward_question(spec, inspection)):
        return [*errors, question]
    if not inspection.rows_known and spec.rows is None and spec.max_steps is None:
        why = "are not known, so neither are time and price; write how many to train on, such as `rows: 20000`"
        return [*errors, Question(field="rows", why=why)]
    return errors


def blocking(spec: Spec, inspection: Inspection) -> list[Finding]:
    """The errors in the data that nobody has accepted with `accept`."""
    return [
        finding
        for finding in inspection.report.findings
        if finding.severity == "error" and (_fatal(finding, inspection) or finding.id not in (spec.accept or []))
    ]


def _fatal(finding: Finding, inspection: Inspection) -> bool:
    """Whether no training survives it, so that nobody can accept it."""
    if finding.id in FATAL:
        return True
    return not set(inspection.unreadable).isdisjoint(inspection.rows_found.get(finding.key, []))


def _or_write(finding: Finding, inspection: Inspection) -> str:
    """The lines that decide it, as the cell takes them."""
    fields = finding.fix.fields if finding.fix else {}
    lines = [
        f"`{spec_line(name, value)}`" + (" to train without them" if name == FIELD else "")
        for name, value in fields.items()
    ]
    lines += [] if _fatal(finding, inspection) else [f"`accept: {finding.id}` to train on them as they are"]
    return f"; write {' or '.join(lines)}" if lines else ""
