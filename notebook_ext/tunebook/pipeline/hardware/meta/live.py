"""How many bytes are alive: a dispatch mode that counts each storage from its creation to its release."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

#: CUDA's allocator hands out memory in blocks of 512 bytes.
BLOCK = 512

PARTS = ("weights", "adapter", "gradients", "optimizer", "activations", "logits", "working")
WEIGHTS, ADAPTER, GRADIENTS, OPTIMIZER, ACTIVATIONS, LOGITS, WORKING = range(len(PARTS))

Holders = tuple[int, int]

_aten = torch.ops.aten
#: The place of the two matrices among the arguments of what multiplies them.
_PRODUCTS = {
    _aten.mm.default: 0,
    _aten.mm.out: 0,
    _aten.bmm.default: 0,
    _aten.addmm.default: 1,
    _aten.addmm_.default: 1,
    _aten.baddbmm.default: 1,
}


class Phase:
    """What was alive at each high point of a phase: bytes, in the order of PARTS.

    Two runs with the same `trail` made and dropped the same tensors one after the other, whatever their sizes, so that
    their high points are the same moments.
    """

    def __init__(self, alive: list[int]) -> None:
        self.tops = [tuple(alive)]
        self.trail = 0

    def peak(self) -> tuple[int, ...]:
        return max(self.tops, key=sum)


class LiveBytes(TorchDispatchMode):  # type: ignore[misc]
    """Counts what lives while it is entered; `part` is what a new storage counts as, `phase` where high points are kept.

    It also counts calls of kernels, and floating point operations of matrix products. Bytes are rounded up as CUDA's
    allocator does, unless `block` is 1.
    """

    current: LiveBytes | None = None

    def __init__(self, block: int = BLOCK) -> None:
        super().__init__()
        self.block = block
        self.part = ACTIVATIONS
        self.phase = "load"
        self.phases: dict[str, Phase] = {}
        self.flops = 0
        self.calls = 0
        self._rising = False
        self._parts = [0] * len(PARTS)
        self._single = _alone()
        self._known: dict[int, tuple[Any, int, int]] = {}  # a storage: its reference, bytes and part

    @staticmethod
    def multiplied(flops: int) -> None:
        """Told by a kernel that is stood in for, whose products cannot be seen."""
        if LiveBytes.current is not None:
            LiveBytes.current.flops += flops

    def __enter__(self) -> LiveBytes:
        LiveBytes.current = self
        super().__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        LiveBytes.current = None
        super().__exit__(*reason)

    def count(self, tensors: Iterable[torch.Tensor], part: int) -> None:
        """Count tensors that were made before, such as a model's weights; those that are known change their part."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            known = self._known.get(storage._cdata)
            if known is None:
                self._add(storage, part)
            elif known[2] != part:
                self._parts[known[2]] -= known[1]
                self._parts[part] += known[1]
                self._known[storage._cdata] = (known[0], known[1], part)

    def begin(self, phase: str) -> None:
        """From here on high points belong to this phase; what is alive now is its first."""
        self._top()
        self.phase = phase
        if phase in self.phases:
            self.phases[phase].tops.append(tuple(self._parts))
        else:
            self.phases[phase] = Phase(self._parts)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _aten._local_scalar_dense.default:  # `.item()`: masks and metrics ask for values that are not there
            return True if args[0].dtype == torch.bool else 1
        if func is _aten.add.Tensor and _accumulates(args, self._single):
            func = _aten.add_.Tensor
        self.calls += 1
        scratch = _scratch(func, args)  # alive while the kernel runs
        if scratch is not None:
            self._add(scratch.untyped_storage(), self.part)
        place = _PRODUCTS.get(func)
        if place is not None:
            left, right = args[place], args[place + 1]
            self.flops += 2 * math.prod(left.shape) * right.shape[-1]
        result = func(*args, **(kwargs or {}))
        for leaf in (result,) if isinstance(result, torch.Tensor) else tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self._known:
                    self._add(storage, self.part)
        del scratch
        return result

    def _add(self, storage: Any, part: int) -> None:
        key = storage._cdata
        size = -(-storage.nbytes() // self.block) * self.block
        self._known[key] = (weakref.ref(storage, lambda _: self._drop(key)), size, part)
        self._parts[part] += size
        self._rising = True
        self._went(part)

    def _drop(self, key: int) -> None:
        self._top()
        _, size, part = self._known.pop(key)
        self._parts[part] -= size
        self._went(~part)

    def _top(self) -> None:
        if self._rising and self.phase in self.phases:
            self.phases[self.phase].tops.append(tuple(self._parts))
        self._rising = False

    def _went(self, step: int) -> None:
        if self.phase in self.phases:
            self.phases[self.phase].trail = hash((self.phases[self.phase].trail, step))


def _scratch(func: Any, args: Any) -> torch.Tensor | None:
    """What a kernel of CUDA and of the CPU makes for itself, and the meta device's does not; only what is large."""
    if func is _aten._log_softmax.default and not args[0].is_contiguous():
        return torch.empty_like(args[0])  # it works on rows that lie one after the other (SoftMax.cu)
    if func is _aten._safe_softmax.default:
        return torch.empty_like(args[0], dtype=torch.bool)  # where a score is minus infinity (SoftMax.cpp)
    return None


def _accumulates(args: Any, alone: Holders) -> bool:
    """Whether autograd adds up two gradients of an input in the memory of the first.

    It does where nothing else holds the first (input_buffer.cpp), but never under a dispatch mode. A view is held by what
    it shows: a tied output layer's gradient is one, and lives beside the sum.
    """
    if torch.is_grad_enabled() or torch._C._current_graph_task_id() == -1 or not isinstance(args[1], torch.Tensor):
        return False
    if args[0].shape != args[1].shape:
        return False
    return all(now <= then for now, then in zip(_holders(args[0]), alone, strict=True))


def _holders(tensor: torch.Tensor) -> Holders:
    """How many hold its storage, and how many the tensor itself."""
    return torch._C._storage_Use_Count(tensor.untyped_storage()._cdata), tensor._use_count()


@lru_cache(maxsize=1)
def _alone() -> Holders:
    """The holders of a gradient that only autograd holds, as a dispatch mode sees them."""
    seen: list[Holders] = []

    class Look(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is _aten.add.Tensor:
                seen.append(_holders(args[0]))
            return func(*args, **(kwargs or {}))

    leaf = torch.empty(2, device="meta", requires_grad=True)
    twice = [leaf * 2, leaf * 3]
    with Look():
        torch.autograd.backward(twice, [torch.empty_like(one) for one in twice])
    return seen[0]
