"""What each GGUF type weighs, and how far its model may be from the merged one to be called the same model."""

from __future__ import annotations

from typing import NamedTuple


class Quant(NamedTuple):
    """`bits` a weight; the certificate passes with at most `max_kl` nats a token and at least `min_top1` agreement."""

    bits: float
    max_kl: float
    min_top1: float


#: The bars are set by measurement on a model that loses much by quantising: SmolLM2-135M is 576 wide, so that most of its
#: rows fall back to other types. Over 512 positions of chats and 208 of plain text, the worse of the two, it gave nats a
#: token and agreement of: F16 0.00001, 100 %; BF16 0.0003, 99.5 %; Q8_0 0.008, 93 %; Q6_K 0.031, 84 %; Q5_K_M 0.21, 79 %;
#: Q4_K_M 0.11, 85 %; Q4_K_S 0.15, 78 %; Q3_K_M 0.27, 68 %; IQ4_XS 0.43, 74 %; Q4_0 0.69, 60 %; Q2_K 0.71, 52 %.
#: Below Q6_K there is one bar for all: a file that says something else in three of ten places is another model, however
#: usual that is for its type. A file of the wrong model, or read with the wrong kernels, is nats away.
COARSE = (0.3, 0.70)
#: Bits a weight as llama.cpp states them.
KNOWN: dict[str, Quant] = {
    "F16": Quant(16, 0.001, 0.98),
    "BF16": Quant(16, 0.002, 0.97),
    "Q8_0": Quant(8.5, 0.02, 0.90),
    "Q6_K": Quant(6.6, 0.08, 0.80),
    "Q5_K_M": Quant(5.7, *COARSE),
    "Q5_K_S": Quant(5.5, *COARSE),
    "Q4_K_M": Quant(4.9, *COARSE),
    "Q4_K_S": Quant(4.6, *COARSE),
    "Q4_0": Quant(4.6, *COARSE),
    "IQ4_XS": Quant(4.3, *COARSE),
    "Q3_K_M": Quant(3.9, *COARSE),
    "Q2_K": Quant(3.2, *COARSE),
}
