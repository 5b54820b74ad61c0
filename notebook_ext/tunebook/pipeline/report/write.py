"""Write a run's report from the journal and the files of its stages. What was not done is said to be absent."""

from __future__ import annotations

import base64
import os
import time
from html import escape
from pathlib import Path
from typing import Any

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.wording import sentence
from tunebook.pipeline.home import read_json
from tunebook.pipeline.plan import Plan
from tunebook.pipeline.report.curve import draw_curve
from tunebook.pipeline.run_folder import RunFolder
from tunebook.pipeline.stages import comparison_of
from tunebook.pipeline.watch import Live

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #57606a; --line: #d8dee4; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa4af; --line: #30363d; --page: #0d1117; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 860px; margin: 40px auto; padding: 0 20px; }
h1 { font-size: 22px; margin-bottom: 4px; } h2 { font-size: 16px; margin: 32px 0 8px; }
.quiet { color: var(--quiet); } img { max-width: 100%; background: #fff; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
th { font-weight: 500; color: var(--quiet); }
pre { overflow: auto; font-size: 12px; border: 1px solid var(--line); border-radius: 6px; padding: 12px; }
"""


def write_report(run_id: str, plan: Plan, to: Path | None = None) -> Path:
    """Write the report (HTML) and return its path: in the run's folder, or `to`. Raises CallError if it cannot be written."""
    live = Live(run_id)
    run = live.poll().run
    folder = RunFolder(run_id)
    path = to or folder.report
    has_curve = draw_curve(live.series, folder.curve)
    comparison = comparison_of(folder)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created_at))
    about = f"run {run_id}, plan {(plan.plan_id or '')[:12]}, begun {when}"
    parts = [
        f"<h1>{_text(plan.model.title if plan.model else run_id)}</h1>",
        f'<p class="quiet">{_text(about)}</p>',
        f"<pre>{_text(run.instruction)}</pre>",
        "<h2>Result</h2>",
        f"<p>{_text(sentence(comparison) if comparison else 'Nothing was evaluated.')}</p>",
    ]
    if comparison:
        parts.append(
            _table(
                ["checkpoint", "solved", comparison.metric, "95 % interval", "against base", "p"],
                [
                    [
                        row.checkpoint + (" (best)" if row.checkpoint == comparison.best else ""),
                        f"{row.passed} of {row.total}" if row.passed is not None else "",
                        f"{row.score:.3g}",
                        f"{row.ci[0]:.3g} to {row.ci[1]:.3g}",
                        f"{row.vs_base.delta:+.3g}" if row.vs_base else "",
                        f"{row.vs_base.p:.2g}" if row.vs_base and row.vs_base.p is not None else "",
                    ]
                    for row in comparison.rows
                ],
            )
        )
    parts.append("<h2>Training</h2>")
    if has_curve:
        image = base64.b64encode(folder.curve.read_bytes()).decode()
        parts.append(f'<img alt="training and held-out values against the step" src="data:image/png;base64,{image}">')
    parts += _data(plan) + _plan(plan) + _export(folder)
    parts += ["<h2>Time</h2>", _table(["stage", "seconds"], [[s, f"{t:.0f}"] for s, t in run.done_stages.items()])]
    parts += ["<h2>Script</h2>", f"<pre>{_text(plan.script or '')}</pre>"]
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_text(run_id)}</title><style>{STYLE}</style>'
        f"<body>{''.join(parts)}</body></html>"
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(page, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as failure:
        raise CallError(
            "output", f"{path} cannot be written ({failure.strerror})", "name a file in a folder that is there"
        ) from None
    return path


def _data(plan: Plan) -> list[str]:
    if plan.inspection is None:
        return []
    report = plan.inspection.report
    rows = [[finding.message, finding.id, finding.remedy] for finding in report.findings]
    return ["<h2>Data</h2>", f"<p>{_text(report.sentence())}</p>"] + (
        [_table(["finding", "id", "remedy"], rows)] if rows else []
    )


def _plan(plan: Plan) -> list[str]:
    rows = [[name, _value(value), "you said so"] for name, value in plan.said.items() if name in plan.spec]
    rows += [[one.field, _value(one.value), one.why] for one in plan.decisions]
    return ["<h2>Plan</h2>", f"<p>{_text(plan.sentence)}</p>", _table(["field", "value", "why"], rows)]


def _export(folder: RunFolder) -> list[str]:
    result = read_json(folder.path / "export.json")
    if result is None:
        return ["<h2>Export</h2>", "<p>Nothing was exported.</p>"]
    rows: list[list[str]] = []
    for file in result["export"]["gguf"]:
        certificate = file["certificate"]
        said = (
            f"tokens {'equal' if certificate['token_ids_equal'] else 'differ'}, same first choice at "
            f"{100 * certificate['top1_agreement']:.1f} % of positions, mean KL {certificate['mean_kl']:.2g}"
            if certificate
            else "not compared"
        )
        rows.append([file["file"], f"{file['bytes'] / 1e6:.0f} MB", said, file["sha256"][:16]])
    parts = ["<h2>Export</h2>", _table(["file", "size", "against the merged model", "sha256"], rows)]
    answer = result.get("answer")
    if answer:
        expected = f" (expected: {answer['expected']})" if answer.get("expected") else ""
        asked = f"Asked: {answer['prompt']}\nThe GGUF answered: {answer['answer']}{expected}"
        parts.append(f"<pre>{_text(asked)}</pre>")
    return parts


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = "".join(f"<th>{_text(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _text(value: str) -> str:
    """Text for HTML, never markup: everything in a report may come from data."""
    return escape(value, quote=True)
