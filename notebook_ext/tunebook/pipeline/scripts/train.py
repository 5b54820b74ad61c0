"""Write the training script: templates/shared.py with the method's own part (templates/METHOD.py) and the plan's values."""

from __future__ import annotations

import inspect
import re
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel

from tunebook.pipeline.data.leaving_out import code
from tunebook.pipeline.data.literal import literal
from tunebook.pipeline.data.source import Source, load_code
from tunebook.pipeline.hardware.cpu_scoring import score_only_what_is_learned
from tunebook.pipeline.rewards import EnvironmentCode, RewardCode
from tunebook.pipeline.scripts.sections import block, chosen, filled

Method = Literal["sft", "dpo", "grpo", "kto", "reward"]

#: What the script needs, beside torch, in the ranges its template was written for.
REQUIREMENTS = {
    "datasets": ">=5,<6",
    "peft": ">=0.21,<0.22",
    "torch": ">=2.6",
    "trackio": ">=0.43,<0.44",
    "transformers": ">=5.23,<5.24",
    "trl": ">=1.16,<1.17",
}
FOUR_BIT = {"bitsandbytes": ">=0.46"}
#: FlashAttention from the Hub's kernels, without which packed rows would read each other.
KERNELS = {"kernels": ">=0.12"}
ATTENTION = "kernels-community/flash-attn2"

TITLES = {
    "sft": "Supervised fine-tuning",
    "dpo": "Direct preference optimization (DPO)",
    "grpo": "Group relative policy optimization (GRPO)",
    "kto": "Kahneman-Tversky optimization (KTO)",
    "reward": "A reward model",
}
_DOC = '''\
"""{title} with TRL, written by tunebook. It imports no tunebook: run it by hand with

    uv run train.py --output OUTPUT        (or: python train.py --output OUTPUT)

Started again on the same OUTPUT it goes on from the newest whole checkpoint. A file named `stop` in OUTPUT, or SIGTERM,
ends the training after the step at hand and keeps what is there. Exit codes: 0 done, 3 the loss or its gradient was no
longer finite, 143 ended by SIGTERM.
"""

'''


class TrainSettings(BaseModel):
    """Every value that the plan decides for the training script. `why` has a reason for any of them, by its name."""

    method: Method = "sft"
    model: str
    model_revision: str | None
    adapter: str | None = None  # a LoRA adapter of this model that is trained on
    source: Source
    leave_out: list[int] = []  # numbers of training rows, of
    split_rows: int = 0  # so many
    to_trl: str | None  # source of `def to_trl(row)`; None where rows are ready as they are
    rows: int | None
    eval_share: float
    held_out_rows: int  # at most so many are kept to measure with
    loss_rows: int  # and so many of them for the held-out loss during training
    seed: int
    max_length: int | None
    packing: bool
    epochs: float
    max_steps: int | None
    device_batch_size: int
    accumulation: int
    learning_rate: float
    warmup_steps: int
    checkpointing: bool
    eval_steps: int
    save_steps: int
    half_weights: bool = False  # frozen weights in 16 bit where there is a GPU
    four_bit: bool = False  # and in 4 bit
    cpu: bool = False  # written for a machine without a GPU
    plain_attention: bool = False  # not PyTorch's fused one, which is slower for short rows there
    cpu_bf16: bool = False  # which computes bf16 itself
    lora_rank: int | None  # None: every weight is trained
    cards: int = 1
    sharded: bool = False  # weights and optimizer split over the cards
    report_to: list[str]
    data_settings: dict[str, Any] = {}  # fields of SFTConfig that the data and the template call for
    beta: float | None = None  # how strongly the model is held to where it started (dpo, kto, grpo)
    rewards: RewardCode | None = None  # grpo
    environment: EnvironmentCode | None = None  # what sets the tasks and scores them (grpo)
    num_generations: int = 8  # answers to each prompt (grpo)
    max_completion_length: int = 256  # tokens of an answer (grpo)
    push_to: str | None = None  # a repository that every checkpoint is pushed to
    push_private: bool = True
    why: dict[str, str] = {}


