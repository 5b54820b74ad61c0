"""What the plan's panel shows of the training script: its text, what a person changed in it, and its proof in miniature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunebook.widgets.words import counted, duration

if TYPE_CHECKING:
    from tunebook.pipeline.plan import Plan
    from tunebook.pipeline.prove.result import Proof

View = dict[str, Any]

#: Characters that are sent of a script and of a diff, which a person may have made as long as they like.
SCRIPT_MOST, DIFF_MOST, EVIDENCE_MOST = 200_000, 60_000, 1_000

#: What each check of the proof looks at, in words.
CHECKS = {
    "runs": "It runs to its end",
    "tokens": "The right tokens are learned",
    "overfits": "It learns a few rows by heart",
    "stops": "Answers stop at the end token",
    "stops-control": "Without an end token they do not stop",
    "reward-varies": "Rewards tell answers apart",
    "moves": "Trained weights move",
    "frozen": "Frozen weights stay as they are",
    "checkpoint": "It resumes from a checkpoint",
    "metrics": "The log is whole and finite",
    "signal": "It saves when it is told to end",
}


def script_view(
    plan: Plan, proof: Proof | None, *, proving: str = "", run_id: str = "", can_prove: bool = True
) -> View:
    """`proving`: what is said of the proof while it runs. `can_prove`: whether it is still time to look before paying."""
    script = plan.script or ""
    sent = script[:SCRIPT_MOST]
    lines = counted(len(script.splitlines()), "line", "lines")
    cut = f", of which the first {len(sent.splitlines()):,} are here" if len(sent) < len(script) else ""
    name = plan.plan_id[:12] if plan.plan_id else ""
    hints = []
    if script and name:
        hints.append(f"`%finetune script {run_id or name}` opens it in the next cell to edit.")
    prove = script and name and can_prove and proof is None and not proving
    return {
        "script": sent,
        "script_title": f"The training script, {lines}{cut}" if script else "",
        "edit": edit_view(plan.edit) if plan.edit else None,
        "proof": proof_view(proof) if proof else None,
        "proving": proving,
        "hints": [*hints, f"`%finetune prove {name}` runs it on a tiny clone first."] if prove else hints,
    }


def edit_view(diff: str) -> View:
    from tunebook.pipeline.plan.edited import counted as counted_lines

    added, removed = counted_lines(diff)
    parts = [counted(added, "line added", "lines added")] if added else []
    if removed:
        parts.append(f"{removed:,} removed" if added else counted(removed, "line removed", "lines removed"))
    # Of the head only the names of the two texts, which the sentence says.
    sent = "\n".join(diff[:DIFF_MOST].split("\n")[2:])
    return {
        "sentence": f"You edited the script: {', '.join(parts)}.",
        "diff": sent + ("\n@@ the rest is not shown @@" if len(diff) > DIFF_MOST else ""),
    }


def proof_view(proof: Proof) -> View:
    """The proof, its failed checks first."""
    failed, total = sum(not one.passed for one in proof.checks), len(proof.checks)
    took = duration(proof.seconds)
    if proof.passed:
        sentence = f"Proved in miniature in {took}: {counted(total, 'check', 'checks')} passed."
    else:
        sentence = f"Not proved in miniature: {failed} of {counted(total, 'check', 'checks')} failed, after {took}."
    return {
        "passed": proof.passed,
        "sentence": sentence,
        "checks": [
            {"id": one.id, "name": name_of_check(one.id), "passed": one.passed, "evidence": _cut(one.evidence)}
            for one in sorted(proof.checks, key=lambda one: one.passed)
        ],
    }


def name_of_check(check: str) -> str:
    """A check of a newer version is called by its id."""
    return CHECKS.get(check) or check.replace("-", " ").replace("_", " ").capitalize()


def _cut(text: str) -> str:
    return text if len(text) <= EVIDENCE_MOST else text[: EVIDENCE_MOST - 1] + "…"
