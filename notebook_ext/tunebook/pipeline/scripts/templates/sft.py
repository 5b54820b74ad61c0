"""Supervised fine-tuning with TRL, written by tunebook. It imports no tunebook: run it by hand with

    uv run train.py --output OUTPUT        (or: python train.py --output OUTPUT)

Started again on the same OUTPUT it goes on from the newest whole checkpoint. A file named `stop` in OUTPUT ends the
training after the step at hand and keeps what is there. Exit code 3: the loss or its gradient was no longer finite.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TQDM_DISABLE", "1")  # progress bars would tear the log's lines apart
os.environ.setdefault("TRACKIO_DIR", str(Path.cwd() / "trackio"))

import torch
from datasets import Dataset, load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer, BitsAndBytesConfig, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

# <plan>
MODEL = ""
SEED = 42
# </plan>

DIVERGED = 3


def to_trl_rows(rows: Dataset) -> Dataset:
    return rows.map(to_trl, remove_columns=rows.column_names) if to_trl else rows


class Journal(TrainerCallback):
    """Tells every event in one JSON line, stops when asked, and stops at once when the loss is no longer a number."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.diverged = False
        self.marker = "@tunebook:" + os.environ["TUNEBOOK_NONCE"] if "TUNEBOOK_NONCE" in os.environ else None
        self.file = os.environ.get("TUNEBOOK_METRICS")
        self.seen_tokens: tuple[float, float] | None = None

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
        if (self.output / "stop").exists():
            control.should_training_stop = control.should_save = True

    def on_save(self, args, state, control, **kwargs):
        if not state.is_world_process_zero:
            return
        folder = self.output / f"checkpoint-{state.global_step}"
        sizes = {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
        (folder / "whole.json").write_text(json.dumps(sizes))  # last of all: says that the rest is there
        self.tell(state, "checkpoint", step=state.global_step, path=str(folder))


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("output"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)

    rows, held_out = load_rows()
    rows = to_trl_rows(rows)
    if held_out is not None:
        held_out = to_trl_rows(held_out.select(range(min(len(held_out), HELD_OUT_ROWS))))
        # What is evaluated later is exactly what was held out here.
        held_out.to_json(output / "held_out.jsonl", force_ascii=False)
        held_out = held_out.select(
            range(min(len(held_out), LOSS_ROWS))
        )  # enough for a curve, at a fraction of the time

    cuda = torch.cuda.is_available()
    bf16 = cuda and torch.cuda.get_device_capability()[0] >= 8  # a T4 only emulates it
    half = "bfloat16" if bf16 else "float16"
    four_bit = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": half,
    }
    trainer = SFTTrainer(
        model=MODEL,
        processing_class=AutoTokenizer.from_pretrained(MODEL, revision=MODEL_REVISION),
        train_dataset=rows,
        eval_dataset=held_out,
        peft_config=LORA,
        quantization_config=BitsAndBytesConfig(**four_bit) if FOUR_BIT else None,
        args=SFTConfig(
            output_dir=str(output),
            model_init_kwargs={"revision": MODEL_REVISION, "dtype": half if HALF_WEIGHTS and cuda else "float32"},
            max_length=MAX_LENGTH,
            packing=PACKING,
            num_train_epochs=EPOCHS,
            max_steps=MAX_STEPS if MAX_STEPS is not None else -1,
            per_device_train_batch_size=DEVICE_BATCH_SIZE,
            per_device_eval_batch_size=DEVICE_BATCH_SIZE * 4,
            gradient_accumulation_steps=ACCUMULATION,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="cosine",
            warmup_steps=WARMUP_STEPS,
            activation_checkpointing=CHECKPOINTING,
            bf16=bf16,
            fp16=cuda and not bf16,
            eval_strategy="steps" if held_out is not None else "no",
            eval_steps=EVAL_STEPS,
            save_strategy="steps",
            save_steps=SAVE_STEPS,
            logging_steps=1,
            logging_nan_inf_filter=False,  # the default hides a loss that is no longer a number
            report_to=REPORT_TO,
            project="tunebook",
            run_name=os.environ.get("TUNEBOOK_RUN", output.name),
            trackio_static_space_id=False,  # nothing is published without consent
            disable_tqdm=True,
            dataloader_pin_memory=torch.cuda.is_available(),
            seed=SEED,
            data_seed=SEED,
            **DATA_SETTINGS,
        ),
    )
    journal = Journal(output)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(journal)
    trainer.train(resume_from_checkpoint=newest_whole_checkpoint(output))
    return DIVERGED if journal.diverged else 0


if __name__ == "__main__":
    raise SystemExit(main())
