"""What a model makes of both answers of a pair: their log-probabilities, or the scores of a reward model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tunebook.pipeline.benchmarks import Item, Pair
from tunebook.pipeline.data.encode import Encoder, Tokenized
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.answers import batches
from tunebook.pipeline.evaluation.losses import BATCH, check_template, check_trained, mean_losses
from tunebook.pipeline.evaluation.models import Loaded


def log_probabilities(
    loaded: Loaded,
    items: Sequence[Item],
    *,
    batch_size: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Pair]:
    """The mean log-probability a token of each answer, in nats; the tokens are those that DPO's trainer counts."""
    both = _encoded(loaded, items, "dpo")
    for item, pair in zip(items, both, strict=True):
        for side in pair:
            check_trained(item, side)
    flat = [side for pair in both for side in pair]
    found = mean_losses(loaded, flat, batch_size=batch_size, progress=lambda done: progress(done // 2))
    return _paired(both, [-loss for loss in found])


def scores(
    loaded: Loaded,
    items: Sequence[Item],
    *,
    batch_size: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Pair]:
    """The reward model's score of each answer behind its prompt, read where its trainer reads it."""
    import torch

    both = _encoded(loaded, items, "reward")
    flat = [side.ids for pair in both for side in pair]
    for place, ids in enumerate(flat):
        if not ids:
            raise CallError("rows_file", f"has an empty answer in row {items[place // 2].id}", "remove the row")
    model, padding = loaded.model, padding_id(loaded)
    # The model looks for its last token that is not padding: with the trainer's padding it is the trainer's place.
    model.config.get_text_config().pad_token_id = padding
    result = [0.0] * len(flat)
    done = 0
    with torch.inference_mode():
        for batch in batches([len(ids) for ids in flat], batch_size or BATCH):
            longest = max(len(flat[place]) for place in batch)
            gaps = [longest - len(flat[place]) for place in batch]
            rows = [flat[place] + [padding] * gap for place, gap in zip(batch, gaps, strict=True)]
            mask = [[1] * (longest - gap) + [0] * gap for gap in gaps]
            logits = model(
                input_ids=torch.tensor(rows, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                use_cache=False,
            ).logits
            for place, value in zip(batch, logits.float().squeeze(-1).tolist(), strict=True):
                result[place] = value
            done += len(batch)
            progress(done // 2)
    return _paired(both, result)


def padding_id(loaded: Loaded) -> int:
    """The trainer's choice: the padding token, else the end token."""
    tokenizer = loaded.tokenizer
    found = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    if found is None:
        raise CallError("model", "has a tokenizer with neither a padding nor an end token", "set its pad_token")
    return int(found)


def _encoded(loaded: Loaded, items: Sequence[Item], method: str) -> list[list[Tokenized]]:
    check_template(loaded, items)
    return Encoder(loaded.tokenizer, method=method).encode([item.row for item in items])


def _paired(both: Sequence[Sequence[Tokenized]], values: Sequence[float]) -> list[Pair]:
    """Two answers of the same tokens are a tie: the last digit depends on the batch, and must not choose for them."""
    return [
        Pair(values[2 * place], values[2 * place] if chosen.ids == rejected.ids else values[2 * place + 1])
        for place, (chosen, rejected) in enumerate(both)
    ]
