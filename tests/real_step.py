"""A training step on real tensors, whose memory torch.profiler tells: what the memory oracle is compared with.

Nothing of the oracle is in the real step. Used by tests/unit/test_memory_profiler.py and bench/memory_oracle.py.
"""

from __future__ import annotations

import gc
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from shapes import SIZES, config

LIMIT = 0.005
#: Reasons for a difference above the limit that is no fault of the oracle, each with the most that it may explain.
MIXED = "the CPU casts the operands of a sum of two types in copies, CUDA within the kernel"
POW = "CUDA's autocast computes torch.pow in float32, the CPU's does not"
EXPLAINS = {MIXED: 0.10, POW: 0.20}
#: And those below it, which the rows do not repeat.
BELOW = """Differences below the limit: checkpointing keeps the CPU's random state, 5 kB a layer, on a GPU in the CPU's memory;
the CPU's 16-bit products copy operands of their own, about 0.2 MiB."""


class Case(NamedTuple):
    """A question, in words: method, tuning, loss, attention, types, rows x tokens, and what is not as usual."""

    words: str
    reason: str = ""  # for a difference
    model: str = "llama 4x8192"  # type, layers, vocabulary

    def ask(self, parent: Path) -> Any:
        from tunebook.pipeline.hardware.memory import make_ask

        method, tuning, loss, attention, types, sizes, *others = self.words.split()
        dtype, _, autocast = types.partition("/")
        batch, length = map(int, sizes.split("x"))
        more: dict[str, Any] = {"checkpointing": "ckpt" in others, "accumulation": 2 if "twice" in others else 1}
        more["optimizer"] = next((one for one in others if one in ("sgd", "adafactor")), "adamw")
        ranks = [int(one[1:]) for one in others if one[1:].isdigit()]
        return make_ask(
            model=self._folder(parent), method=method, tuning=tuning, rank=ranks[0] if ranks else 8, loss=loss,
            attention=attention, dtype=dtype, autocast=autocast or "none", batch=batch, seq=length, **more,
        )  # fmt: skip

    def _folder(self, parent: Path) -> str:
        """The shapes of SmolLM2-135M, with fewer layers and a smaller vocabulary."""
        kind, sizes, *others = self.model.split()
        layers, vocabulary = map(int, sizes.split("x"))
        fields = dict(zip(SIZES, (576, layers, 9, 3, 1536, vocabulary, "untied" not in others), strict=True))
        return config(parent / self.model.replace(" ", "-"), model_type=kind, **fields | MORE.get(kind, {}))


