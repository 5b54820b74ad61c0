"""Calls that refuse the meta device, or that do on it what no GPU does, while a step runs on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch

from tunebook.pipeline.hardware.meta.autocast import Autocast
from tunebook.pipeline.hardware.meta.live import LiveBytes


@contextmanager
def mended() -> Iterator[None]:
    """Within it a training step of transformers, peft and TRL runs on the meta device.

    It changes functions of torch and TRL for the whole process, so it is for a process that does nothing else.
    """
    from trl.kernels import chunked_logprob

    enabled, dtype, region = torch.is_autocast_enabled, torch.get_autocast_dtype, torch.autocast

    def is_enabled(device: str | None = None) -> bool:
        mode = Autocast.current
        return mode is not None and mode.dtype is not None if device in (None, "meta") else bool(enabled(device))

    def dtype_of(device: str) -> torch.dtype:
        mode = Autocast.current
        return mode.dtype if device == "meta" and mode is not None and mode.dtype else dtype(device)

    def autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return nullcontext() if device_type == "meta" else region(device_type, *args, **kwargs)

    with (
        patch.object(torch, "is_autocast_enabled", is_enabled),
        patch.object(torch, "get_autocast_dtype", dtype_of),
        patch.object(torch, "autocast", autocast),
        # Triton folds a tile in place; the fallback for devices without it makes several tiles of float32.
        patch.object(chunked_logprob, "_forward_tile", _nothing),
        patch.object(chunked_logprob, "_backward_tile", _nothing),
        patch.object(chunked_logprob, "_addmm_fp32", _multiplied),
        patch("torch.optim.optimizer._get_fused_kernels_supported_devices", lambda: ["meta"]),
    ):
        yield


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _multiplied(_total: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """CUDA adds the product of 16-bit factors to a float32 total and makes no copies of them."""
    LiveBytes.multiplied(2 * left.shape[0] * left.shape[1] * right.shape[1])
