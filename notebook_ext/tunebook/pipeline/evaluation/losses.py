"""The loss of each row's trained tokens: the labels are TRL's, as the inspection showed them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tunebook.pipeline.benchmarks import Item
from tunebook.pipeline.data.encode import Encoder, Tokenized
from tunebook.pipeline.data.template import known_to_trl
from tunebook.pipeline.errors import CallError
from tunebook.pipeline.evaluation.answers import batches
from tunebook.pipeline.evaluation.models import Loaded

BATCH = 16


def losses(
    loaded: Loaded,
    items: Sequence[Item],
    *,
    batch_size: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """Each item's mean loss in nats a trained token, in the items' order. NaN where the model gives no number."""
    return mean_losses(loaded, tokenized(loaded, items), batch_size=batch_size, progress=progress)


def mean_losses(
    loaded: Loaded,
    encoded: Sequence[Tokenized],
    *,
    batch_size: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """The same of sequences that are tokens already, each with at least one trained token behind the first."""
    import inspect

    import torch

    device = loaded.model.device
    whole = loaded.model.get_base_model() if hasattr(loaded.model, "get_base_model") else loaded.model
    keeps = "logits_to_keep" in inspect.signature(whole.forward).parameters
    result = [0.0] * len(encoded)
    done = 0
    with torch.inference_mode():
        for batch in batches([len(row.ids) for row in encoded], batch_size or BATCH):
            longest = max(len(encoded[place].ids) for place in batch)
            gaps = [longest - len(encoded[place].ids) for place in batch]
            pairs = list(zip(batch, gaps, strict=True))
            # Padded on the left, all answers end together: logits are made for them and not for the prompts.
            ids = torch.tensor([[0] * gap + encoded[place].ids for place, gap in pairs], device=device)
            mask = torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps], device=device)
            trained = torch.tensor([[False] * gap + encoded[place].trained for place, gap in pairs], device=device)
            keep = longest - int(trained.int().argmax(dim=1).min()) + 1
            logits = whole(
                input_ids=ids,
                attention_mask=mask,
                position_ids=(mask.cumsum(dim=1) - 1).clamp(min=0),
                use_cache=False,
                **({"logits_to_keep": keep} if keeps else {}),
            ).logits[:, -keep:-1]
            real = trained[:, -logits.shape[1] :]
            # One row a token: over the middle of three axes the sum of 49,152 exponentials was off in the fifth digit.
            each = torch.nn.functional.cross_entropy(
                logits[real].float(), ids[:, -logits.shape[1] :][real], reduction="none"
            )
            counts = real.sum(dim=1)
            sums = torch.zeros(len(batch), device=device).index_add(0, real.nonzero()[:, 0], each)
            for place, value in zip(batch, (sums / counts).tolist(), strict=True):
                result[place] = value
            done += len(batch)
            progress(done)
    return result


def tokenized(loaded: Loaded, items: Sequence[Item]) -> list[Tokenized]:
    """Each item's row with its labels. Raises CallError for a row that trains no token at all."""
    check_template(loaded, items)
    turns = "messages" in items[0].row
    encoder = Encoder(loaded.tokenizer, assistant_only=turns and known_to_trl(loaded.tokenizer))
    result = encoder.tokenized([item.row for item in items])
    for item, row in zip(items, result, strict=True):
        check_trained(item, row)
    return result


def check_trained(item: Item, row: Tokenized) -> None:
    if not any(row.trained[1:]):  # nothing predicts the first token
        raise CallError("rows_file", f"has no trained token in row {item.id}", "remove the row, or give it an answer")


def check_template(loaded: Loaded, items: Sequence[Item]) -> None:
    """Raises CallError for conversations that the tokenizer cannot write down."""
    first = items[0].row
    turns = any(isinstance(first.get(part), list) for part in ("prompt", "completion", "messages", "chosen"))
    if turns and not loaded.tokenizer.chat_template:
        raise CallError("model", "has no chat template, and the rows are conversations", "use an instruct model")
