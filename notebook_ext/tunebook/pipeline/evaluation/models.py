"""The models to score, one at a time in memory: the base is loaded once, and each adapter is laid over it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunebook.pipeline.data.encode import end_tokens
from tunebook.pipeline.data.template import load_tokenizer
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.config import Target, check_model


@dataclass(frozen=True)
class Loaded:
    """A model ready to answer, on its device, with the tokenizer that it was saved with."""

    model: Any
    tokenizer: Any
    ends: frozenset[int]  # the tokens that end an answer
    untrained: bool = False  # a reward model whose score is still made of random numbers


class Models:
    """Loads what each target needs. Two targets over one base share its weights. `say` hears what loads.

    `scored`: reward models, which give one number for a text, in place of language models.
    """

    def __init__(
        self, model: str | None, revision: str | None, say: Callable[[str], None], *, scored: bool = False
    ) -> None:
        self._place, self._revision, self._say, self._scored = model, revision, say, scored
        self._held: tuple[str, Loaded] | None = None  # the last whole model: its place, and itself

    @contextlib.contextmanager
    def target(self, target: Target) -> Iterator[Loaded]:
        """The target's model while the context lasts. Raises CallError if it cannot be loaded."""
        if target.is_adapter:
            assert target.path is not None
            with self._adapted(Path(target.path), target.name) as loaded:
                yield loaded
        else:
            place = target.path or self._place
            assert place is not None
            yield self._whole(place, self._revision if target.path is None else None)

    def _whole(self, place: str, revision: str | None) -> Loaded:
        if self._held is not None and self._held[0] == place:
            return self._held[1]
        self._held = None  # frees the one before
        self._say(f"Loading {Path(place).name}")
        loaded = _load(place, revision, self._scored)
        self._held = (place, loaded)
        return loaded

    @contextlib.contextmanager
    def _adapted(self, folder: Path, name: str) -> Iterator[Loaded]:
        from peft import PeftModel

        base = self._place or _base_of(folder, name)
        whole = self._whole(base, self._revision if base == self._place else None)
        if self._scored and whole.untrained and not _has_head(folder):
            yield whole  # of a language model: no score is trained here either
            return
        try:
            model = PeftModel.from_pretrained(whole.model, folder, adapter_name="scored")
        except (OSError, ValueError, RuntimeError, KeyError) as failure:
            raise CallError(
                "target", f"{name} does not fit {base} ({_reason(failure)})", "name the base it was trained on"
            ) from None
        replaced = _replaced(model)
        try:
            tokenizer = load_tokenizer(str(folder)) if (folder / "tokenizer_config.json").is_file() else whole.tokenizer
            ends = end_tokens(tokenizer, None) | whole.ends
            yield Loaded(model.eval(), tokenizer, frozenset(ends))
        finally:
            bare = model.unload()  # takes the adapter's layers out and leaves the base's own weights, never changed,
            for path, original in replaced.items():  # but for modules that it keeps whole: those it leaves in
                parent, _, own = path.rpartition(".")
                setattr(bare.get_submodule(parent), own, original)


def _replaced(model: Any) -> dict[str, Any]:
    """The base's own modules that an adapter has whole copies of, such as the score of a reward model, by their names."""
    from peft.utils import ModulesToSaveWrapper

    return {
        name: module.original_module
        for name, module in model.get_base_model().named_modules()
        if isinstance(module, ModulesToSaveWrapper)
    }


def _has_head(folder: Path) -> bool:
    """Whether the adapter belongs to a reward model: it then has a trained copy of the score."""
    told = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return told.get("task_type") == "SEQ_CLS" or "score" in (told.get("modules_to_save") or [])


def _base_of(folder: Path, name: str) -> str:
    base = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise CallError("target", f"{name} does not say which model it adapts", "name the base as `model`")
    check_model(base, base, "model")
    return str(base)


def _load(place: str, revision: str | None, scored: bool) -> Loaded:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GenerationConfig

    tokenizer = load_tokenizer(place, revision)
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    kind: Any = AutoModelForSequenceClassification if scored else AutoModelForCausalLM
    try:
        folder = Path(place).expanduser()
        source = str(folder) if folder.is_dir() else place
        model, report = kind.from_pretrained(
            source, revision=revision, dtype=dtype, output_loading_info=True, **({"num_labels": 1} if scored else {})
        )
    except (OSError, ValueError, KeyError, RuntimeError) as failure:
        raise CallError(
            "model",
            f"{place} cannot be loaded ({_reason(failure)})",
            "name a reward model with one score" if scored else "name a causal language model",
        ) from None
    model = model.to("cuda" if gpu else "cpu").eval()
    ends = frozenset(end_tokens(tokenizer, getattr(model, "generation_config", None)))
    if scored:
        exact_score(model)
        body = model.base_model_prefix + "."
        return Loaded(model, tokenizer, ends, any(not name.startswith(body) for name in report["missing_keys"]))
    # Sampling, penalties and lengths that a model recommends would make answers differ between two runs or two models.
    model.generation_config = GenerationConfig(do_sample=False)
    return Loaded(model, tokenizer, ends)


def exact_score(model: Any) -> None:
    """Let the last step compute in 32 bit: in 16 bit scores have three digits, and close answers would tie."""
    head = getattr(model, "score", None)
    if head is not None:
        head.float().register_forward_pre_hook(_in_32_bit)


def _in_32_bit(_: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.float() for value in inputs)


def _reason(failure: Exception) -> str:
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0][:160]
