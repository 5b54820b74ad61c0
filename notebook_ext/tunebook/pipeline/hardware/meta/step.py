"""One training step on the meta device, and the high points of each of its phases."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any, NamedTuple

import torch

from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.meta.autocast import Autocast
from tunebook.pipeline.hardware.meta.live import (
    ACTIVATIONS,
    ADAPTER,
    BLOCK,
    GRADIENTS,
    LOGITS,
    OPTIMIZER,
    WEIGHTS,
    WORKING,
    LiveBytes,
    Phase,
)
from tunebook.pipeline.hardware.meta.mends import mended
from tunebook.pipeline.hardware.meta.model import DTYPES, build, layers_of

#: In the order in which they come. What lies between the top and the bottom layers lies between their peaks, too.
PHASES = ("forward", "loss", "loss backward", "top layers", "bottom layers", "embeddings", "optimizer")
_BETWEEN = "between"
METHODS_IN_PAIRS = ("dpo",)
METHODS_WITH_REFERENCE = ("dpo", "kto")


class Ready(NamedTuple):
    """A model as it is before its first step; the size of a pass and the step's optimizer do not change it."""

    model: Any
    reference: Any
    trained: list[torch.nn.Parameter]


class Step(NamedTuple):
    phases: dict[str, Phase]
    flops: int
    calls: int  # of kernels: each costs Python and the driver some microseconds
    parameters: int
    trainable: int


def ready(ask: MemoryAsk, layers: int, rank: int) -> Ready:
    """The model with so many layers and adapters of this rank. Raises CallError for what cannot be made."""
    with mended():
        model = build(ask, layers, rank)
        if ask.checkpointing:
            _checkpoint(model, DTYPES[ask.autocast] if ask.autocast else None)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return Ready(model, _reference(ask, layers, rank), trained)


def run(ask: MemoryAsk, made: Ready, layers: int, period: int, *, rows: int, length: int, block: int = BLOCK) -> Step:
    """Run a step of the model that `ready` made with so many layers, on `rows` sequences of `length` tokens.

    The optimizer's state is there from the beginning, as from the second step on.
    """
    live = LiveBytes(block)
    model, reference, trained = made
    with mended(), contextlib.ExitStack() as hooks:
        _count(live, model, reference)
        for hook in _watch(live, model, layers, period, trained):
            hooks.callback(hook.remove)
        ids = torch.empty(rows, length, dtype=torch.long, device="meta")
        with live:
            live.count([ids], ACTIVATIONS)
            live.part = OPTIMIZER
            optimizer = _optimizer(ask.optimizer, trained)
            if ask.accumulation > 1:
                live.part = GRADIENTS
                for parameter in trained:
                    parameter.grad = torch.empty_like(parameter)
            live.calls = 0
            live.part = ACTIVATIONS
            live.begin("forward")
            outputs, loss = _forward(ask, model, reference, ids, DTYPES[ask.autocast] if ask.autocast else None)
            if ask.loss == "chunked":
                del outputs  # TRL's trainer returns the loss alone; a loop of one's own holds the outputs
            live.part = LOGITS
            live.begin("loss backward")
            loss.backward()
            del loss
            live.part = OPTIMIZER
            live.begin("optimizer")
            if optimizer is not None:
                optimizer.step()
            live.begin("end")
            for parameter in trained:
                parameter.grad = None
    return Step(
        phases={name: live.phases[name] for name in PHASES if name in live.phases},
        flops=live.flops,
        calls=live.calls,
        parameters=_weights(model),
        trainable=sum(parameter.numel() for parameter in trained),
    )


