"""Useful tokens a second of the generated SFT script, beside a script and loops tuned by hand and the reference skill's settings.

    python bench/train_speed.py [ROUNDS]

SmolLM2-135M with LoRA of rank 16 on the demo's rows, in one process. A loop by hand computes each batch right after the
script has, so that both feel the same machine within a second or two. Two other scripts on TRL have batches of their own and
go turn by turn, each first as often as the other: one with the reference's settings, and one as somebody writes it who knows
TRL and this machine. A token is useful that is no padding. Also told: the share of padding, and what the script's own callback
takes of a step.
"""

from __future__ import annotations

import functools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "tests")]
os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "GOMP_SPINCOUNT": "50000"}
os.environ |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
STEPS, WARM = 8, 2
Rates = list[float]


def main(rounds: int) -> int:
    import torch
    from prepare_model import prepare

    from tunebook.pipeline.hardware.machine import this_machine

    if not torch.cuda.is_available():
        torch.set_num_threads(max(1, int(this_machine().usable_cores)))
    model = prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct")
    folder = Path(tempfile.mkdtemp(prefix="train-speed-"))
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    ours = Script(str(model), folder)
    by_hand = {
        "by hand": ByHand(str(model), ours.trainer, "sdpa"),
        "by hand, plain attention": ByHand(str(model), ours.trainer, "eager"),
    }
    told = beside(ours, by_hand, rounds)
    others = {"tuned script": (tuned, rounds), "reference": (reference, max(2, rounds // 4))}
    for other, (make, turns) in others.items():
        told[other] = turn_by_turn(ours, other, trainer_turn(make(str(model), folder)), turns)
    for name, found in told.items():
        low, high = spread(found)
        print(
            f"script / {name}: {statistics.mean(found):.3f} (mean of {len(found)}; 95 % of it: {low:.3f} to {high:.3f})"
        )
    print(f"padding: {100 * ours.padding():.1f} % of what the script computes")
    print(f"callbacks: {100 * ours.in_callbacks / ours.in_steps:.2f} % of a step")
    return 0


def turn_by_turn(ours: Script, other: str, turn: Callable[[], float], turns: int) -> Rates:
    ratios: list[float] = []
    for number in range(turns):
        pair = {"script": ours.turn, other: turn}
        rates = {name: pair[name]() for name in sorted(pair, reverse=bool(number % 2))}
        ratios.append(rates["script"] / rates[other])
        print("   ".join(f"{name} {rate:.1f}" for name, rate in rates.items()), "useful tokens/s", flush=True)
    return ratios


def beside(ours: Script, by_hand: dict[str, ByHand], rounds: int) -> dict[str, Rates]:
    """How many times as fast as each loop by hand the script took each of its steps, all that it does between them too."""
    from transformers import TrainerCallback

    ratios: dict[str, Rates] = {name: [] for name in by_hand}
    batch: dict[str, Any] = {}
    step = ours.trainer.training_step

    def keeping(model: Any, inputs: dict[str, Any], *rest: Any, **more: Any) -> Any:
        batch.update(inputs)
        return step(model, inputs, *rest, **more)

    class Beside(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began, self.steps = time.perf_counter(), 0

        def on_step_end(self, *_: Any, **__: Any) -> None:
            took, self.steps = time.perf_counter() - self.began, self.steps + 1
            for name, other in by_hand.items():
                seconds = other.step(batch)
                if self.steps > WARM:
                    ratios[name].append(seconds / took)
            self.began = time.perf_counter()

    ours.trainer.training_step = keeping
    ours.trainer.add_callback(Beside())
    for number in range(rounds):
        ours.turn()
        so_far = ", ".join(f"{statistics.mean(found):.3f} of {name}" for name, found in ratios.items())
        print(f"round {number + 1}: {so_far}", flush=True)
    ours.trainer.remove_callback(Beside)
    ours.trainer.training_step = step
    ours.in_callbacks = ours.in_steps = 0.0
    return ratios


def spread(ratios: Rates) -> tuple[float, float]:
    """Where the mean lies with 95 % in 10,000 draws of as many ratios."""
    chance = random.Random(0)
    means = sorted(statistics.mean(chance.choices(ratios, k=len(ratios))) for _ in range(10_000))
    return means[250], means[9_750]


def clocked(trainer: Any) -> tuple[list[float], list[int]]:
    """Seconds of each step, and the useful tokens in it, as the trainer goes."""
    from transformers import TrainerCallback

    seconds: list[float] = []
    tokens: list[int] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        began = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = time.perf_counter()
            tokens.append(0)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            seconds.append(time.perf_counter() - self.began)

    step = trainer.training_step

    def counting(model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        tokens[-1] += int(inputs["attention_mask"].sum())
        return step(model, inputs, *rest, **more)

    trainer.training_step = counting
    trainer.add_callback(Clock())
    return seconds, tokens


def trainer_turn(trainer: Any) -> Callable[[], float]:
    seconds, tokens = clocked(trainer)

    def turn() -> float:
        seconds.clear()
        tokens.clear()
        trainer.train()
        return sum(tokens[WARM:]) / sum(seconds[WARM:])

    return turn


class Script:
    """The generated script's own trainer with its own callback, which is timed."""

    def __init__(self, model: str, folder: Path) -> None:
        import torch
        from scripts import settings

        from tunebook.pipeline.hardware.machine import this_machine
        from tunebook.pipeline.scripts import train_script

        made = settings(
            "sft", model, ROOT / "examples" / "data" / "kinds", device_batch_size=8, lora_rank=16, learning_rate=2e-4,
            max_steps=STEPS + WARM, save_steps=10_000, eval_steps=10_000, cpu=not torch.cuda.is_available(),
            cpu_bf16=this_machine().cpu_bf16, plain_attention=not torch.cuda.is_available(), report_to=["trackio"],
        )  # fmt: skip
        names: dict[str, Any] = {"__name__": "train", "__file__": "train.py"}
        exec(compile(train_script(made, timeout_s=3600), "train.py", "exec"), names)
        rows, _ = names["load_rows"]()
        self.trainer = names["make_trainer"](rows, None, names["common_arguments"](folder / "script", False))
        (folder / "script").mkdir(exist_ok=True)
        self.trainer.remove_callback(names["PrinterCallback"])
        self.trainer.model.num_parameters = functools.cache(self.trainer.model.num_parameters)
        self.in_callbacks = self.in_steps = 0.0
        journal = names["Journal"](folder / "script")
        for event in ("on_step_begin", "on_log", "on_step_end"):
            setattr(journal, event, self._timed(getattr(journal, event)))
        self.trainer.add_callback(journal)
        self._turn = trainer_turn(self.trainer)
        self._score_only_what_is_learned = names.get("score_only_what_is_learned")

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*given, **more)
            finally:
                self.in_callbacks += time.perf_counter() - began

        return timed

    def turn(self) -> float:
        import trl.trainer.utils

        names = ("_use_triton", "_ChunkedLogProbFunction")
        as_trl_has_it = {name: getattr(trl.trainer.utils, name) for name in names}  # for the reference's turn
        if self._score_only_what_is_learned:
            self._score_only_what_is_learned()
        began = time.perf_counter()
        try:
            return self._turn()
        finally:
            self.in_steps += time.perf_counter() - began
            for name, own in as_trl_has_it.items():
                setattr(trl.trainer.utils, name, own)

    def padding(self) -> float:
        """Of all batches of an epoch."""
        useful = computed = 0
        for batch in self.trainer.get_train_dataloader():
            useful += int(batch["attention_mask"].sum())
            computed += batch["attention_mask"].numel()
        return 1 - useful / computed


def reference(model: str, folder: Path) -> Any:
    """The reference skill's settings, in the names that TRL has for them today; what it leaves out is TRL's default."""
    return trl_trainer(
        model, folder, per_device_train_batch_size=1, gradient_accumulation_steps=8, activation_checkpointing=True
    )


def tuned(model: str, folder: Path) -> Any:
    """What makes it faster of all that TRL has to set, and the attention that is faster here."""
    import torch

    from tunebook.pipeline.hardware.machine import this_machine

    cuda = torch.cuda.is_available()
    fast = {} if cuda else {"attn_implementation": "eager", "dtype": "float32"}
    return trl_trainer(
        model, folder, per_device_train_batch_size=8, activation_checkpointing=False, model_init_kwargs=fast,
        bf16=cuda or this_machine().cpu_bf16, train_sampling_strategy="group_by_length", dataloader_pin_memory=cuda,
    )  # fmt: skip


def trl_trainer(model: str, folder: Path, **settings: Any) -> Any:
    import torch
    from datasets import load_dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset("json", data_files=str(ROOT / "examples/data/kinds/train.jsonl"), split="train")
    return SFTTrainer(
        model=model,
        train_dataset=rows,
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        args=SFTConfig(
            output_dir=str(folder / "other"),
            max_length=2048,
            learning_rate=2e-4,
            max_steps=STEPS + WARM,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),  # without it TRL's default, bf16, does not start on a CPU
            **settings,
        ),
    )


class ByHand:
    """A plain loop over the script's own batches, with logits for the trained tokens alone and nothing else in it."""

    def __init__(self, model: str, trainer: Any, attention: str) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation=attention)
        wanted = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        self.model = get_peft_model(base, wanted).to(trainer.args.device).train()
        self.trained = [one for one in self.model.parameters() if one.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=2e-4, fused=True)
        self.bf16 = trainer.args.bf16

    def step(self, batch: dict[str, Any]) -> float:
        """Its seconds."""
        import torch

        inner, head = self.model.base_model.model.model, self.model.base_model.model.lm_head
        began = time.perf_counter()
        with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, enabled=self.bf16):
            hidden = inner(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)[0]
            labels = batch["labels"][:, 1:]
            kept = labels != -100
            loss = torch.nn.functional.cross_entropy(head(hidden[:, :-1][kept]).float(), labels[kept])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        loss.item()
        return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
