"""What bitsandbytes' 4-bit linear layers need: packed weights, one of them unpacked at a time."""

from __future__ import annotations

from typing import Any

import torch

#: Bytes a weight: half a byte, and its share of the scales of 64 weights, which are kept in 8 bits with scales of their own.
BYTES = 0.5 + 0.017


class _Product(torch.autograd.Function):  # type: ignore[misc]
    """Unpacks the weight for the product and drops it; the gradient unpacks it again."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, layer: FourBitLinear) -> torch.Tensor:
        ctx.layer = layer
        bias = None if layer.bias is None else layer.bias.to(rows.dtype)
        return torch.nn.functional.linear(rows, layer.unpacked(rows), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        return gradient @ ctx.layer.unpacked(gradient), None


class FourBitLinear(torch.nn.Linear):  # type: ignore[misc]
    """Frozen; computes in bf16 whatever it is given, and answers in the type it was given."""

    def __init__(self, layer: torch.nn.Linear) -> None:
        torch.nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        packed = torch.empty(int(layer.weight.numel() * BYTES), dtype=torch.uint8, device=layer.weight.device)
        self.weight = torch.nn.Parameter(packed, requires_grad=False)
        self.bias = None if layer.bias is None else torch.nn.Parameter(layer.bias.detach(), requires_grad=False)

    def unpacked(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_empty(self.out_features, self.in_features)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = _Product.apply(input.to(torch.bfloat16), self)
        return rows.to(input.dtype)


def pack(model: torch.nn.Module) -> None:
    """Put every linear layer but the output layer into 4 bits, as transformers does with a BitsAndBytesConfig."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and child is not head:
                setattr(module, name, FourBitLinear(child))
