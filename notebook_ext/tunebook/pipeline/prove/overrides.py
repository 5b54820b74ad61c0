"""What a script is told differently in miniature, and nothing else: each difference is recorded in words.

The script's bytes stay as they are; the libraries that it calls are wrapped before it starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from tunebook.pipeline.prove.few import few_rows, some_rows
from tunebook.pipeline.prove.trial import Trial

Note = Callable[[str], None]
BATCH = 2
#: A run is resumed in its first epoch; in its second where there is one, since the rows' order may get lost between them.
STEPS, SAVE_STEPS, LATE_SAVE_STEPS = 6, 3, 5
GENERATIONS, ANSWER_TOKENS = 4, 16  # of GRPO


def apply(trial: Trial, note: Note) -> None:
    """Wrap the libraries for one run."""
    if trial.several:
        _one_process(note)
    _arguments(trial, note)
    _loss(note)
    _models(trial, note)
    _rows(trial, note)
    if trial.method == "grpo":
        from tunebook.pipeline.prove.sampled import plant

        plant(note)


def _one_process(note: Note) -> None:
    """A script for several cards starts itself once a card, unless it finds itself started: this is the only process."""
    import torch

    os.environ |= {"RANK": "0"}
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    # What the script's processes agree on, they agree on in a group: here of one.
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    note("one process, whatever the number of cards")


def _arguments(trial: Trial, note: Note) -> None:
    from transformers import TrainingArguments

    prepare = TrainingArguments.__post_init__

    @wraps(prepare)
    def prepared(self: Any) -> None:
        cards = trial.cards * self.per_device_train_batch_size * self.gradient_accumulation_steps
        self._proved_epochs = self.num_train_epochs, self.max_steps * cards  # the rows, where steps are counted
        for name, value in _wanted(self, trial).items():
            if hasattr(self, name) and getattr(self, name) != value:
                note(f"{name} {getattr(self, name)!r} is {value!r}")
                setattr(self, name, value)
        prepare(self)

    TrainingArguments.__post_init__ = prepared


def _wanted(arguments: Any, trial: Trial) -> dict[str, Any]:
    saves = trial.save_steps is not None
    wanted: dict[str, Any] = {
        "use_cpu": True,
        "bf16": False,
        "fp16": False,
        "tf32": None,
        "torch_compile": False,
        "push_to_hub": False,
        "report_to": "none",
        "max_steps": trial.steps,
        "save_strategy": "steps" if saves else "no",
        "eval_steps": trial.save_steps or trial.steps,
        "dataloader_num_workers": 0,
        "use_vllm": False,
    }
    if saves:
        wanted["save_steps"] = trial.save_steps
    else:
        wanted |= {"load_best_model_at_end": False}
    if not saves or trial.spoil:
        wanted |= {"eval_strategy": "no", "load_best_model_at_end": False}
    if trial.method == "grpo":
        return wanted | {
            "num_generations": min(GENERATIONS, getattr(arguments, "num_generations", GENERATIONS)),
            "num_generations_eval": None,
            "per_device_train_batch_size": 2 * GENERATIONS,
            "per_device_eval_batch_size": GENERATIONS,
            "gradient_accumulation_steps": 1,
            "steps_per_generation": None,
            "generation_batch_size": None,
            "max_completion_length": min(ANSWER_TOKENS, getattr(arguments, "max_completion_length", ANSWER_TOKENS)),
        }
    # Preferences are looked at in one batch of all rows, so that the log tells how many of them are right.
    batch = 8 if trial.learns and trial.method != "sft" else BATCH
    adds = arguments.gradient_accumulation_steps > 1 and trial.method == "sft" and not trial.learns
    wanted["gradient_accumulation_steps"] = 2 if adds else 1
    wanted["per_device_train_batch_size"] = batch // 2 if adds else batch  # an epoch is four steps, either way
    wanted["per_device_eval_batch_size"] = batch
    if trial.learns:
        wanted |= {"packing": False, "activation_checkpointing": False, "gradient_checkpointing": False}
        wanted["warmup_steps"] = min(arguments.warmup_steps, 5)
    return wanted


def _loss(note: Note) -> None:
    """TRL projects the learned tokens alone on a GPU, and all of them on a CPU: fifteen times as many, for the same loss."""
    from trl.trainer import utils

    if hasattr(utils, "_use_triton"):
        utils._use_triton = lambda device: True
        note("the loss is of the learned tokens alone, as on a GPU")


def _models(trial: Trial, note: Note) -> None:
    """The clone wherever the model is named, in float32, without kernels and quantisation that need a GPU."""
    import transformers
    from peft import PeftModel
    from transformers import BitsAndBytesConfig
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

    named = {trial.model: trial.clone}
    if trial.adapter and trial.adapter_clone:
        named[trial.adapter] = trial.adapter_clone

    def redirected(keywords: dict[str, Any]) -> dict[str, Any]:
        keywords = {name: value for name, value in keywords.items() if name != "revision"}
        if keywords.pop("quantization_config", None) is not None:
            note("the weights are not quantised")
        if "dtype" in keywords or "torch_dtype" in keywords:
            if str(keywords.get("dtype", keywords.get("torch_dtype"))).removeprefix("torch.") != "float32":
                note("the weights are in float32")
            keywords.pop("torch_dtype", None)
            keywords["dtype"] = "float32"
        if keywords.get("attn_implementation") not in (None, "eager", "sdpa"):
            note(f"attention {keywords['attn_implementation']} is PyTorch's own")
            keywords["attn_implementation"] = "sdpa"
        return keywords

    def wrap(owner: Any) -> None:
        load = owner.__dict__["from_pretrained"].__func__

        @wraps(load)
        def loaded(cls: Any, name: Any, *more: Any, **keywords: Any) -> Any:
            if str(name) in named:
                name, keywords = named[str(name)], redirected(keywords)
            elif str(name) == trial.clone:
                keywords = redirected(keywords)
            return load(cls, name, *more, **keywords)

        owner.from_pretrained = classmethod(loaded)

    for owner in (
        transformers.AutoConfig,
        transformers.AutoTokenizer,
        transformers.GenerationConfig,
        transformers.PreTrainedConfig,
        transformers.PreTrainedModel,
        transformers.PreTrainedTokenizerBase,
        _BaseAutoModelClass,
    ):
        wrap(owner)
    if trial.adapter_clone:
        adapted = PeftModel.from_pretrained.__func__

        def with_clone(cls: Any, model: Any, name: Any, *more: Any, **keywords: Any) -> Any:
            return adapted(cls, model, named.get(str(name), name), *more, **keywords)

        PeftModel.from_pretrained = classmethod(with_clone)
        note(f"a new adapter like {trial.adapter} is trained on")
    BitsAndBytesConfig.post_init = lambda self: None  # which asks for a library that is of no use on a CPU


def _rows(trial: Trial, note: Note) -> None:
    """Some rows are mapped, and eight of them reach the trainer."""
    import trl
    from datasets import Dataset

    map_ = Dataset.map
    seen = [0]  # rows of the largest split

    @wraps(map_)
    def mapped(self: Any, *arguments: Any, **keywords: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__") == "__main__":  # the script's own, not TRL's
            seen[0] = max(seen[0], len(self))
            self = some_rows(self)
        return map_(self, *arguments, **keywords)

    Dataset.map = mapped
    for kind in (trl.SFTTrainer, trl.DPOTrainer, trl.GRPOTrainer, trl.KTOTrainer, trl.RewardTrainer):
        _few(kind, trial, note, seen)


def _few(kind: Any, trial: Trial, note: Note, seen: list[int]) -> None:
    make = kind.__init__

    @wraps(make)
    def made(self: Any, *arguments: Any, **keywords: Any) -> None:
        if keywords.pop("quantization_config", None) is not None:
            note("the weights are not quantised")
        for name, count in (("train_dataset", 8), ("eval_dataset", 1 if trial.method == "grpo" else 4)):
            rows = keywords.get(name)
            if rows is not None and hasattr(rows, "select"):
                seen[0] = max(seen[0], len(rows))
                few, cut = few_rows(rows, count, trial.characters)
                if len(few) < len(rows):
                    note(f"{name}: {len(few)} short rows of {len(rows)}")
                if cut:
                    note(f"{name}: {cut} texts are cut to {trial.characters} characters")
                keywords[name] = few
                if name == "train_dataset":
                    self._proved_rows = list(few)
        if trial.save_steps == SAVE_STEPS and _epochs(keywords.get("args"), seen[0]) > 1:
            note(f"save_steps is {LATE_SAVE_STEPS}, in the second epoch, as the script has more than one")
            keywords["args"].save_steps = LATE_SAVE_STEPS
        make(self, *arguments, **keywords)

    kind.__init__ = made


def _epochs(arguments: Any, rows: int) -> float:
    """How many epochs the script itself would train."""
    epochs, counted = getattr(arguments, "_proved_epochs", (1.0, -1))
    return float(counted / rows if counted > 0 and rows else epochs)
