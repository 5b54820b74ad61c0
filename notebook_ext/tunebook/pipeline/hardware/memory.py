"""How much memory a training step needs: the question, the answer, and what a person reads of it.

The answer comes from `hardware.meta`, which needs torch and a process of its own; nothing here imports it before it is
asked.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunebook.pipeline.errors import CallError

Tuning = Literal["full", "lora", "qlora"]
Attention = Literal["efficient", "math"]
Loss = Literal["plain", "chunked"]
Dtype = Literal["bf16", "fp16", "fp32"]
Optimizer = Literal["adamw", "adamw_8bit", "adafactor", "sgd"]


class MemoryAsk(BaseModel):
    """One training step on one card. Rows are sequences: DPO has two for each pair.

    `loss` says whose step it is. "chunked" is TRL's trainer: autocast in `autocast`, the output layer fused with the loss,
    4-bit models as TRL loads them. "plain" is a loop over transformers and peft as their guides write it: all logits in
    float32 and kept with the outputs, no autocast, `prepare_model_for_kbit_training` for 4-bit models.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str  # a folder with a config.json, or a Hub id
    model_revision: str | None = None
    method: Literal["sft", "dpo", "grpo", "kto", "reward"] = "sft"
    tuning: Tuning = "lora"
    rank: int = Field(default=16, ge=1)
    targets: str | list[str] = "all-linear"
    seq: int = Field(default=1024, ge=1)
    batch: int = Field(default=1, ge=1)  # rows on the card at once; for dpo: pairs
    checkpointing: bool = True
    attention: Attention = "efficient"
    loss: Loss = "chunked"
    dtype: Dtype = "bf16"  # of the weights as they are loaded
    autocast: Dtype | None = None  # what the forward pass computes in; None: nothing is cast
    optimizer: Optimizer = "adamw"
    cards: int = Field(default=1, ge=1)
    trust_remote_code: bool = False
    accumulation: int = Field(
        default=1, ge=1
    )  # from the second pass on, the gradients of the first are there all the time


#: What to write instead, for the line a wrong value gets.
REMEDIES = {
    "method": "choose one of sft, dpo, grpo, kto, reward",
    "tuning": "choose one of full, lora, qlora",
    "rank": "give a whole number of at least 1, such as 16",
    "seq": "give a whole number of tokens of at least 1, such as 1024",
    "batch": "give a whole number of rows of at least 1",
    "accumulation": "give a whole number of at least 1",
    "attention": "choose efficient or math",
    "loss": "choose chunked or plain",
    "dtype": "choose one of bf16, fp16, fp32",
    "autocast": "choose bf16, fp16 or none",
    "optimizer": "choose one of adamw, adamw_8bit, adafactor, sgd",
    "cards": "give a whole number of at least 1",
}


def make_ask(**fields: Any) -> MemoryAsk:
    """A question from typed values: `autocast` follows from the loss where it was not said.

    Raises CallError (exit 2) with the first wrong field, what is wrong, and the remedy.
    """
    if fields.get("autocast") is None and fields.get("loss", "chunked") == "chunked":
        fields["autocast"] = "fp16" if fields.get("dtype") == "fp16" else "bf16"
    if fields.get("autocast") in ("none", "fp32"):
        fields["autocast"] = None
    try:
        return MemoryAsk(**fields)
    except ValidationError as failure:
        error = failure.errors()[0]
        field = str(error["loc"][0])
        reason = error["msg"].removeprefix("Input ")
        raise CallError(
            field, f"is {error.get('input')!r}, which {reason}", REMEDIES.get(field, "give a valid value")
        ) from None


class MemoryEstimate(BaseModel):
    """GiB on one card. `reserved_gib` is what the allocator takes from the driver, from low to high; `context_gib` is what
    CUDA itself takes beside it. `breakdown` is what `allocated_gib` is made of at the moment of the peak.
    """

    allocated_gib: float
    reserved_gib: tuple[float, float]
    context_gib: float
    breakdown: dict[str, float]
    seconds: float  # that the answer took
    phase: str  # when the peak comes: meta/step.py lists the phases
    parameters: int
    trainable: int
    flops: float  # of one step, matrix products and attention
    exact: bool  # False where parts are by formula: GRPO, mixtures of experts, several cards
    note: str = ""  # what is coarser, and why the band is wide
