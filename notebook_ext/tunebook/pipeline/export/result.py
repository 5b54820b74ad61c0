"""What an export made, as `export` prints it."""

from __future__ import annotations

from pydantic import BaseModel


class Certificate(BaseModel):
    """Whether the GGUF says what the merged model says, on the same prompts."""

    passed: bool
    token_ids_equal: bool
    top1_agreement: float  # share of positions with the same most likely token, 0 to 1
    mean_kl: float  # nats a token, merged model against GGUF


class GgufFile(BaseModel):
    file: str
    quant: str
    bytes: int
    sha256: str
    certificate: Certificate | None


class ExportResult(BaseModel):
    merged: str | None  # folder of the merged full-precision model
    gguf: list[GgufFile]
    pushed: str | None


class Answer(BaseModel):
    """One question put to the GGUF, to show that it answers."""

    file: str
    prompt: str
    expected: str | None
    answer: str
    tokens_per_second: float
