"""The model of a question, at any depth, on the meta device: real transformers modules, real peft adapters, no weights."""

from __future__ import annotations

import contextlib
import copy
import json
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.hardware.memory import MemoryAsk
from tunebook.pipeline.hardware.meta.attention import PREFIX, register
from tunebook.pipeline.hardware.meta.four_bit import FourBitLinear, pack

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_REMEDY = "name a causal language model on the Hub, or a folder with its config.json"
#: Fields of a config that have one entry a layer.
_BY_LAYER = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers", "layer_rope_theta")


class Known(NamedTuple):
    """What a model's config.json says."""

    config: Any  # its text part
    uncounted: tuple[str, ...]  # what of the model the step does not show


def config_of(model: str, revision: str | None, trusted: bool) -> Any:
    """The text part of a model's config. Raises CallError where it is not there, or describes no causal language model."""
    return known(model, revision, trusted).config


def known(model: str, revision: str | None, trusted: bool) -> Known:
    """Raises as `config_of`."""
    file = Path(model).expanduser() / "config.json"
    # A folder may be written anew while this process lives.
    written = file.stat().st_mtime_ns if file.is_file() else None
    return _known(model, revision, trusted, written)


@lru_cache(maxsize=8)
def _known(model: str, revision: str | None, trusted: bool, _written: int | None) -> Known:
    from transformers import AutoConfig

    raw = _raw(model, revision)
    if raw.get("auto_map") and not trusted:
        raise CallError(
            "model",
            f"{model} needs code of its own from its repository",
            "read that code, then trust it by name with --trust-remote-code, or take a model that transformers knows",
        )
    try:
        config = AutoConfig.from_pretrained(model, revision=revision, trust_remote_code=trusted)
    except Exception as failure:  # noqa: BLE001 (each architecture's own checks run here)
        kind = raw.get("model_type")
        problem = f"is of the type {kind!r}, which transformers does not know" if kind else "says no model_type"
        if kind and "does not recognize" not in str(failure) and "model type" not in str(failure):
            problem = f"cannot be read ({_first_line(failure)})"
        raise CallError("model", f"{model}: its config.json {problem}", _REMEDY) from None
    if why := _no_language_model(config):
        raise CallError("model", f"{model} {why}", _REMEDY)
    text = config.get_text_config()
    said = raw.get("text_config") or raw
    aliases = getattr(type(text), "attribute_map", {})
    for field in ("hidden_size", "num_hidden_layers"):
        size = said.get(field, said.get(aliases.get(field, field)))
        if not isinstance(size, int) or size < 1:
            wrong = f"says no {field}" if size is None else f"says {size!r} for {field}"
            raise CallError("model", f"{model}: its config.json {wrong}", _REMEDY)
    uncounted = []
    if text is not config:
        uncounted.append("what is not text")
    stored = raw.get("quantization_config")
    if isinstance(stored, dict):
        uncounted.append(f"that its weights are stored as {stored.get('quant_method', 'quantised ones')}")
    return Known(text, tuple(uncounted))


