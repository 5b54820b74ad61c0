"""What a proof in miniature is asked and what it answers."""

from __future__ import annotations

from pydantic import BaseModel


class ProofConfig(BaseModel):
    script: str  # the path of a training script
    quick: bool = False  # without the control of what is learned
    only: list[str] = []  # these runs alone, by name; all where it is empty
    learning_s: float = 45.0  # what is still learning after so many seconds in all is ended, and the evidence says so


class ProofCheck(BaseModel):
    id: str
    passed: bool
    evidence: str


class Proof(BaseModel):
    passed: bool
    seconds: float
    checks: list[ProofCheck]
