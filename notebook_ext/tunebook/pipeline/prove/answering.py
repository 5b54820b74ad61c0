"""Let a trained clone answer the prompts that it learned, as it would be asked when it is served."""

from __future__ import annotations

from typing import Any

from tunebook.pipeline.prove.batches import Ends
from tunebook.pipeline.prove.trial import Answer

MORE = 8  # tokens beyond the answer, in which it has to stop
MOST = 160


def answers(trainer: Any, rows: list[dict[str, Any]], ends: Ends) -> list[Answer]:
    """One greedy answer a row; none for rows without anything to answer."""
    import torch

    model = trainer.model
    model.eval()
    model.config.use_cache = True
    made = []
    for row in rows:
        prompt, wanted = _asked(row, ends)
        if not prompt or not wanted.strip():
            continue
        length = min(MOST, len(ends.tokenizer(wanted, add_special_tokens=False)["input_ids"]) + MORE)
        with torch.no_grad():
            told = model.generate(
                input_ids=torch.tensor([prompt]),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                do_sample=False,
                max_new_tokens=length,
                eos_token_id=ends.ids,
                pad_token_id=ends.tokenizer.pad_token_id or ends.ids[0],
                use_cache=True,
            )[0][len(prompt) :].tolist()
        stopped = bool(told) and told[-1] in ends.ids
        said = ends.tokenizer.decode(told, skip_special_tokens=True)
        made.append(Answer(wanted=wanted, said=said, stopped=stopped))
    return made


def _asked(row: dict[str, Any], ends: Ends) -> tuple[list[int], str]:
    """The ids of a row's prompt, and the answer that it learned; the second half of a row that is plain text."""
    tokenizer = ends.tokenizer
    more = row.get("chat_template_kwargs") or {}
    if "completion" in row and isinstance(row["prompt"], str):
        return tokenizer(row["prompt"])["input_ids"], row["completion"]
    if "completion" in row:
        return _rendered(tokenizer, row["prompt"], row, more), row["completion"][-1]["content"] or ""
    turns = row.get("messages")
    if turns and turns[-1].get("role") == "assistant" and isinstance(turns[-1].get("content"), str):
        return _rendered(tokenizer, turns[:-1], row, more), turns[-1]["content"]
    if isinstance(row.get("text"), str):
        ids = tokenizer(row["text"])["input_ids"]
        half = len(ids) // 2
        return ids[:half], tokenizer.decode(ids[half:], skip_special_tokens=True)
    return [], ""


def _rendered(tokenizer: Any, turns: Any, row: dict[str, Any], more: dict[str, Any]) -> list[int]:
    text = tokenizer.apply_chat_template(
        turns, tools=row.get("tools") or None, add_generation_prompt=True, tokenize=False, **more
    )
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
