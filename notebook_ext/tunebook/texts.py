"""Results as a person reads them at the terminal or in a cell. Plain text; what comes from data is shown safely."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from tunebook.pipeline.ledger import at_most

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")

#: Columns that are listed; a data set may have thousands.
COLUMNS = 24


def render(command: str, result: Any) -> str:
    """The text of a command's result."""
    return plain(_RENDER[command](result))


def plain(text: str) -> str:
    """Text without control or direction characters: a terminal would obey them."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def duration(seconds: float | None) -> str:
    """ "35 s", "12 min", "1 h 20 min"."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes as "105 MB"."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, each as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _reading(reading: Any) -> str:
    said = reading.provenance
    rows = [
        [name, _value(value), f"({said[name].text})" if name in said else ""] for name, value in reading.spec.items()
    ]
    lines = [table(rows) if rows else "Nothing that a spec has a field for."]
    lines += [f"? {one.field}: {one.why}" for one in reading.questions]
    lines += [f"ignored: {text}" for text in reading.ignored]
    return "\n".join(lines)


def _report(report: Any) -> str:
    from tunebook.pipeline.spec import spec_line

    lines = [report.sentence(), ""]
    shown, more = report.columns[:COLUMNS], len(report.columns) - COLUMNS
    lines += [table([[column.name, column.type, f"{column.nulls} empty" if column.nulls else ""] for column in shown])]
    lines += [f"and {more:,} more columns"] if more > 0 else []
    if report.tokens:
        counts = report.tokens
        lines += [
            "",
            f"tokens a row: half below {counts.p50:,}, 99 of 100 below {counts.p99:,}, at most {counts.max:,}",
            f"tokens in all: {counts.total:,}",
        ]
    lines += ["", *(f"{name}: {fit.status}, {fit.why}" for name, fit in report.methods.items()), ""]
    for one in report.findings:
        rows = f"; rows {', '.join(map(str, one.examples))}" if one.examples else ""
        lines += [f"{one.severity}: {one.message} ({one.id}){rows}", f"  {one.remedy}"]
        for name, value in one.fix.fields.items() if one.fix else ():
            lines += [f"  to do that, write `{spec_line(name, value)}`"]
    counts = {
        status: sum(check.status == status for check in report.checks) for status in ("passed", "found", "skipped")
    }
    lines += [f"checks: {counts['passed']} passed, {counts['found']} found something, {counts['skipped']} skipped"]
    return "\n".join(lines)


#: Machines that a plan lists at the terminal; all of them are in its JSON.
MACHINES = 12


def _plan(plan: Any) -> str:
    listed = _machines(plan) if plan.options else []
    offers = [f"{one.label}: {one.why}{_costs(one)}; write {_lines(one.fields)}" for one in plan.offers]
    if plan.plan_id is None:
        asked = [f"? {one.field} {one.why}" for one in plan.questions]
        return "\n".join(
            ["There is no plan yet:", *asked, *listed, *(["", "What would do:", *offers] if offers else [])]
        )
    method = [f"{plan.method.upper()}: {plan.why}"] if "train" in plan.stages else []
    lines = [f"plan {plan.plan_id[:12]}", *method, plan.sentence, *listed]
    blocked = next((one.blocked for one in plan.options if _is_chosen(plan, one)), "")
    lines += ["", *offers] if offers else []
    lines += ["", table([[field, _value(value)] for field, value in plan.spec.items()])]
    lines += [
        "",
        f"stages: {', '.join(plan.stages)}; at most {at_most(plan.max_usd)}",
        f"It cannot be started now: {blocked}." if blocked else f"start it with: run {plan.plan_id[:12]}",
        *(f"missing: {one.line} {one.link}" for one in plan.missing),
    ]
    return "\n".join(lines)


def _machines(plan: Any) -> list[str]:
    """The chosen one, this machine, and what nothing else is both cheaper and faster than; then how many more there are."""
    rows = [["", "hardware", "tuning", "memory, GiB", "time, P50 to P90", "price, P50 to P90", "at most", ""]]

    first = sorted(
        plan.options, key=lambda one: (not _is_chosen(plan, one), one.backend != "local", not one.front, not one.fits)
    )
    tuning = plan.chosen.tuning if plan.chosen else first[0].tuning
    wanted = [
        one for one in first if _is_chosen(plan, one) or one.backend == "local" or (one.front and one.tuning == tuning)
    ]
    wanted = wanted[:MACHINES]
    for option in wanted or first[:3]:
        memory = option.memory
        rows.append(
            [
                "*" if _is_chosen(plan, option) else "",
                option.flavor,
                option.tuning,
                f"{memory.low:.1f} to {memory.high:.1f} of {memory.available:.1f}" if memory else "–",
                f"{duration(option.hours.p50 * 3600)} to {duration(option.hours.p90 * 3600)}" if option.hours else "–",
                f"${option.usd.p50:.2f} to ${option.usd.p90:.2f}"
                if option.usd and option.usd.p90
                else "$0"
                if option.usd
                else "–",
                "–" if option.max_usd is None else at_most(option.max_usd),
                option.why,
            ]
        )
    rest = [one for one in plan.options if one not in wanted]
    more = f"{len(rest)} more ({sum(one.fits for one in rest)} of them fit) with --json" if wanted and rest else ""
    return ["", table(rows), *([more] if more else []), *([plan.prices] if plan.prices else [])]


