"""What every training script has, whatever its method. <trainer>, <plan> and <doc> are filled in: see scripts/train.py."""

# <doc>
# </doc>
import argparse
import functools
import json
import math
import os
import signal
import sys
import time
from pathlib import Path

STARTED = time.time()
os.environ.setdefault("TQDM_DISABLE", "1")  # progress bars would tear the log's lines apart
os.environ.setdefault("TRACKIO_DIR", str(Path.cwd() / "trackio"))

import torch
from datasets import Dataset, load_dataset
from transformers import AutoTokenizer, PrinterCallback, TrainerCallback

# <imports>
# </imports>
# <when lora_rank>
from peft import LoraConfig

# </when>
# <when adapter>
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

# </when>
# <when four_bit>
from transformers import BitsAndBytesConfig
# </when>

# <plan>
MODEL = ""
SEED = 42
# </plan>

SECONDS_TO_SAVE = 30.0  # before the time limit training stops, so that what it has learned is kept
DIVERGED, TERMINATED = 3, 128 + signal.SIGTERM  # exit codes


# <trainer>
# </trainer>


def common_arguments(output: Path, evaluates: bool) -> dict:
    """What every method's trainer is told."""
    cuda = torch.cuda.is_available()
    bf16 = has_bf16()
    return {
        "output_dir": str(output),
        # <unless adapter>
        "model_init_kwargs": model_arguments(),
        # </unless>
        "num_train_epochs": EPOCHS,
        "max_steps": MAX_STEPS if MAX_STEPS is not None else -1,
        "per_device_train_batch_size": DEVICE_BATCH_SIZE,
        "per_device_eval_batch_size": DEVICE_EVAL_BATCH_SIZE,
        "gradient_accumulation_steps": ACCUMULATION,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "cosine",
        "warmup_steps": WARMUP_STEPS,
        "activation_checkpointing": CHECKPOINTING,
        "bf16": bf16,
        "fp16": cuda and not bf16,
        "use_cpu": not cuda,
        "eval_strategy": "steps" if evaluates else "no",
        "eval_steps": EVAL_STEPS,
        "save_strategy": "steps",
        "save_steps": SAVE_STEPS,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # the default hides a loss that is no longer a number
        "report_to": REPORT_TO,
        "project": "tunebook",
        "run_name": os.environ.get("TUNEBOOK_RUN", output.name),
        "trackio_static_space_id": False,  # nothing is published without consent
        # <when push_to>
        "push_to_hub": True,  # with HF_TOKEN in the environment
        "hub_model_id": PUSH_TO,
        "hub_private_repo": PUSH_PRIVATE,
        "hub_strategy": "checkpoint",  # every save also goes to the Hub: it outlives this machine's disk
        # </when>
        "disable_tqdm": True,
        "dataloader_pin_memory": cuda,
        # <when several>
        "ddp_find_unused_parameters": False,
        # </when>
        "seed": SEED,
        "data_seed": SEED,
    }


def has_bf16() -> bool:
    """By what the processor computes itself: a T4 says that it can, and emulates it."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability()[0] >= 8
    return CPU_BF16


def model_arguments() -> dict:
    """Which weights, and in which precision they are kept."""
    half = "bfloat16" if has_bf16() else "float16"
    kept = half if HALF_WEIGHTS and torch.cuda.is_available() else "float32"
    return {
        "revision": MODEL_REVISION,
        "dtype": kept,
        # <when attention>
        "attn_implementation": ATTENTION,
        # </when>
    }


# <when four_bit>
def four_bits() -> BitsAndBytesConfig:
    """Frozen weights in 4 bit, computed with in 16."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="bfloat16" if has_bf16() else "float16",
    )


# </when>
# <when adapter>
def with_adapter(kind, **more) -> PeftModel:
    """The model with the adapter that is trained on."""
    # <when four_bit>
    more["quantization_config"] = four_bits()
    # </when>
    return PeftModel.from_pretrained(
        kind.from_pretrained(MODEL, **model_arguments(), **more), ADAPTER, is_trainable=True
    )


# </when>
def tokenizer():
    found = AutoTokenizer.from_pretrained(MODEL, revision=MODEL_REVISION)
    if found.eos_token_id is None:
        raise SystemExit(f"{MODEL}'s tokenizer has no end token, so no answer would ever end; set eos_token")
    return found