def dependencies(settings: TrainSettings) -> list[str]:
    needed = dict(REQUIREMENTS)
    needed |= FOUR_BIT if settings.four_bit else {}
    needed |= KERNELS if settings.packing else {}
    for carried in (settings.rewards, settings.environment):
        needed |= carried.requirements if carried else {}
    return [f"{name}{versions}" for name, versions in sorted(needed.items())]


def train_script(settings: TrainSettings, *, timeout_s: int, flavor: str | None = None) -> str:
    """The whole script as text; the same settings give the same bytes."""
    shared, own = _template("shared"), _template(settings.method)
    parts = {
        "doc": _DOC.format(title=TITLES[settings.method]),
        "imports": block(own, "imports"),
        "plan": _plan_block(settings),
        "trainer": block(own, "trainer"),
    }
    present = {name for name, value in settings if value and name != "lora_rank"} | _derived(settings)
    parts["scoring"] = inspect.getsource(score_only_what_is_learned) if "on_cpu" in present else ""
    body = chosen(filled(shared[shared.index("# <doc>") :], parts), present)
    text = _header(settings, timeout_s, flavor) + re.sub(r"\n{4,}", "\n\n\n", body)
    compile(text, "train.py", "exec")
    return text


def _template(name: str) -> str:
    return (files("tunebook.pipeline.scripts") / "templates" / f"{name}.py").read_text(encoding="utf-8")


def _derived(s: TrainSettings) -> set[str]:
    facts = {
        "several": s.cards > 1,
        "on_cpu": s.cpu and s.method != "reward",  # a reward model has no vocabulary to score
        "attention": s.packing or s.plain_attention,
        "loads_four_bit": s.four_bit and s.adapter is None,
        "lora_rank": s.lora_rank is not None and s.adapter is None,
    }
    return {name for name, holds in facts.items() if holds}


def _header(s: TrainSettings, timeout_s: int, flavor: str | None) -> str:
    lines = ["# /// script", '# requires-python = ">=3.11"', "# dependencies = ["]
    lines += [f'#     "{dependency}",' for dependency in dependencies(s)]
    lines += ["# ]", "#", "# [tool.hf-jobs]", f'# timeout = "{timeout_s}s"']
    lines += [f'# flavor = "{flavor}"'] if flavor else []
    lines += ['# secrets = ["HF_TOKEN"]'] if s.push_to else []
    return "\n".join([*lines, "# ///", ""])


def _plan_block(s: TrainSettings) -> str:
    constants = [_constant(name, value, s.why.get(field) or why) for name, (value, field, why) in _values(s).items()]
    lines = [line for one in constants for line in one]
    if s.adapter is None and s.lora_rank is not None:
        lines += ["", *_lora(s)]
    for carried in (s.rewards, s.environment):
        lines += ["", "", carried.source.strip()] if carried else []
    lines += ["", "", *_load_rows(s), "", "", (s.to_trl or READY).strip(), ""]
    return "\n".join(lines)


READY = "to_trl = None  # TRL takes the rows as they are"


