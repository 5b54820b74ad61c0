"""Greedy answers in batches, fast enough that scoring is not the longest part of a run.

What was measured, SmolLM2-135M on one core in float32, 64 prompts of 63 tokens: batches of 16 and 64 take the same
time, since the arithmetic is the limit, not the memory; prompts of one task begin alike (system prompt, instruction),
and computing the 26 shared tokens once took 16 s instead of 22, with the same answers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tunebook.pipeline.benchmarks import Answer, Item
from tunebook.pipeline.data.encode import common_prefix
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.models import Loaded

BATCH = 32  # rows at most; small enough that progress is seen on a CPU
TOKENS = 16_384  # padded tokens a batch at most, which bounds the memory of long prompts
SHARED_FROM = 8  # shared tokens below which a cache is not worth its copy


def answers(
    loaded: Loaded,
    items: Sequence[Item],
    *,
    max_new_tokens: int,
    batch_size: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Answer]:
    """The greedy completion of each item, in the items' order, its text without the end token; `progress` gets the count."""
    import torch
    from transformers import GenerationConfig

    prompts = [prompt_ids(loaded.tokenizer, item) for item in items]
    device = loaded.model.device
    padding = loaded.tokenizer.pad_token_id
    padding = min(loaded.ends, default=0) if padding is None else padding
    settings = GenerationConfig(
        do_sample=False, max_new_tokens=max_new_tokens, eos_token_id=sorted(loaded.ends) or None, pad_token_id=padding
    )
    result = [Answer("", [])] * len(items)
    done = 0
    with torch.inference_mode():
        shared = _shared_length(prompts)
        cache = _shared_cache(loaded.model, prompts[0][:shared]) if shared else None
        shared = shared if cache is not None else 0
        for batch in batches([len(ids) for ids in prompts], batch_size or BATCH):
            longest = max(len(prompts[place]) for place in batch)
            rows, mask = [], []
            for place in batch:
                ids, gap = prompts[place], longest - len(prompts[place])
                rows.append(
                    ids[:shared] + [padding] * gap + ids[shared:]
                )  # padding behind what is shared, before the rest
                mask.append([1] * shared + [0] * gap + [1] * (len(ids) - shared))
            past = None
            if cache is not None:
                past = copy.deepcopy(cache)
                past.batch_repeat_interleave(len(batch))
            output = loaded.model.generate(
                input_ids=torch.tensor(rows, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=settings,
                past_key_values=past,
            )
            for place, ids in zip(batch, output[:, longest:].tolist(), strict=True):
                stop = next((at for at, token in enumerate(ids) if token in loaded.ends), len(ids))
                result[place] = Answer(loaded.tokenizer.decode(ids[:stop], skip_special_tokens=True), ids[: stop + 1])
            done += len(batch)
            progress(done)
    return result


def prompt_ids(tokenizer: Any, item: Item) -> list[int]:
    """The prompt's tokens as TRL makes them: turns by the chat template, opened for an answer; text as it stands."""
    if isinstance(item.prompt, str):
        ids: list[int] = tokenizer(item.prompt)["input_ids"]
    else:
        if not tokenizer.chat_template:
            raise CallError("model", "has no chat template, and the prompts are conversations", "use an instruct model")
        ids = tokenizer.apply_chat_template(
            item.prompt,
            tools=item.row.get("tools") or None,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **(item.row.get("chat_template_kwargs") or {}),
        )["input_ids"]
    if not ids:
        raise CallError("rows_file", f"has an empty prompt in row {item.id}", "remove the row, or give it a prompt")
    return ids


def batches(lengths: Sequence[int], rows: int) -> Iterator[list[int]]:
    """Places in batches of similar length, the longest first, so that too little memory shows at once."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        if batch and (len(batch) == rows or (len(batch) + 1) * lengths[batch[0]] > TOKENS):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _shared_length(prompts: Sequence[list[int]]) -> int:
    """How many leading tokens all prompts share, one token left over for each; 0 where it is not worth it."""
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)  # in order of their tokens: what these two share, all share
    length = min(common_prefix(first, last), min(len(ids) for ids in prompts) - 1)
    return length if length >= SHARED_FROM else 0


def _shared_cache(model: Any, ids: list[int]) -> Any | None:
    """The attention cache of the shared tokens; None where a model keeps anything but plain keys and values."""
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    if whole is not model and model.active_peft_config.is_prompt_learning:
        return None
    # The backbone alone: nobody needs a distribution over the vocabulary here.
    backbone = getattr(whole, whole.base_model_prefix)
    cache = backbone(input_ids=torch.tensor([ids], device=whole.device), use_cache=True).get("past_key_values")
    plain = isinstance(cache, DynamicCache) and all(type(layer) is DynamicLayer for layer in cache.layers)
    return cache if plain else None
