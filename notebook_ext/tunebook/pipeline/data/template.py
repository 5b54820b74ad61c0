"""What TRL can do with a model's chat template."""

from __future__ import annotations

from typing import Any


def has_template(tokenizer: Any) -> bool:
    return bool(getattr(tokenizer, "chat_template", None))


def known_to_trl(tokenizer: Any) -> bool:
    """Whether `assistant_only_loss=True` works: the template marks its answers, or TRL has a copy that does."""
    from trl.chat_template_utils import get_training_chat_template, has_generation_markers

    if not has_template(tokenizer):
        return False
    if has_generation_markers(tokenizer.chat_template):
        return True
    try:
        return get_training_chat_template(tokenizer) is not None
    except ValueError:
        return False


def training_template(tokenizer: Any) -> str | None:
    """The template that TRL renders with under `assistant_only_loss`; None if the tokenizer's own will do."""
    from trl.chat_template_utils import get_training_chat_template, has_generation_markers

    return None if has_generation_markers(tokenizer.chat_template) else get_training_chat_template(tokenizer)


def load_tokenizer(model: str, revision: str | None = None) -> Any:
    """The model's tokenizer. Raises CallError in one line if there is none to be had."""
    from pathlib import Path

    from transformers import AutoTokenizer

    from tunebook.pipeline.data.hub import reachable
    from tunebook.pipeline.errors import CallError

    folder = Path(model).expanduser()
    if not folder.is_dir() and (model.startswith((".", "/", "~")) or model.count("/") > 1):
        raise CallError("model", f"{model} is not there", "check the path, or name a model on the Hub")
    local = folder.is_dir()
    try:
        return AutoTokenizer.from_pretrained(
            str(folder) if local else model, revision=revision, local_files_only=local or not reachable()
        )
    except Exception as failure:  # noqa: BLE001 (a missing library, a broken file: each has its own error)
        reason = (str(failure).strip().splitlines() or [type(failure).__name__])[0][:160]
        remedy = "name a folder that `save_pretrained` wrote, or a model on the Hub that you can reach"
        raise CallError("model", f"{model} has no tokenizer that can be loaded ({reason})", remedy) from None