def _forward(ask: MemoryAsk, model: Any, reference: Any, ids: Any, autocast: torch.dtype | None) -> tuple[Any, Any]:
    extra = {"fused_lm_head": True} if ask.loss == "chunked" else {}
    with Autocast(autocast):
        outputs = model(input_ids=ids, labels=ids, use_cache=False, **extra)
    if ask.method not in METHODS_WITH_REFERENCE:
        if ask.loss == "plain":
            return outputs, outputs.loss
        return outputs, -outputs.log_probs.sum() / ids.numel()
    with torch.no_grad(), Autocast(autocast):  # while the activations of the first pass are kept
        apart = model.disable_adapter() if reference is None else None
        if apart is not None:
            with apart:
                other = model(input_ids=ids, labels=ids, use_cache=False, **extra)
        else:
            other = reference(input_ids=ids, labels=ids, use_cache=False, **extra)
    ratio = _log_probs(outputs, ids) - _log_probs(other, ids)
    half = max(1, len(ratio) // 2)
    return outputs, -torch.nn.functional.logsigmoid(0.1 * (ratio[:half] - ratio[-half:])).mean()


def _log_probs(outputs: Any, ids: Any) -> Any:
    """The log-probability of each row."""
    if getattr(outputs, "log_probs", None) is not None:
        return outputs.log_probs.sum(-1)
    logits = outputs.logits[:, :-1].float().log_softmax(-1)
    return logits.gather(-1, ids[:, 1:, None]).squeeze(-1).sum(-1)


def _reference(ask: MemoryAsk, layers: int, rank: int) -> Any:
    """What the answers are compared with: a second model where all weights are trained, else the adapter is left out."""
    if ask.method not in METHODS_WITH_REFERENCE or ask.tuning != "full":
        return None
    made = build(ask, layers, rank)
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    return made.eval()


def _checkpoint(model: Any, autocast: torch.dtype | None) -> None:
    """As the trainer turns it on; a pass that is run again runs in autocast again, with a cache of its own."""
    settings = {"use_reentrant": False, "context_fn": lambda: (_Nothing(), Autocast(autocast))}
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=settings)
    if hasattr(model, "peft_config"):
        model.enable_input_require_grads()


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


def _count(live: LiveBytes, model: Any, reference: Any) -> None:
    adapters = hasattr(model, "peft_config")
    for parameter in model.parameters():
        live.count([parameter], ADAPTER if adapters and parameter.requires_grad else WEIGHTS)
    live.count(model.buffers(), WEIGHTS)
    if reference is not None:
        live.count([*reference.parameters(), *reference.buffers()], WEIGHTS)


def _weights(model: Any) -> int:
    """Weights of the model; a 4-bit layer counts what it stands for."""
    total = 0
    for module in model.modules():
        packed = hasattr(module, "unpacked")
        total += module.in_features * module.out_features if packed else 0
        own = dict(module.named_parameters(recurse=False))
        total += sum(one.numel() for name, one in own.items() if not (packed and name == "weight"))
    tied = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    embeddings = model.get_input_embeddings()
    if tied is not None and tied.weight is embeddings.weight:
        total -= tied.weight.numel()
    return total


def _watch(live: LiveBytes, model: Any, layers: int, period: int, trained: list[torch.nn.Parameter]) -> list[Any]:
    """Hooks that mark where the phases begin, and tell gradients from what else the backward pass makes."""
    listed = layers_of(model, layers)

    def reached(phase: str, part: int, *_: Any) -> None:
        live.part = part
        live.begin(phase)

    def after(number: int, _module: Any, _given: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        if not torch.is_grad_enabled():
            return
        if number == layers - 1 and live.phase == "forward":
            live.part = LOGITS
            live.begin("loss")
        phase = "top layers" if number == layers - 1 else "bottom layers" if number == period - 1 else _BETWEEN
        if hidden.requires_grad and (phase != _BETWEEN or number == layers - 1 - period):
            hidden.register_hook(partial(reached, phase, WORKING))

    def before(_module: Any, given: Any) -> None:
        if given and torch.is_grad_enabled() and given[0].requires_grad:
            given[0].register_hook(partial(reached, "embeddings", WORKING))

    kept = [
        parameter.register_post_accumulate_grad_hook(lambda one: live.count([one.grad], GRADIENTS))
        for parameter in trained
    ]
    kept.append(listed[0].register_forward_pre_hook(before))
    return kept + [layer.register_forward_hook(partial(after, number)) for number, layer in enumerate(listed)]


def _optimizer(name: str, trained: list[torch.nn.Parameter]) -> Any:
    """The optimizer with its state; None where a step of it makes nothing."""
    if name == "sgd":
        return None
    if (
        name == "adamw_8bit"
    ):  # bitsandbytes: two bytes a weight and a float32 for each 256 of them; small ones stay whole
        kept = []
        for one in trained:
            count = one.numel()
            shape, dtype = ((count,), torch.uint8) if count >= 4096 else ((count * 4,), torch.uint8)
            kept += [torch.empty(shape, dtype=dtype, device="meta") for _ in range(2)]
            kept += [torch.empty(-(-count // 256), dtype=torch.float32, device="meta") for _ in range(2)]
        return _State(kept)
    optimizer: Any
    if name == "adafactor":
        from transformers.optimization import Adafactor

        optimizer = Adafactor(trained, lr=1e-4, scale_parameter=False, relative_step=False, warmup_init=False)
    else:
        optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    for one in trained:
        one.grad = torch.empty_like(one)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer


class _State:
    """Keeps tensors alive; its step works in place."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        self.tensors = tensors

    def step(self) -> None:
        return None
