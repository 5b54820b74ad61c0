"""What a proof in miniature is asked and what it answers."""

from __future__ import annotations

from pydantic import BaseModel


class ProofConfig(BaseModel):
    script: str  # the path of a training script
    quick: bool = False  # without the control of what is learned
    seconds: float = 55.0  # learning ends early, and the evidence says so, where all would take longer


class ProofCheck(BaseModel):
    id: str
    passed: bool
    evidence: str


class Proof(BaseModel):
    passed: bool
    seconds: float
    checks: list[ProofCheck]
