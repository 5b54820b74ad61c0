"""The proof of a script in miniature, kept as long as the script and the libraries are the same."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from tunebook.pipeline.home import home, read_json, write_json
from tunebook.pipeline.plan.looking import Watched, work_for
from tunebook.pipeline.plan.model import Plan
from tunebook.pipeline.prove.result import Proof

LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets")


def needs_proof(plan: Plan) -> bool:
    """Whether nothing is started before the script is proved: where it costs money, or where a person has edited it."""
    return plan.ask is None and (bool(plan.max_usd) or plan.edit is not None)


def kept_proof(script: str) -> Proof | None:
    """What an earlier proof of these bytes found; None where there was none."""
    try:
        body = read_json(_place(script))
        return Proof.model_validate(body) if body is not None else None
    except (OSError, ValueError):  # which a ValidationError is
        return None


def proof_of(script: str, watched: Watched | None = None) -> Proof:
    """The proof of a script, as a local job. Raises CallError for what is no training script of ours."""
    if (known := kept_proof(script)) is not None:
        return known
    folder = home() / "proofs"
    folder.mkdir(parents=True, exist_ok=True)
    path = _place(script).with_suffix(".py")
    path.write_text(script, encoding="utf-8")
    text = "Proving the script in miniature"
    body = work_for("prove", {"script": str(path)}, text, "plan", "the proof", watched)
    proof = Proof.model_validate(body)
    if proof.passed:  # one that failed may have failed for want of memory or time: the next one looks again
        write_json(_place(script), proof.model_dump(mode="json"))
    return proof


def _place(script: str) -> Path:
    said = [script, [version(name) for name in LIBRARIES]]
    return home() / "proofs" / f"{hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]}.json"