MORE: dict[str, dict[str, Any]] = {
    "gemma3_text": {"head_dim": 64},
    "gpt2": {"activation_function": "gelu_new", "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 256, "head_dim": 64},
}
SHORT = (
    Case("sft full plain efficient fp32 2x192"),
    Case("sft full chunked efficient bf16 2x192 ckpt"),
    Case("sft full plain math bf16 1x384", model="llama 6x1024"),
    Case("sft lora plain efficient fp32 1x192 r16 ckpt"),
    Case("sft lora plain math fp32/bf16 1x512 ckpt", model="llama 4x1024"),
    Case("dpo lora plain efficient fp32 2x96"),
)
LONG = (
    Case("sft full plain efficient fp32 1x128 ckpt", model="llama 4x49152"),
    Case("sft full chunked efficient fp32 1x128 ckpt", model="llama 4x49152"),
    Case("sft lora plain efficient fp32 1x192", model="llama 6x49152"),
    Case("sft full chunked efficient fp32/bf16 2x256", model="llama 6x16384"),
    Case("sft full plain efficient fp32/bf16 1x256 ckpt"),
    Case("sft full plain math fp32 2x512 ckpt", model="llama 4x1024"),
    Case("sft lora plain math fp32 3x384 r64", model="llama 4x1024"),
    Case("sft lora chunked efficient bf16/bf16 1x512 r4 ckpt", model="llama 4x1024"),
    Case("sft lora plain efficient bf16 2x256"),
    Case("sft lora plain efficient bf16 2x512 ckpt", MIXED, "llama 4x1024"),
    Case("sft full chunked efficient fp32 1x64 sgd"),
    Case("sft full chunked efficient fp32 1x64 adafactor"),
    Case("sft full chunked efficient bf16 1x64 adafactor"),
    Case("sft full plain efficient fp32 1x96 twice"),
    Case("dpo full chunked efficient bf16 1x128"),
    Case("dpo full plain efficient fp32 1x128 ckpt"),
    Case("dpo lora plain efficient fp32/bf16 2x128"),
    Case("dpo lora chunked efficient fp32 2x96"),
    Case("sft full plain efficient fp32 2x256", model="llama 4x4096 untied"),
    Case("sft full plain efficient fp32 1x256", model="gemma3_text 4x4096"),
    Case("sft full plain math fp32 1x256", model="gpt_neox 4x4096"),
    Case("sft full plain efficient bf16 1x256", model="qwen3_moe 4x4096"),
    Case("sft lora chunked efficient fp32/bf16 1x256", POW, "gpt2 4x4096"),
)


def real_peak(ask: Any) -> int:
    """The most bytes alive at once in the second step of a plain training loop on the CPU, as torch.profiler tells it.

    Nothing of the oracle is in it. Attention is PyTorch's own on the CPU. Three functions of TRL's fused loss, which
    Triton and CUDA fold in place, are empty.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function
    from trl.kernels import chunked_logprob

    gc.collect()  # what an earlier model leaves would be released within this profile
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine two wait for each other
    folds = [
        patch.object(chunked_logprob, name, _folded) for name in ("_forward_tile", "_backward_tile", "_addmm_fp32")
    ]
    with folds[0], folds[1], folds[2], profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        step = _loop(ask)
        step()
        with record_function("the second step"):
            step()
    torch.set_num_threads(threads)
    events = sorted(seen.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    second = next(event for event in events if event.name() == "the second step")
    alive = most = 0
    for event in events:
        if event.name() == "[memory]":
            alive += event.nbytes()
            if second.start_ns() <= event.start_ns() <= second.end_ns():
                most = max(most, alive)
    return most


def _folded(*_: Any, **__: Any) -> None:
    return None


def _loop(ask: Any) -> Any:
    """The function that does one step."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.optimization import Adafactor
    from trl.trainer.utils import add_fused_lm_head

    types = {"bf16": torch.bfloat16, "fp32": torch.float32}
    fused = {"fused_lm_head": True} if ask.loss == "chunked" else {}
    kernel = SDPBackend.MATH if ask.attention == "math" else SDPBackend.FLASH_ATTENTION
    frozen_reference = ask.method == "dpo" and ask.tuning == "full"

    def load() -> Any:
        loaded: Any = AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(ask.model), dtype=types[ask.dtype], attn_implementation="sdpa"
        )
        loaded.config.use_cache = False
        if fused:
            add_fused_lm_head(loaded, outputs=("log_probs", "entropy", "is_top1"))
        return loaded

    model = load()
    reference = load().eval().requires_grad_(False) if frozen_reference else None
    if ask.tuning == "lora":
        model = get_peft_model(model, LoraConfig(r=ask.rank, target_modules="all-linear", task_type="CAUSAL_LM"))
    if ask.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if ask.tuning == "lora":
            model.enable_input_require_grads()
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer: Any = {
        "adamw": lambda: torch.optim.AdamW(trained, lr=1e-6, fused=True),
        "sgd": lambda: torch.optim.SGD(trained, lr=1e-6),
        "adafactor": lambda: Adafactor(trained, lr=1e-6, scale_parameter=False, relative_step=False, warmup_init=False),
    }[ask.optimizer]()
    ids = torch.randint(0, 100, (ask.batch * (2 if ask.method == "dpo" else 1), ask.seq))

    def passed(one: Any) -> Any:
        with torch.autocast("cpu", types[ask.autocast]) if ask.autocast else nullcontext(), sdpa_kernel(kernel):
            return one(input_ids=ids, labels=ids, use_cache=False, **fused)

    def scores(outputs: Any) -> Any:
        if fused:
            return outputs.log_probs.sum(-1)
        spread = outputs.logits[:, :-1].float().log_softmax(-1)
        return spread.gather(-1, ids[:, 1:, None]).squeeze(-1).sum(-1)

    def forward() -> Any:
        outputs = passed(model)
        if ask.method == "sft":
            loss = outputs.loss
        else:
            with torch.no_grad(), nullcontext() if reference is not None else model.disable_adapter():
                other = passed(reference if reference is not None else model)
            chosen, rejected = (scores(outputs) - scores(other)).chunk(2)
            loss = -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()
        return (None if fused else outputs), loss  # TRL's trainer keeps the loss alone

    def step() -> None:
        for _ in range(ask.accumulation):
            kept = forward()  # the outputs, too, while the gradients are made
            with sdpa_kernel(kernel):  # checkpointing runs the layers again
                kept[1].backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def oracle_peak(ask: Any) -> tuple[int, str]:
    """The same step on the meta device, at its whole depth, in bytes as they are asked for: the peak and its phase."""
    from tunebook.pipeline.hardware.meta import estimate
    from tunebook.pipeline.hardware.meta.model import config_of, period_of
    from tunebook.pipeline.hardware.meta.step import ready, run

    estimate.warm("chunked")
    known = config_of(ask.model, None, False)
    layers = known.num_hidden_layers
    rows = ask.batch * (2 if ask.method == "dpo" else 1)
    made = ready(ask, layers, ask.rank)
    step = run(ask, made, layers, period_of(known), rows=rows, length=ask.seq, block=1)
    return max((sum(phase.peak()), name) for name, phase in step.phases.items())


def within(case: Case, measured: int, told: int) -> bool:
    """Whether the oracle is right, or is off for the reason that is named and not by more than it explains."""
    off = abs(told / measured - 1)
    return LIMIT < off <= EXPLAINS[case.reason] if case.reason else off <= LIMIT
