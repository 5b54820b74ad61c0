"""The texts on which two forms of a model are compared: conversations as the model's own template writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunebook.pipeline.errors import CallError

#: Most positions at which logits are compared, over all texts and in one text. On one core, 256 positions of a 135M
#: model take llama.cpp two seconds; the standard error of an agreement of 85 % is then 2.2 points.
POSITIONS = 256
POSITIONS_A_TEXT = 128
#: Most texts whose token ids are compared, which costs next to nothing.
TEXTS = 64
#: The reference is kept in memory as float32 log-probabilities: a large vocabulary gets fewer positions.
REFERENCE_BYTES = 512 * 2**20

#: What tokenizers are known to disagree on, and what is compared where no calibration texts were given.
PLAIN_TEXTS = (
    "The river rises in the hills north of the town, turns west below the old bridge and reaches the sea after 214 km.",
    "def mean(values):\n    if not values:\n        raise ValueError('empty')\n    return sum(values) / len(values)\n",
    "We don't know what it'll cost: $1,299.00 today, 1.5e-3 of that tomorrow, or 20% off on 2024-02-29 at 07:45.",
    "Größe, façade, naïve, Žižek; Привет, мир! 你好,世界。 こんにちは 🙂👍🏽",
    "  two spaces before,\ttab, trailing spaces   \n\n\nand three line breaks\r\n",
    "Water boils at 100 degrees Celsius at sea level since its vapour pressure then equals that of the air.",
)


@dataclass(frozen=True)
class Text:
    """One text with the ids the Hugging Face tokenizer gives it."""

    text: str
    ids: list[int]
    rendered: bool  # by the chat template, which writes the BOS itself


def calibration_texts(tokenizer: Any, rows: list[Any]) -> tuple[list[Text], list[Text]]:
    """(texts whose ids are compared, those whose logits are compared too, cut to their share of positions).

    Rows are taken evenly from all over. Raises CallError where a row is no conversation and no text.
    """
    chosen = rows[:: max(1, len(rows) // TEXTS)][:TEXTS]
    own = [_text(tokenizer, row, number) for number, row in enumerate(chosen)]
    plain = [_text(tokenizer, text, 0) for text in PLAIN_TEXTS]
    budget = max(16, min(POSITIONS, REFERENCE_BYTES // (4 * max(1, len(tokenizer)))))
    compared: list[Text] = []
    for one in own or plain:
        ids = one.ids[: min(POSITIONS_A_TEXT, budget)]
        if len(ids) > 1:
            compared.append(Text(one.text, ids, one.rendered))
            budget -= len(ids)
        if budget < 2:
            break
    return own + plain, compared


def _text(tokenizer: Any, row: Any, number: int) -> Text:
    if isinstance(row, str):
        return _plain(tokenizer, row)
    messages = _messages(row)
    if messages is not None and getattr(tokenizer, "chat_template", None):
        try:
            text = str(tokenizer.apply_chat_template(messages, tokenize=False))
        except Exception as failure:  # a template may raise anything
            raise _not_a_text(number, f"does not go through the chat template ({failure})") from failure
        return Text(text, list(tokenizer(text, add_special_tokens=False)["input_ids"]), True)
    if messages is not None:  # no template: as plain as it was trained
        return _plain(tokenizer, "\n".join(str(message.get("content", "")) for message in messages))
    if isinstance(row, dict) and isinstance(row.get("text"), str):
        return _plain(tokenizer, row["text"])
    if isinstance(row, dict) and isinstance(row.get("prompt"), str):
        return _plain(tokenizer, row["prompt"] + str(row.get("completion") or ""))
    raise _not_a_text(number, "has no messages, no prompt and no text")


def _messages(row: Any) -> list[dict[str, Any]] | None:
    """The conversation of a row, the answer included; a bare list of messages is one too."""
    if isinstance(row, list):
        return row
    if not isinstance(row, dict):
        return None
    if isinstance(row.get("messages"), list):
        return list(row["messages"])
    if isinstance(row.get("prompt"), list):
        answer = row.get("completion") or row.get("chosen") or []
        return [
            *row["prompt"],
            *(answer if isinstance(answer, list) else [{"role": "assistant", "content": str(answer)}]),
        ]
    return None


def _plain(tokenizer: Any, text: str) -> Text:
    return Text(text, list(tokenizer(text)["input_ids"]), False)


def _not_a_text(number: int, problem: str) -> CallError:
    return CallError(
        "calibration_prompts", f"row {number} {problem}", "give rows of messages, prompt and completion, or text"
    )