def _is_chosen(plan: Any, option: Any) -> bool:
    return bool(plan.chosen) and option.key == (plan.chosen.backend, plan.chosen.flavor, plan.chosen.tuning)


def _costs(offer: Any) -> str:
    if not offer.hours or not offer.usd:
        return ""
    hours, usd = offer.hours, offer.usd
    return f", {duration(hours.p50 * 3600)} to {duration(hours.p90 * 3600)}, ${usd.p50:.2f} to ${usd.p90:.2f}"


def _lines(fields: dict[str, Any]) -> str:
    from tunebook.pipeline.spec import spec_line

    return ", ".join(f"`{spec_line(name, value)}`" for name, value in fields.items() if value is not None)


def _show(run: Any) -> str:
    lines = [
        f"{run.run_id}: {run.state}"
        + (f", {run.stage}" if run.stage and run.state in ("running", "cancelling") else "")
    ]
    lines += [run.why] if run.why else []
    if run.step is not None:
        loss = f", loss {run.loss:.3g}" if run.loss is not None else ""
        left = f", {duration(run.eta_s)} of training left" if run.eta_s is not None else ""
        lines.append(f"step {run.step}{loss}{left}")
    lines += [table([[f"{one.stage} {one.n}", one.backend, one.state] for one in run.attempts])] if run.attempts else []
    if run.state == "draft" and run.plan_id:
        lines.append(f"It waits for consent: run {run.plan_id[:12]}")
    if run.state == "interrupted":
        lines.append(f"Go on with: resume {run.run_id}")
    return "\n".join(lines)


def _runs(result: Any) -> str:
    if not result.runs:
        return "There is no run yet."
    return table([[one.run_id, one.state, (one.plan_id or "")[:12]] for one in result.runs])


def _scores(result: Any) -> str:
    rows = [["target", "solved", result.metric, "95 % interval"]]
    for one in result.rows:
        solved = f"{one.passed} of {one.total}" if one.passed is not None else "–"
        rows.append([one.target, solved, f"{one.score:.3g}", f"{one.ci[0]:.3g} to {one.ci[1]:.3g}"])
    return f"{result.benchmark}\n{table(rows)}"


def comparison(result: Any) -> str:
    """The sentence and the table of a comparison."""
    from tunebook.pipeline.evaluation.wording import sentence

    rows = [["checkpoint", "solved", result.metric, "95 % interval", "against base", ""]]
    for one in result.rows:
        solved = f"{one.passed} of {one.total}" if one.passed is not None else "–"
        p = one.vs_base.p if one.vs_base else None
        against = (
            "–" if one.vs_base is None else f"{one.vs_base.delta:+.3g}" + (f", p {p:.2g}" if p is not None else "")
        )
        best = "best" if one.checkpoint == result.best else ""
        rows.append([one.checkpoint, solved, f"{one.score:.3g}", f"{one.ci[0]:.3g} to {one.ci[1]:.3g}", against, best])
    return f"{sentence(result)}\n{table(rows)}"


def _metrics(result: Any) -> str:
    if not result.series:
        return "There is no metric yet."
    rows = [["series", "points", "first", "last"]]
    for name, points in result.series.items():
        rows.append(
            [name, str(len(points)), *(f"{v:.4g}" if v is not None else "–" for v in (points[0][1], points[-1][1]))]
        )
    return table(rows)


def _export(result: Any) -> str:
    lines = [f"merged: {result.merged}"] if result.merged else []
    for one in result.gguf:
        proof = ""
        if one.certificate:
            word = "agrees with" if one.certificate.passed else "DIFFERS from"
            proof = f"; {word} the merged model at {100 * one.certificate.top1_agreement:.1f} % of positions"
        lines.append(f"{one.quant}: {one.file}, {size(one.bytes)}{proof}")
    if result.pushed:
        lines.append(f"pushed to {result.pushed}")
    return "\n".join(lines)


