"""Attention as a GPU's kernels keep it: names that transformers takes as implementations of attention.

`efficient` stands for FlashAttention-2 and for PyTorch's own efficient kernels: nothing of the size of the scores is kept.
`math` is PyTorch's own plain attention, which keeps the scores of every pair of tokens.
"""

from __future__ import annotations

from typing import Any

import torch

from tunebook.pipeline.hardware.meta.autocast import lowered
from tunebook.pipeline.hardware.meta.live import LiveBytes

PREFIX = "tunebook_"


class _Efficient(torch.autograd.Function):  # type: ignore[misc]
    """Allocates what FlashAttention-2 allocates (flash_api.cpp): the output and the log of each row's sum, kept with q, k
    and v; backwards each row's dot product and dq in float32, and dk and dv for every query head where heads share them.
    """

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        batch, heads, length, width = query.shape
        # Two products of length x length x width, half of which causal kernels skip.
        ctx.flops = batch * heads * length * key.shape[2] * (width + value.shape[-1])
        LiveBytes.multiplied(ctx.flops)
        out = query.new_empty(batch, length, heads, value.shape[-1]).transpose(1, 2)
        sums = query.new_empty(batch, heads, length, dtype=torch.float32)
        ctx.save_for_backward(query, key, value, out, sums)
        return out

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        query, key, value, _, sums = ctx.saved_tensors
        LiveBytes.multiplied(ctx.flops * 5 // 2)  # five products instead of two
        dots = torch.empty_like(sums)
        whole = query.new_empty(query.shape[0], query.shape[2], query.shape[1], query.shape[3], dtype=torch.float32)
        gradients = [_like(query), _like(key), _like(value)]
        if key.shape[1] != query.shape[1]:
            spread = [_like(one, query.shape[1]) for one in (key, value)]
            del spread
        del dots, whole
        return tuple(gradients)


def _like(tensor: torch.Tensor, heads: int | None = None) -> torch.Tensor:
    batch, own, length, width = tensor.shape
    return tensor.new_empty(batch, length, heads or own, width).transpose(1, 2)


def efficient(_module: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
    query, key, value = lowered(query, key, value)
    out: torch.Tensor = _Efficient.apply(query, key, value)
    return out.transpose(1, 2).contiguous(), None


def math(
    _module: Any, query: Any, key: Any, value: Any, *_: Any, scaling: float | None = None, **__: Any
) -> tuple[torch.Tensor, None]:
    query, key, value = lowered(query, key, value)
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (_repeated(one, groups) for one in (key, value))
    plain = torch.ops.aten._scaled_dot_product_attention_math.default
    out = plain(query, key, value, None, 0.0, True, None, scale=scaling)[0]
    return out.transpose(1, 2).contiguous(), None


def _repeated(tensor: torch.Tensor, times: int) -> torch.Tensor:
    batch, heads, length, width = tensor.shape
    return tensor[:, :, None].expand(batch, heads, times, length, width).reshape(batch, heads * times, length, width)


KINDS = {"efficient": efficient, "math": math}


def register() -> None:
    """Make both known to transformers, which then builds no masks: causal kernels need none."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    for name, function in KINDS.items():
        ALL_ATTENTION_FUNCTIONS.register(PREFIX + name, function)