def _values(s: TrainSettings) -> dict[str, tuple[Any, str, str]]:
    """Name in the script: its value, the setting's name, and a reason where the plan gives none."""
    own: dict[str, tuple[Any, str, str]] = {}
    if s.method == "grpo":
        own |= {
            "NUM_GENERATIONS": (
                s.num_generations,
                "num_generations",
                "answers to each prompt, compared with each other",
            ),
            "MAX_COMPLETION_LENGTH": (s.max_completion_length, "max_completion_length", "tokens an answer may have"),
        }
    else:
        own["MAX_LENGTH"] = (s.max_length, "max_length", "tokens; longer rows are cut")
    if s.method == "sft":
        packed = "FlashAttention keeps packed rows apart" if s.packing else "safe only with a FlashAttention kernel"
        own["PACKING"] = (s.packing, "packing", packed)
        own["DATA_SETTINGS"] = (s.data_settings, "data_settings", "what the rows and the chat template call for")
    if s.packing:
        own["ATTENTION"] = (ATTENTION, "attention", "a FlashAttention kernel, fetched from the Hub")
    elif s.plain_attention:
        own["ATTENTION"] = ("eager", "attention", "on a CPU the fused one is slower for rows this short")
    if s.beta is not None:
        held = (
            "nothing holds the model to where it started" if not s.beta else "how firmly it stays near where it started"
        )
        own["BETA"] = (s.beta, "beta", held)
    adapter = {"ADAPTER": (s.adapter, "adapter", "training goes on with this adapter")} if s.adapter else {}
    several = {"CARDS": (s.cards, "cards", "processes, one a card")} if s.cards > 1 else {}
    pushed = {}
    if s.push_to:
        pushed = {"PUSH_TO": (s.push_to, "push_to", ""), "PUSH_PRIVATE": (s.push_private, "private", "")}
    kept = "all activations are kept: about a quarter faster"
    evaluation_rows = 4 * s.device_batch_size
    if s.method == "grpo":
        evaluation_rows = s.num_generations
    return {
        "METHOD": (s.method, "method", ""),
        "MODEL": (s.model, "model", ""),
        "MODEL_REVISION": (s.model_revision, "model_revision", ""),
        **adapter,
        "HELD_OUT_ROWS": (s.held_out_rows, "held_out_rows", "at most so many are kept to measure with"),
        "LOSS_ROWS": (s.loss_rows, "loss_rows", "of these, for the loss while training waits"),
        "SEED": (s.seed, "seed", ""),
        **own,
        "EPOCHS": (s.epochs, "epochs", ""),
        "MAX_STEPS": (s.max_steps, "max_steps", "" if s.max_steps else "as many as the epochs have"),
        "DEVICE_BATCH_SIZE": (s.device_batch_size, "device_batch_size", "rows at once"),
        "ACCUMULATION": (s.accumulation, "accumulation", "passes before each optimizer step"),
        "DEVICE_EVAL_BATCH_SIZE": (evaluation_rows, "device_eval_batch_size", "no gradients, so more fit"),
        "LEARNING_RATE": (s.learning_rate, "learning_rate", ""),
        "WARMUP_STEPS": (s.warmup_steps, "warmup_steps", "the first steps are small ones"),
        "CHECKPOINTING": (s.checkpointing, "checkpointing", "memory needs it" if s.checkpointing else kept),
        "HALF_WEIGHTS": (s.half_weights, "half_weights", "frozen weights in 16 bit on a GPU" if s.half_weights else ""),
        "CPU_BF16": (s.cpu_bf16, "cpu_bf16", "on a CPU: this one computes bf16 itself" if s.cpu_bf16 else ""),
        "EVAL_STEPS": (s.eval_steps, "eval_steps", ""),
        "SAVE_STEPS": (s.save_steps, "save_steps", ""),
        "REPORT_TO": (s.report_to, "report_to", "curves are kept on this machine"),
        **several,
        **pushed,
    }


def _constant(name: str, value: Any, why: str) -> list[str]:
    """One line, or the reason above it where both do not fit."""
    assigned = f"{name} = {literal(value)}"
    why = " ".join(why.split())
    if not why:
        return [assigned]
    if "\n" in assigned or len(assigned) + len(why) > 112:
        return [f"# {why}", assigned]
    return [f"{assigned}  # {why}"]


def _lora(s: TrainSettings) -> list[str]:
    kind = "SEQ_CLS" if s.method == "reward" else "CAUSAL_LM"
    return [
        "# Adapters beside every linear layer: as good as full tuning for most tasks, at a tenth of its memory.",
        f'LORA = LoraConfig(r={s.lora_rank}, lora_alpha={2 * s.lora_rank}, target_modules="all-linear", task_type="{kind}")'
        if s.lora_rank
        else "",
    ]


def _load_rows(s: TrainSettings) -> list[str]:
    left_out = code(s.leave_out, s.split_rows)
    body = load_code(s.source, leave_out=left_out, rows=s.rows, eval_share=s.eval_share or None, seed=s.seed)
    return [
        "def load_rows() -> tuple[Dataset, Dataset | None]:",
        *(f"    {line}" for line in body.splitlines()),
        "    return train_rows, eval_rows",
    ]