def _budget(result: Any) -> str:
    from tunebook.pipeline.ledger import at_most, cost, dollars

    spent = f"{cost(result.spent_usd)} spent, {at_most(result.reserved_usd)} reserved for runs at work"
    lines = [f"{result.month}: {spent}, no cap (`budget --month USD` sets one)"]
    if result.cap_usd is not None:
        lines = [f"{result.month}: {spent}, {dollars(result.left_usd)} left of {dollars(result.cap_usd)}"]
    if result.run_usd is None:
        lines.append("A run whose cell names no budget may cost what its plan says (`budget --run USD` sets a limit).")
    else:
        lines.append(f"A run whose cell names no budget may cost {dollars(result.run_usd)}.")
    over = ("succeeded", "failed", "cancelled")
    paid = [one for one in result.runs if one.spent_usd or one.reserved_usd or (one.max_usd and one.state not in over)]
    rows = [["run", "state", "budget", "at most", "reserved", "spent"]]
    for one in paid:
        said = ("–" if one.budget_usd is None else dollars(one.budget_usd), at_most(one.max_usd or 0))
        rows.append([one.run_id, one.state, *said, at_most(one.reserved_usd), cost(one.spent_usd)])
    lines += ["", table(rows)] if paid else []
    for one in result.elsewhere or []:
        lines.append(
            f"started elsewhere: {one.run_id}, {one.state} on {one.flavor}, at most {at_most(one.max_usd)}: {one.url}"
        )
    if result.elsewhere_unknown:
        lines.append(f"What the account's other machines spend is not known: {result.elsewhere_unknown}.")
    if result.elsewhere:
        lines.append("`attach` follows from here what was started elsewhere.")
    if free := len(result.runs) - len(paid):
        lines += ["", f"{free} {'run' if free == 1 else 'runs'} that cost nothing"]
    return "\n".join(lines)


def _clean(result: Any) -> str:
    return (
        f"Removed {len(result.removed)} things, {size(result.bytes)}."
        if result.removed
        else "There was nothing to remove."
    )


def _doctor(result: Any) -> str:
    rows = [[name, state] for name, state in result.backends.items()]
    rows.append(["sandbox", result.sandbox or "none: nothing here runs code that a model wrote"])
    rows += [[name, found or "not installed"] for name, found in result.versions.items()]
    return table(rows)


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _memory(found: Any) -> str:
    low, high = (reserved + found.context_gib for reserved in found.reserved_gib)
    lines = [
        (
            f"{low:.1f} to {high:.1f} GiB on the card: {found.allocated_gib:.2f} GiB at the peak ({found.phase}), what the "
            f"allocator reserves beside it, and {found.context_gib:g} GiB for CUDA itself"
        ),
        "",
        table([[part, f"{gib:8.3f} GiB"] for part, gib in found.breakdown.items()]),
        "",
        f"{found.trainable:,} of {found.parameters:,} weights are trained",
    ]
    return "\n".join([*lines, *([found.note] if found.note else [])])


def proof_text(proof: Any) -> str:
    """Each check with what was seen, those that failed first."""
    failed = sum(not one.passed for one in proof.checks)
    checks = sorted(proof.checks, key=lambda one: one.passed)
    said = "proved in miniature" if proof.passed else f"NOT proved: {failed} of {len(proof.checks)} checks failed"
    rows = [["passed" if one.passed else "FAILED", one.id, one.evidence] for one in checks]
    return "\n".join([f"{said}, in {duration(proof.seconds)}", table(rows)])


def edit_text(result: Any) -> str:
    if not result.diff:
        said = "The script is as the plan wrote it."
    else:
        said = f"{result.added} lines added, {result.removed} removed.\n\n{result.diff}\n"
    start = f"start it with: run {result.plan_id[:12]}" if result.proof.passed else "Nothing can be started with it."
    return "\n".join([said, proof_text(result.proof), start])


def _ref(result: Any) -> str:
    return f"{result.run_id}: {result.state}"


_RENDER: dict[str, Callable[[Any], str]] = {
    "read": _reading,
    "inspect": lambda result: _plan(result) if hasattr(result, "plan_id") else _report(result),
    "memory": _memory,
    "plan": _plan,
    "script": lambda result: f"{result.path}: run it with `uv run {result.path}`",
    "prove": proof_text,
    "edit": edit_text,
    "confirm": lambda result: "Confirmed." if result.confirmed else "Not confirmed; nothing was started.",
    "run": lambda result: _ref(result) + ("; it waits for consent" if result.state == "draft" else ""),
    "runs": _runs,
    "show": _show,
    "logs": lambda result: "\n".join(result.lines) or "There is no log yet.",
    "metrics": _metrics,
    "stop": _ref,
    "cancel": lambda result: _runs(result) if hasattr(result, "runs") else _ref(result),
    "resume": _ref,
    "attach": _ref,
    "evaluate": _scores,
    "compare": comparison,
    "report": lambda result: result.path,
    "export": _export,
    "budget": _budget,
    "clean": _clean,
    "doctor": _doctor,
}
