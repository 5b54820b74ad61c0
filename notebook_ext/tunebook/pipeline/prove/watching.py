"""What is seen of a run: a look at the first batches, at every weight before and after, and at the log."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from tunebook.pipeline.prove.answering import answers
from tunebook.pipeline.prove.batches import Ends, sequences
from tunebook.pipeline.prove.few import users
from tunebook.pipeline.prove.trial import Outcome, Trial

LORA_RATE, FULL_RATE = 5e-3, 1e-3
LOOKED_AT = 8  # rows
LEARNED = 0.01  # a loss of SFT at which more steps teach nothing
SPOILED_AT = 2  # the step at which the loss breaks, or SIGTERM comes


def watch(trial: Trial, outcome: Outcome, note: Callable[[str], None], save: Callable[[], None]) -> None:
    """Wrap `Trainer.train`, through which every trainer of TRL goes."""
    from transformers import Trainer

    train = Trainer.train

    @wraps(train)
    def trained(self: Any, resume_from_checkpoint: Any = None, *more: Any, **keywords: Any) -> Any:
        outcome.trained = True
        outcome.resumed_from = str(resume_from_checkpoint) if resume_from_checkpoint else None
        rows = getattr(self, "_proved_rows", [])
        outcome.users = [text for row in rows for text in users(row)][: 2 * LOOKED_AT]
        if trial.method == "grpo":
            outcome.rows = json.loads(json.dumps(rows, default=str))
        ends = Ends.of(self)
        _look(self, trial, outcome, ends)
        outcome.adapters = any("lora_" in name for name, _ in self.model.named_parameters())
        if trial.learns:
            _rate(self, outcome, note)
        before = {name: (one.detach().clone(), one.requires_grad) for name, one in self.model.named_parameters()}
        _callbacks(self, trial, outcome)
        save()
        began = time.perf_counter()
        try:
            return train(self, resume_from_checkpoint, *more, **keywords)
        finally:
            outcome.seconds["training"] = time.perf_counter() - began
            outcome.steps = self.state.global_step
            outcome.logs = [_plain(one) for one in self.state.log_history]
            _compare(before, self.model, outcome)
            if trial.learns and trial.method == "sft":
                began = time.perf_counter()
                outcome.answers = answers(self, rows, ends)
                outcome.seconds["answers"] = time.perf_counter() - began
            save()

    Trainer.train = trained


def _rate(trainer: Any, outcome: Outcome, note: Callable[[str], None]) -> None:
    """The rate at which the clone learns; one of 0 stays, as it is the script's own fault."""
    rate = LORA_RATE if outcome.adapters else FULL_RATE
    if trainer.args.learning_rate and trainer.optimizer is None:
        note(f"learning_rate {trainer.args.learning_rate!r} is {rate!r}")
        trainer.args.learning_rate = rate


def _look(trainer: Any, trial: Trial, outcome: Outcome, ends: Ends) -> None:
    """Wrap the loss: what it is given is what is learned, whatever prepared it."""
    compute = trainer.compute_loss

    def computed(model: Any, inputs: Any, *more: Any, **keywords: Any) -> Any:
        if trainer.model.training:
            if trial.spoil == "ends" and "labels" in inputs:
                for token in ends.ids:
                    inputs["labels"] = inputs["labels"].masked_fill(inputs["labels"] == token, -100)
            if len(outcome.sequences) < LOOKED_AT:
                outcome.sequences += sequences(trial.method, inputs, ends)
        loss = compute(model, inputs, *more, **keywords)
        if trial.spoil == "nan" and trainer.model.training and trainer.state.global_step >= SPOILED_AT - 1:
            return (loss[0] * math.nan, *loss[1:]) if isinstance(loss, tuple) else loss * math.nan
        return loss

    trainer.compute_loss = computed


def _callbacks(trainer: Any, trial: Trial, outcome: Outcome) -> None:
    from transformers import TrainerCallback

    losses, right = [], []

    class Watch(TrainerCallback):  # type: ignore[misc] # of a library that is not followed
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if trial.spoil == "signal" and state.global_step == SPOILED_AT:
                os.kill(os.getpid(), signal.SIGTERM)
            if trial.until is not None and time.monotonic() > trial.until:
                outcome.late = True
                control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if not trial.learns or not logs or "loss" not in logs:
                return
            losses.append(logs["loss"])
            right.append(min(logs.get("rewards/margins", 0.0), logs.get("rewards/accuracies", 1.0)))
            if trial.method == "sft":
                learned = len(losses) >= 8 and max(losses[-8:]) < LEARNED
            else:
                learned = len(right) >= 4 and min(right[-4:]) >= 1
            if learned:
                outcome.early = f"learned by step {state.global_step}"
                control.should_training_stop = True

    # First, so that a signal comes before the script's own look at whether it should stop.
    trainer.callback_handler.callbacks.insert(0, Watch())


def _compare(before: dict[str, Any], model: Any, outcome: Outcome) -> None:
    import torch

    after = dict(model.named_parameters())
    for name, (old, trained) in before.items():
        new = after.get(name)
        same = new is not None and torch.equal(old, new.detach())
        if trained:
            outcome.trainable += 1
            outcome.still += [name] if same else []
        else:
            outcome.frozen += 1
            outcome.changed += [] if same else [name]
            outcome.stopped_adapters += [name] if "lora_" in name and ".ref." not in name else []


def _plain(log: dict[str, Any]) -> dict[str, Any]:
    """A log without numbers that JSON has no word for: they are said as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in log.items()
        if isinstance(value, int | float | str)
    }
