"""Autocast for the meta device, which has none: functions that CUDA's autocast runs in 16 bit get their arguments cast.

The casts are real tensors, so that they are counted: those of trained float32 weights are kept for the rest of the forward
pass, as autocast's cache keeps them, those of frozen weights are made anew each time and live as long as the gradient
needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_LOWER = {
    functional.linear,
    functional.conv1d,
    functional.bilinear,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.Tensor.__rmatmul__,
    torch.mm,
    torch.Tensor.mm,
    torch.bmm,
    torch.Tensor.bmm,
    torch.addmm,
    torch.baddbmm,
    torch.einsum,
}
_FULL = {
    functional.softmax,
    torch.softmax,
    torch.Tensor.softmax,
    functional.log_softmax,
    torch.log_softmax,
    functional.layer_norm,
    functional.group_norm,
    functional.cross_entropy,
    functional.nll_loss,
    functional.softplus,
    torch.pow,
    torch.Tensor.pow,
    torch.Tensor.__pow__,
    torch.rsqrt,
    torch.Tensor.rsqrt,
    torch.exp,
    torch.Tensor.exp,
    torch.log,
    torch.Tensor.log,
    torch.sum,
    torch.Tensor.sum,
    torch.cumsum,
    torch.Tensor.cumsum,
    torch.norm,
}


class Autocast(TorchFunctionMode):  # type: ignore[misc]
    """One region of autocast, as around a model's forward pass; without a dtype it does nothing."""

    current: Autocast | None = None

    def __init__(self, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.dtype = dtype
        self._cache: dict[int, torch.Tensor] = {}
        self._outer: Autocast | None = None

    def __enter__(self) -> Autocast:
        self._outer, Autocast.current = Autocast.current, self
        super().__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self._cache.clear()
        Autocast.current = self._outer
        super().__exit__(*reason)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.dtype is not None:
            if func in _LOWER:
                args, kwargs = self._each(self._lowered, args, kwargs)
            elif func in _FULL:
                args, kwargs = self._each(_raised, args, kwargs)
        return func(*args, **kwargs)

    def _each(self, cast: Callable[[Any], Any], args: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(cast(one) for one in args), {name: cast(one) for name, one in kwargs.items()}

    def _lowered(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(self._lowered(one) for one in value)
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.dtype == self.dtype:
            return value
        assert self.dtype is not None
        if value.dtype is torch.float32 and value.requires_grad and value.is_leaf:
            key = id(value)
            if key not in self._cache:
                self._cache[key] = value.to(self.dtype)
            return self._cache[key]
        return value.to(self.dtype)


def _raised(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16, torch.float16):
        return value.float()
    return value


def lowered(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The tensors as an attention kernel would get them here."""
    mode = Autocast.current
    if mode is None or mode.dtype is None:
        return tensors
    dtype = mode.dtype
    return tuple(tensor.to(dtype) for tensor in tensors)
