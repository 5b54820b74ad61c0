"""A clone of a model that trains in seconds and still learns: its architecture, made small; its tokenizer, as it is.

Two layers, or one of each kind where the architecture mixes kinds, 128 wide, all else as in the config: rope, sliding
windows, tied embeddings, experts, soft caps. Random weights as transformers makes them hardly learn with LoRA; scaled
as here the clone learns eight answers by heart in about a hundred steps.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tunebook.pipeline.errors import CallError

WIDTH = 128
MOST_WEIGHTS = 150e6  # of a clone that keeps its width
LAYERS, MOST_LAYERS = 2, 4
HEADS = 4
EMBEDDING = 0.25  # standard deviation of an embedding's entries
DEVIATION = 2.5  # and of the logits at the start
#: Sizes that an architecture may have, whatever its width, and theirs in the clone.
SIZES = {
    "intermediate_size": 2 * WIDTH,
    "n_inner": 2 * WIDTH,
    "ffn_dim": 2 * WIDTH,
    "moe_intermediate_size": WIDTH,
    "shared_expert_intermediate_size": WIDTH,
    "intermediate_size_mlp": 2 * WIDTH,
    "head_dim": WIDTH // HEADS,
    "global_head_dim": WIDTH // HEADS,
    "query_pre_attn_scalar": WIDTH // HEADS,
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "q_lora_rank": 32,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "v_head_dim": 32,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "hidden_size_per_layer_input": 32,
    "word_embed_proj_dim": WIDTH,
}
#: Counts that are only ever lowered.
AT_MOST = {"num_experts_per_tok": 2, "top_k_experts": 2, "first_k_dense_replace": 1}


def make_clone(model: str, revision: str | None, tokenizer: Any, to: Path) -> str:
    """Write the clone into the folder `to`; returns what it is, in a few words.

    Raises CallError where the model has no readable config, or transformers cannot build it small.
    """
    import torch

    config = _config(model, revision)
    built, kind = _built(config, len(tokenizer))
    with torch.no_grad():
        calibrate(built)
    built.generation_config = _generation(model, revision, tokenizer)
    built.save_pretrained(to)
    tokenizer.save_pretrained(to)
    return f"a random {kind} in place of {model}"


def _config(model: str, revision: str | None) -> Any:
    from tunebook.pipeline.data.tiny_clone import config_of

    try:
        return config_of(model, revision).get_text_config()
    except Exception as failure:  # noqa: BLE001 (each architecture's own checks run here)
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0][:160]
        remedy = "name a folder with a config.json, or a model on the Hub that you can reach"
        raise CallError("model", f"{model} has no config that can be read ({reason})", remedy) from None


def _built(config: Any, words: int) -> tuple[Any, str]:
    """The model, small; where an architecture cannot be made narrow, at its own width."""
    import torch
    from transformers import AutoModelForCausalLM

    failures = []
    for narrow in (True, False):
        try:
            made = small(config, words, narrow=narrow)
            with torch.device("meta"):
                weights = sum(one.numel() for one in AutoModelForCausalLM.from_config(made).parameters())
            if weights > MOST_WEIGHTS:
                continue
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model: Any = AutoModelForCausalLM.from_config(made, dtype=torch.float32)
                model.eval()(input_ids=torch.arange(4)[None])
        except Exception as failure:  # noqa: BLE001 (whatever the architecture raises)
            failures.append(f"{type(failure).__name__}: {(str(failure).strip().splitlines() or [''])[0][:160]}")
            continue
        parameters = sum(one.numel() for one in model.parameters()) / 1e6
        layers = model.config.num_hidden_layers
        return model, f"{config.model_type} of {layers} layers and {parameters:.1f} million weights"
    problem = f"of the type {config.model_type} cannot be made small ({failures[0]})"
    raise CallError("model", problem, "try the script itself with few rows and max_steps")


def small(config: Any, words: int, *, narrow: bool = True) -> Any:
    """The config with few layers, `narrow` ones, and at least `words` words."""
    made = copy.deepcopy(config)
    _cut_layers(made)
    made.vocab_size = max(made.vocab_size, words)
    made.use_cache = True
    for name in ("quantization_config", "auto_map"):
        if hasattr(made, name):
            delattr(made, name)
    if not narrow:
        return made
    heads, keys = made.num_attention_heads, getattr(made, "num_key_value_heads", None)
    rotary = _rotary(made)
    made.hidden_size = WIDTH
    made.num_attention_heads = HEADS
    if keys:
        made.num_key_value_heads = min((1, 2, 4), key=lambda count: abs(count - HEADS * keys / heads))
    for name, size in SIZES.items():
        if isinstance(getattr(made, name, None), int | float) and not isinstance(getattr(made, name), bool):
            setattr(made, name, size)
    for name, most in AT_MOST.items():
        if isinstance(getattr(made, name, None), int):
            setattr(made, name, min(getattr(made, name), most))
    if turned := getattr(made, "qk_rope_head_dim", None):  # latent attention: only a part of each head is turned
        made.head_dim, made.qk_head_dim = turned, turned + made.qk_nope_head_dim
    _cut_rope(made, rotary, _rotary(made))
    return made


def _cut_layers(config: Any) -> None:
    """One layer of each kind, and at least two. Whatever has one entry a layer keeps those of the layers that stay."""
    count = config.num_hidden_layers
    lists = {
        name: value
        for name, value in vars(config).items()
        if isinstance(value, list | tuple) and len(value) == count and count > LAYERS
    }
    kinds = list(zip(*lists.values(), strict=True)) if lists else [()] * count
    first = [number for number, kind in enumerate(kinds) if kinds.index(kind) == number][:MOST_LAYERS]
    more = (number for number in range(count) if number not in first)
    while len(first) < min(LAYERS, count):
        first.append(next(more))
    first.sort()
    config.num_hidden_layers = len(first)
    for name, value in lists.items():
        setattr(config, name, [value[number] for number in first])


def _rotary(config: Any) -> int:
    """How many entries of a head are turned."""
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(width * (getattr(config, "partial_rotary_factor", None) or 1))


def _cut_rope(config: Any, before: int, after: int) -> None:
    """Rope that stretches each frequency by its own factor has a list of them, as long as half a head."""
    parameters = getattr(config, "rope_parameters", None)
    for one in (parameters, *(parameters or {}).values()) if isinstance(parameters, dict) else ():
        if not isinstance(one, dict):
            continue
        for name in ("short_factor", "long_factor"):
            if isinstance(one.get(name), list) and len(one[name]) == before // 2:
                one[name] = one[name][: after // 2]


def calibrate(model: Any) -> None:
    """Scale the weights so that a few steps are enough to learn."""
    import torch
    from transformers.pytorch_utils import Conv1D

    draw = torch.Generator().manual_seed(0)
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            if isinstance(module, torch.nn.Embedding):
                weight.normal_(0, EMBEDDING, generator=draw)
            elif weight.dim() == 3 and "conv" not in type(module).__name__.lower():  # a stack of experts
                weight.normal_(0, weight.shape[-1] ** -0.5, generator=draw)
            elif isinstance(module, torch.nn.Linear | Conv1D):
                inputs = weight.shape[0] if isinstance(module, Conv1D) else weight.shape[-1]
                weight.normal_(0, inputs**-0.5, generator=draw) if weight.dim() == 2 else weight.zero_()
    model.tie_weights()
    head = model.get_output_embeddings()
    tied = head is not None and head.weight is model.get_input_embeddings().weight
    if tied:
        head.weight.normal_(0, EMBEDDING, generator=draw)
    _calibrate_logits(model)


def _calibrate_logits(model: Any) -> None:
    """Set the gain of the last norm, be it the gain or one less, for logits that spread as they do in a trained model."""
    gain = _last_norm(model)
    if gain is None:
        return
    gain.fill_(1.0)
    ones = _spread(model)
    gain.zero_()
    zeros = _spread(model)
    plain = zeros < 1e-3 * ones
    gain.fill_(DEVIATION / ones if plain else DEVIATION / zeros - 1)


def _spread(model: Any) -> float:
    import torch

    ids = torch.arange(64)[None] * (model.config.vocab_size // 64)
    return float(model(input_ids=ids, use_cache=False).logits.std())


def _last_norm(model: Any) -> Any:
    """The weight of the norm behind the last layer."""
    import torch

    body = model.base_model
    norms = [
        child.weight
        for name, child in body.named_children()
        if not isinstance(child, torch.nn.ModuleList | torch.nn.Embedding)
        and getattr(child, "weight", None) is not None
        and child.weight.dim() == 1
    ]
    return norms[-1] if norms else None


def _generation(model: str, revision: str | None, tokenizer: Any) -> Any:
    """The tokens that end an answer, as the real model has them, and nothing else of how it samples."""
    from transformers import GenerationConfig

    from tunebook.pipeline.data.encode import end_tokens

    try:
        real = GenerationConfig.from_pretrained(model, revision=revision)
    except (OSError, ValueError):
        real = None
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ends = sorted(end_tokens(tokenizer, real)) or None
    return GenerationConfig(eos_token_id=ends, pad_token_id=pad, bos_token_id=tokenizer.bos_token_id)


def adapter_clone(adapter: str, folder: Path) -> str:
    """A new adapter of the clone in `folder`, with the rank and the targets of the one that is trained on."""
    from peft import PeftConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    try:
        config = PeftConfig.from_pretrained(adapter)
        kind = AutoModelForSequenceClassification if config.task_type == "SEQ_CLS" else AutoModelForCausalLM
        model = get_peft_model(kind.from_pretrained(folder / "clone"), config)
    except Exception as failure:  # noqa: BLE001 (a missing file, targets that are not there)
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0][:160]
        raise CallError("adapter", f"{adapter} cannot be put on its model ({reason})", "name another adapter") from None
    model.save_pretrained(folder / "adapter")
    return str(folder / "adapter")
