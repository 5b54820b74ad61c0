"""A model's architecture without its weights: the names of its modules, and a small clone to measure on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LAYERS = 4  # of the clone: models that mix kinds of layers repeat them after so many
WORDS = 64  # of its vocabulary
EACH = 8  # tokens of each of two packed rows


def config_of(model: str, revision: str | None) -> Any:
    """The config of a folder or a model on the Hub. Raises OSError or ValueError where there is none."""
    from transformers import AutoConfig

    from tunebook.pipeline.data.hub import reachable

    folder = Path(model).expanduser()
    local = folder.is_dir()
    return AutoConfig.from_pretrained(
        str(folder) if local else model, revision=revision, local_files_only=local or not reachable()
    )


def linear_modules(model: str, revision: str | None) -> list[str]:
    """The full names of the modules that LoRA can adapt, read off the model on the meta device, where it is free."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        built: Any = AutoModelForCausalLM.from_config(config_of(model, revision))
    kinds = (torch.nn.Linear, torch.nn.Embedding, Conv1D)
    return [name for name, module in built.named_modules() if isinstance(module, kinds)]


def neighbours_reach(config: Any, attention: str) -> float:
    """How much the logits of a packed row change when the row before it does; 0 if it cannot see it.

    Measured on a clone of a few random layers, called as TRL's trainer calls a model with packed rows. Raises whatever
    the architecture raises when it is made small.
    """
    import torch
    from transformers import AutoModelForCausalLM

    small = config.get_text_config()
    wanted = {"vocab_size": WORDS, "num_hidden_layers": min(LAYERS, small.num_hidden_layers), "intermediate_size": 64}
    for name, value in wanted.items():
        if hasattr(small, name):
            setattr(small, name, value)
    if getattr(small, "layer_types", None):
        small.layer_types = small.layer_types[: small.num_hidden_layers]
    for token in ("pad_token_id", "bos_token_id", "eos_token_id"):
        setattr(small, token, None)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model: Any = AutoModelForCausalLM.from_config(small, attn_implementation=attention).eval()
        one = torch.randint(0, WORDS, (1, 2 * EACH))
        other = one.clone()
        other[0, :EACH] = (one[0, :EACH] + 1) % WORDS
        places = torch.arange(EACH).repeat(2)[None]
        first, second = (
            model(input_ids=ids, position_ids=places, use_cache=False).logits[0, EACH:] for ids in (one, other)
        )
        return float((first - second).abs().max())
