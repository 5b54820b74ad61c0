"""Flaws that only show in tokens: what is trained, what is cut, and how the model is asked. They need a tokenizer."""

from __future__ import annotations

from random import Random
from typing import Any

from unit.data.made import Flawed, Row, answer_of, pairs, question_of, sentence, turns, with_rows


def unchanged(tokenizer: Any) -> None:
    """The real tokenizer will do."""


def end_not_trained(random: Random) -> Flawed:
    """K01: a template that leaves the end token away behind an ellipsis."""

    def forgetful(tokenizer: Any) -> None:
        tokenizer.chat_template = (
            "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
            "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
            "{% if message['content'][-1] != '…' %}{{ '<|im_end|>' }}{% endif %}{% endgeneration %}"
            "{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        )

    def talk(answer: str) -> Row:
        return {"messages": [{"role": "user", "content": sentence(random)}, {"role": "assistant", "content": answer}]}

    clean = [talk(sentence(random)) for _ in range(40)]
    spoiled = [talk(f"{sentence(random)}…") for _ in range(5)]
    return with_rows(random, clean, spoiled, change=forgetful)


def prompt_trained(random: Random) -> Flawed:
    """K03: conversations written as text, between texts."""
    clean = [{"text": sentence(random)} for _ in range(40)]
    marks = ("<|im_start|>user\n{}<|im_end|>", "[INST] {} [/INST]", "### Instruction:\n{}\n### Response:")
    return with_rows(random, clean, [{"text": f"{mark.format(sentence(random))} {sentence(random)}"} for mark in marks])


def long_text(random: Random) -> str:
    return " ".join(sentence(random) for _ in range(12))


def answers_beyond_the_limit(random: Random) -> Flawed:
    """K04: prompts so long that no token of the answer is left."""
    spoiled = [turns(long_text(random), sentence(random)) for _ in range(4)]
    return with_rows(random, pairs(random), spoiled, change=unchanged, keywords={"max_length": 220})


def answers_cut(random: Random) -> Flawed:
    """K05: answers that are cut, and prompts that leave no room for one."""
    spoiled = [turns(sentence(random), long_text(random)), turns(long_text(random), sentence(random))]
    return with_rows(random, pairs(random), spoiled, change=unchanged, keywords={"max_length": 220})


def two_starts(random: Random) -> Flawed:
    """K06: texts that begin with the BOS token, for a tokenizer that puts one before every text."""
    from tokenizers.processors import TemplateProcessing

    def add_bos(tokenizer: Any) -> None:
        bos = (tokenizer.bos_token, tokenizer.bos_token_id)
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{bos[0]} $A", special_tokens=[bos])

    clean = [{"text": sentence(random)} for _ in range(30)]
    spoiled = [{"text": f"<|im_start|>{sentence(random)}"} for _ in range(5)]
    return with_rows(random, clean, spoiled, change=add_bos)


def template_trims(random: Random) -> Flawed:
    """K17: a template that trims a turn only if another follows, and questions with a blank at their end."""

    def trim(tokenizer: Any) -> None:
        tokenizer.chat_template = (
            "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
            "{{ message['content'] if loop.last else message['content'] | trim }}{{ '<|im_end|>\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
        )

    clean = pairs(random, 40)
    flawed = sorted(random.sample(range(20), 4))
    rows = [
        turns(f"{question_of(row)}  ", answer_of(row)) if number in flawed else row for number, row in enumerate(clean)
    ]
    return Flawed(rows, flawed, clean, change=trim)


def few_rows_dominate(random: Random) -> Flawed:
    """K23: the longest rows of 200 and more hold most of the tokens."""
    clean = [turns(f"{sentence(random)}?", sentence(random)) for _ in range(250)]
    long: list[Row] = [turns("Tell it all.", " ".join(sentence(random) for _ in range(120))) for _ in range(2)]
    return with_rows(random, clean, long, change=unchanged)