def _no_language_model(config: Any) -> str:
    """Why it writes no text from left to right; empty where it does."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    if getattr(config, "is_encoder_decoder", False):
        return f"is a sequence-to-sequence model ({config.model_type}), which no method here trains"
    if config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False):
        return f"is an encoder ({config.model_type}), which writes no text"
    named = getattr(config, "architectures", None) or []
    if named and all(name.endswith("Model") and not name.endswith(("HeadModel", "HeadsModel")) for name in named):
        return f"has no output layer ({', '.join(named)}): it makes embeddings"
    return ""


def _raw(model: str, revision: str | None) -> dict[str, Any]:
    from huggingface_hub import errors, hf_hub_download

    folder = Path(model).expanduser()
    try:
        if model.strip() and folder.is_dir():
            text = (folder / "config.json").read_text(encoding="utf-8")
        elif not model.strip() or model.startswith(("/", "./", "../", "~")) or model.count("/") != 1:
            raise CallError("model", f"is {model!r}, and there is no such folder", _REMEDY)
        else:
            text = Path(hf_hub_download(model, "config.json", revision=revision)).read_text(encoding="utf-8")
    except CallError:
        raise
    except errors.LocalEntryNotFoundError:
        raise CallError(
            "model",
            f"{model} is not on this machine, and the Hub cannot be reached",
            "go online, or name a folder with its config.json",
        ) from None
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError, OSError, UnicodeDecodeError):
        raise CallError("model", f"{model} has no config.json that could be read", _REMEDY) from None
    except Exception as failure:  # noqa: BLE001 (the Hub's client raises what its HTTP library raises)
        raise CallError("model", f"{model} could not be had from the Hub ({_first_line(failure)})", _REMEDY) from None
    try:
        raw = json.loads(text)
    except ValueError:
        raise CallError("model", f"{model} has a config.json that is no JSON", _REMEDY) from None
    if not isinstance(raw, dict):
        raise CallError("model", f"{model} has a config.json that is no object", _REMEDY)
    return raw


def _first_line(failure: BaseException) -> str:
    return " ".join(str(failure).split())[:160] or type(failure).__name__


def depths(config: Any) -> tuple[int, int, int]:
    """(layers of the whole model, the layers of two small ones that grow as it does).

    Where layers of several kinds take turns, both end within a turn where the whole model does.
    """
    whole = int(config.num_hidden_layers)
    period, first = _turn(config, whole)
    small = 2 * period + first + (whole - first) % period
    return (whole, whole, whole) if whole <= small + period else (whole, small, small + period)


def period_of(config: Any) -> int:
    return _turn(config, int(config.num_hidden_layers))[0]


def _turn(config: Any, whole: int) -> tuple[int, int]:
    """(layers until the kinds repeat, layers before the first turn). A window's width changes nothing in memory here."""
    first = int(getattr(config, "first_k_dense_replace", 0) or 0)
    kinds = []
    for field in ("layer_types", "mlp_layer_types", "layers_block_type"):
        listed = getattr(config, field, None)
        if isinstance(listed, list | tuple) and len(listed) == whole:
            kinds.append(
                ["attention" if "attention" in str(one) and "linear" not in str(one) else one for one in listed]
            )
    if not kinds:
        return 1, first
    turns = list(zip(*kinds, strict=True))
    for start in range(min(4, whole)):
        for period in range(1, min(12, (whole - start) // 2) + 1):
            if all(turns[i] == turns[i + period] for i in range(start, whole - period)):
                return period, max(first, start)
    return max(1, whole // 3), first


def build(ask: MemoryAsk, layers: int, rank: int) -> Any:
    """The model as its trainer has it: adapters, 4-bit weights, checkpointing, the fused output layer.

    Raises CallError for an adapter that cannot be put on it.
    """
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    config = copy.deepcopy(config_of(ask.model, ask.model_revision, ask.trust_remote_code))
    _deepen(config, layers)
    register()
    name = PREFIX + ask.attention
    try:
        with torch.device("meta"), no_init_weights():
            model: Any = AutoModelForCausalLM.from_config(
                config, dtype=DTYPES[ask.dtype], attn_implementation=name, trust_remote_code=ask.trust_remote_code
            )
    except Exception as failure:  # noqa: BLE001 (sizes that do not fit each other fail in any way)
        what = "is no causal language model" if "AutoModelForCausalLM" in str(failure) else "cannot be built"
        raise CallError("model", f"{ask.model} {what} ({_first_line(failure)})", _REMEDY) from None
    model.tie_weights()
    model.config.use_cache = False
    if ask.tuning == "qlora":
        pack(model)
    if ask.loss == "chunked":
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
    if ask.tuning != "full":
        model = _adapted(model, ask, rank)
    return model.train()


def _deepen(config: Any, layers: int) -> None:
    whole = config.num_hidden_layers
    config.num_hidden_layers = layers
    for field in _BY_LAYER:
        listed = getattr(config, field, None)
        if isinstance(listed, list | tuple) and len(listed) == whole:
            with contextlib.suppress(AttributeError):  # some follow from the number of layers
                setattr(config, field, list(listed)[:layers])


def _adapted(model: Any, ask: MemoryAsk, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers.initialization import no_init_weights

    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if ask.tuning == "qlora" and ask.loss == "plain":  # prepare_model_for_kbit_training
        for parameter in model.parameters():
            if parameter.dtype in (torch.bfloat16, torch.float16):
                parameter.data = parameter.data.float()
    width = int(model.config.hidden_size)
    if rank > width:
        raise CallError("rank", f"is {rank:,}, above the model's width of {width:,}", "take a smaller one, such as 16")
    targets = ask.targets
    if isinstance(targets, str) and targets != "all-linear":
        targets = [one.strip() for one in targets.split(",") if one.strip()]
    if not targets:
        raise CallError("targets", "name no module", "leave them out, or name modules such as q_proj,v_proj")
    if targets == "all-linear":
        head = model.get_output_embeddings()
        linear = [
            name
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear | FourBitLinear) and module is not head
        ]
        targets = linear if linear and any(isinstance(m, FourBitLinear) for m in model.modules()) else "all-linear"
    try:
        with no_init_weights():
            adapted = get_peft_model(model, LoraConfig(r=rank, target_modules=targets, task_type="CAUSAL_LM"))
    except ValueError as failure:
        if "not found" not in str(failure) and "No modules" not in str(failure):
            reason = str(failure).splitlines()[0][:200]
            raise CallError("targets", f"cannot be adapted ({reason})", "name other modules of the model") from None
        known = sorted({name.split(".")[-1] for name, one in model.named_modules() if isinstance(one, torch.nn.Linear)})
        raise CallError(
            "targets",
            f"{','.join(targets) if isinstance(targets, list) else targets} match no module of the model",
            f"its linear layers are {', '.join(known)}",
        ) from None
    if isinstance(targets, list) and ask.targets != "all-linear":
        ends = [name for name in targets if not any(path.endswith(name) for path, _ in model.named_modules())]
        if ends:
            raise CallError("targets", f"{','.join(ends)} match no module of the model", "leave them out")
    if ask.tuning == "qlora" and ask.loss == "chunked":  # TRL keeps the adapters of a 4-bit model in bf16
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)
    return adapted


def layers_of(model: Any, count: int) -> Any:
    """The list of the model's `count` layers: of the lists of that length, the one with the most weights."""
    lists = [one for one in model.modules() if isinstance(one, torch.nn.ModuleList) and len(one) == count]
    return max(lists, key=lambda one: sum(parameter.numel() for parameter in one.parameters()))
