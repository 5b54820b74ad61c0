"""What went wrong in one line, with what mends it, where the failure is a known one."""

from __future__ import annotations

import re

from tunebook.pipeline.prove.trial import Outcome

SHOWN = 240
_KNOWN = (
    (
        r"chat_template is not set|does not have a chat template|no chat template",
        "the tokenizer has no chat template, so conversations cannot be rendered",
        "set tokenizer.chat_template, or take the instruct form of the model",
    ),
    (
        r"no end token|eos_token.*(None|not set|not found)",
        "the tokenizer has no end token, so no answer would ever end",
        "set eos_token",
    ),
    (
        r"not training-compatible|generation.? *(markers|keyword)|assistant_masks",
        "the chat template does not mark which tokens are the assistant's",
        "leave assistant_only_loss out, or split the rows into prompt and completion",
    ),
    (
        r"does not support tool calling",
        "the chat template has no place for tools, which the environment needs",
        "take a model whose template has one, such as Qwen/Qwen3-0.6B",
    ),
    (
        r"[Tt]arget modules .* not found|No modules were targeted|target_modules.*not found",
        "the adapter's targets are not in the model",
        'name modules that it has, or target_modules="all-linear"',
    ),
    (
        r"nothing to measure with|eval.*(empty|no rows)|num_samples=0|needs an eval_dataset|requires an eval_dataset",
        "no row is held out to measure with",
        "hold more rows out, or leave evaluation off",
    ),
    (
        r"can't convert .*str|must be real number, not str|could not convert string|(invalid data type|dimensions) 'str'",
        "a reward returns text in place of a number",
        "return a float, or None where it does not apply",
    ),
    (
        r"does not require grad",
        "nothing is trained: every weight is frozen",
        "leave requires_grad_ of the adapter, or of the model, as it is",
    ),
)


def failure(outcome: Outcome, log: str) -> str:
    """Why a run failed: the known cause and its remedy, else the exception, with the script's line."""
    if outcome.exit_code is not None and outcome.exit_code < 0 and not outcome.error:
        return f"ended by signal {-outcome.exit_code}, most likely for want of memory or time"
    said = outcome.error or _last(log)
    said = " ".join(said.split())
    for pattern, what, remedy in _KNOWN:
        if re.search(pattern, said):
            return _at(outcome, f"{what}: {remedy} ({_short(said, 120)})")
    if outcome.where is None and re.search(r"reward", log) and "Traceback" in log:
        return f"a reward failed: {_short(said)}"
    return _at(outcome, _short(said) or f"exit {outcome.exit_code}")


def _at(outcome: Outcome, text: str) -> str:
    return f"{outcome.where}: {text}" if outcome.where else text


def _last(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _short(text: str, most: int = SHOWN) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