class Journal(TrainerCallback):
    """Tells every event in one JSON line; saves and stops when asked, in time, and when the loss is no number."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.diverged = self.terminated = False
        self.marker = "@tunebook:" + os.environ["TUNEBOOK_NONCE"] if "TUNEBOOK_NONCE" in os.environ else None
        self.file = os.environ.get("TUNEBOOK_METRICS")
        self.seen_tokens: tuple[float, float] | None = None
        limit = os.environ.get("TUNEBOOK_TIME_LIMIT_S")
        self.ends = STARTED + float(limit) if limit else math.inf
        self.step_began = self.longest_step = 0.0
        signal.signal(signal.SIGTERM, self.terminate)

    def terminate(self, number, frame) -> None:
        self.terminated = True  # the step at hand is finished first, so that what is saved is whole

    def tell(self, state, event: str, **fields) -> None:
        if not state.is_world_process_zero:
            return
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}, allow_nan=False)
        if self.marker:
            os.write(1, f"\n{self.marker} {line}\n".encode())  # one write: a line is never torn
        if self.file:
            with open(self.file, "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def on_train_begin(self, args, state, control, **kwargs):
        self.tell(state, "begin", step=state.global_step, max_steps=state.max_steps)

    def on_step_begin(self, args, state, control, **kwargs):
        self.step_began = time.time()

    def on_log(self, args, state, control, logs=None, **kwargs):
        values = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, (int, float))}
        if "num_tokens" in values:
            now, before = (values["num_tokens"], time.time()), self.seen_tokens
            if before and now[1] > before[1] and now[0] > before[0]:
                values["tokens_per_second"] = (now[0] - before[0]) / (now[1] - before[1])
            self.seen_tokens = now
        values["memory_gib"] = peak_memory_gib()
        broken = [name for name in ("loss", "grad_norm") if name in values and not math.isfinite(values[name])]
        shown = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self.tell(state, "metrics", step=state.global_step, epoch=state.epoch, values=shown)
        if broken:
            self.diverged = True
            control.should_training_stop, control.should_save, control.should_evaluate = True, False, False
            self.tell(state, "diverged", step=state.global_step, what=broken[0])

    def on_step_end(self, args, state, control, **kwargs):
        now = time.time()
        self.longest_step = max(self.longest_step, now - self.step_began)
        late = now + 2 * self.longest_step + SECONDS_TO_SAVE > self.ends
        stopping = (self.output / "stop").exists() or self.terminated or late
        # <when several>
        stopping = on_any_card(stopping)
        # </when>
        if stopping:
            control.should_training_stop = control.should_save = True
            self.tell(state, "stopping", step=state.global_step, why="its time is nearly up" if late else "asked to")

    def on_save(self, args, state, control, **kwargs):
        # <when several>
        torch.distributed.barrier()  # every process has written its part
        # </when>
        if not state.is_world_process_zero:
            return
        folder = self.output / f"checkpoint-{state.global_step}"
        sizes = {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
        (folder / "whole.json").write_text(json.dumps(sizes))  # last of all: says that the rest is there
        self.tell(state, "checkpoint", step=state.global_step, path=str(folder))


# <when several>
def on_any_card(wanted: bool) -> bool:
    """Whether any process wants it: all of them stop at the same step, or the others would wait for ever."""
    told = torch.tensor(float(wanted), device="cuda" if torch.cuda.is_available() else "cpu")
    torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
    return bool(told)


# </when>
def peak_memory_gib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def newest_whole_checkpoint(output: Path) -> str | None:
    """The newest checkpoint whose every file has the size it had when it was finished."""
    for folder in sorted(output.glob("checkpoint-*"), key=lambda path: -int(path.name.split("-")[1])):
        try:
            sizes = json.loads((folder / "whole.json").read_text())
            if all((folder / name).stat().st_size == size for name, size in sizes.items()):
                return str(folder)
        except (OSError, ValueError):
            pass
        print(f"{folder.name} is not whole and is not used", flush=True)
    return None


def rows_for(output: Path) -> tuple[Dataset, Dataset | None]:
    """The rows as TRL reads them: those to train on, and a few of the held-out ones to watch the loss with."""

    def ready(rows: Dataset) -> Dataset:
        return rows.map(to_trl, remove_columns=rows.column_names) if to_trl else rows

    rows, held_out = load_rows()
    if held_out is None:
        return ready(rows), None
    if not len(held_out):
        raise SystemExit("no row is held out, so there is nothing to measure with; hold more out, or none")
    held_out = ready(held_out.select(range(min(len(held_out), HELD_OUT_ROWS))))
    if int(os.environ.get("RANK", "0")) == 0:
        # What is evaluated later is exactly what was held out here.
        held_out.to_json(output / "held_out.jsonl", force_ascii=False)
    return ready(rows), held_out.select(range(min(len(held_out), LOSS_ROWS)))


# <scoring>
# </scoring>
# <when several>
import subprocess


def start_on_all_cards() -> int:
    """This script once a card, by `accelerate launch`, and its exit code."""
    options = ["--num_processes", str(CARDS), "--num_machines", "1", "--dynamo_backend", "no"]
    options += ["--mixed_precision", "bf16" if has_bf16() else "fp16" if torch.cuda.is_available() else "no"]
    # <when sharded>
    # Weights, gradients and the optimizer's state are split over the cards.
    options += ["--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP"]
    options += ["--fsdp_state_dict_type", "FULL_STATE_DICT", "--fsdp_cpu_ram_efficient_loading", "true"]
    # </when>
    # <unless sharded>
    options += ["--multi_gpu"]  # each card has a whole model
    # </unless>
    command = [sys.executable, "-m", "accelerate.commands.launch", *options, __file__, *sys.argv[1:]]
    without = {} if torch.cuda.is_available() else {"ACCELERATE_USE_CPU": "true"}  # processes on a CPU, over gloo
    child = subprocess.Popen(command, env={**os.environ, **without})
    signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
    return child.wait()


# </when>
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("output"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    # <when several>
    if "RANK" not in os.environ:
        return start_on_all_cards()
    # </when>

    # <when on_cpu>
    score_only_what_is_learned()
    # </when>
    rows, held_out = rows_for(output)
    trainer = make_trainer(rows, held_out, common_arguments(output, held_out is not None))
    journal = Journal(output)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(journal)
    # The trainer counts the model's parameters at every step, which takes as long as the optimizer does; they stay the same.
    trainer.model.num_parameters = functools.cache(trainer.model.num_parameters)
    trainer.train(resume_from_checkpoint=newest_whole_checkpoint(output))
    return DIVERGED if journal.diverged else TERMINATED if journal.terminated else 0


if __name__ == "__main__":
    raise SystemExit(main())
