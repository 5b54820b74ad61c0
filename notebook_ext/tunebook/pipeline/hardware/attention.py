"""Which attention a CPU computes fastest."""

from __future__ import annotations

#: PyTorch's fused attention has a slow backward pass on CPUs. SmolLM2-135M with LoRA on 2 cores, a step with it beside one
#: with plain products: 1.18 times at rows of 76 tokens, 1.09 times at 256, half of it at 1,024.
SHORT = 256


def plain_on_a_cpu(method: str, max_length: int) -> bool:
    """Whether rows of at most so many tokens train faster without it. GRPO's answers come on top of its rows."""
    return method != "grpo" and max_length <= SHORT
