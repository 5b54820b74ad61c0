"""LoRA on a small clone of a model, trained for three steps: which adapters move, and whether the rest stays as it is.

An adapter that never moves is trained in name only: its module is not called, or what it gives is not used.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LAYERS = 4  # models that mix kinds of layers repeat them after so many
WORDS = 64  # of the vocabulary
STEPS = 3  # LoRA's B is zero at first, so A has a gradient from the second step on only
ROWS, LENGTH = 4, 32  # of tokens; the experts of a layer are one tensor, so not each of them has to be asked
RANK = 4
MOST = 200_000_000  # weights of a clone that keeps the model's width

#: What a clone has of everything at most.
FEW = {
    "vocab_size": WORDS,
    "num_hidden_layers": LAYERS,
    "intermediate_size": 64,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
}
HEADS = 2  # of a narrow clone, each as wide as the model's own


@dataclass(frozen=True)
class Moved:
    """What three steps did. `still` are the modules whose adapter did not move, `changed` frozen weights that did."""

    adapters: int
    still: list[str]
    changed: list[str]


class NoClone(Exception):
    """The architecture does not work when it is made small; the message is its own."""


class NoAdapters(Exception):
    """The clone works, and fails with adapters on it, as the model itself would; the message is PEFT's or the model's."""


def try_adapters(config: Any, targets: str | Sequence[str]) -> Moved:
    """Train adapters on a clone, a narrow one where the architecture can be narrow. Raises NoClone or NoAdapters."""
    import torch
    from transformers.utils import logging

    told, threads = logging.get_verbosity(), torch.get_num_threads()
    torch.set_num_threads(1)  # so small a model is slower with several
    logging.set_verbosity_error()  # of slow kernels and token ids: the clone is no model that anybody uses
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PEFT tells of Conv1D and of tied weights, which it treats rightly itself
            torch.manual_seed(0)
            clone = _working_clone(config)
            try:
                return _train(clone, targets)
            except Exception as failure:
                raise NoAdapters(first_line(failure)) from failure
    finally:
        logging.set_verbosity(told)
        torch.set_num_threads(threads)


def first_line(failure: Exception) -> str:
    return (str(failure).splitlines() or [type(failure).__name__])[0][:160]


def _working_clone(config: Any) -> Any:
    import torch

    failed: Exception | None = None
    for narrow in (True, False):
        try:
            clone = _clone(_smaller(config, narrow=narrow))
            with torch.no_grad():
                clone(input_ids=torch.randint(0, WORDS, (ROWS, LENGTH)), use_cache=False)
            return clone
        except Exception as failure:  # noqa: BLE001 (an architecture raises what it likes when it is made small)
            failed = failed or failure
    assert failed is not None
    raise NoClone(first_line(failed)) from failed


def _smaller(config: Any, *, narrow: bool) -> Any:
    small = copy.deepcopy(config.get_text_config())
    most = dict(FEW)
    heads = getattr(small, "num_attention_heads", None)
    if narrow and heads:
        most["num_attention_heads"] = min(HEADS, heads)
        most["num_key_value_heads"] = HEADS if getattr(small, "num_key_value_heads", None) == heads else HEADS // 2
        each = getattr(small, "head_dim", None) or small.hidden_size // heads
        most["hidden_size"] = each * most["num_attention_heads"]
    for name, value in most.items():
        has = getattr(small, name, None)
        if isinstance(has, int) and has > value:
            setattr(small, name, value)
    with suppress(AttributeError):  # some configs derive the kinds of layers from their number
        if getattr(small, "layer_types", None):
            small.layer_types = small.layer_types[: small.num_hidden_layers]
    for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
        setattr(small, token, None)
    return small


def _clone(config: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        size = sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    if size > MOST:
        raise ValueError(f"it would have {size / 1e6:,.0f} million weights")
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def _train(model: Any, targets: str | Sequence[str]) -> Moved:
    import torch
    from peft import LoraConfig, get_peft_model

    wanted = targets if isinstance(targets, str) else list(targets)
    adapted = get_peft_model(
        model, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=wanted, task_type="CAUSAL_LM")
    ).train()
    before = {name: weight.detach().clone() for name, weight in adapted.named_parameters()}
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
    for _ in range(STEPS):
        ids = torch.randint(0, WORDS, (ROWS, LENGTH))
        loss = adapted(input_ids=ids, labels=ids, use_cache=False).loss
        if not loss.requires_grad:  # no adapter has a part in it
            break
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    moved = {name: not torch.equal(before[name], weight) for name, weight in adapted.named_parameters()}
    frozen = [name for name, weight in adapted.named_parameters() if not weight.requires_grad]
    adapters = [name for name in moved if name not in set(frozen)]
    return Moved(
        adapters=len({_module(name) for name in adapters}),
        still=list(dict.fromkeys(_module(name) for name in adapters if not moved[name])),
        changed=[_module(name) for name in frozen if moved[name]],
    )


def _module(name: str) -> str:
    """The module of the model whose tensor this is."""
    return re.sub(r"\.(?:base_layer|lora_[A-Za-z_]+)\b.*", "", name.removeprefix("base_model.model."))
