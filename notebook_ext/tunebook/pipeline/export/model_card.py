"""The README.md of a pushed model: what it is made of, how it scored, and how to run it.

Names of data sets, checkpoints and metrics come from elsewhere. All of them stand in code spans, which no Markdown, HTML
or link gets out of; the head is JSON strings, which YAML reads as they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tunebook.pipeline.export.push_config import HUB_ID, Push, Scores
from tunebook.pipeline.export.result import GgufFile

#: Longest text from elsewhere on the card.
MOST = 200


@dataclass(frozen=True)
class License:
    """A license as a card's head names it. `name` and `link` come with the license "other"."""

    id: str
    name: str | None = None
    link: str | None = None


def model_card(push: Push, checkpoint: str, base: str | None, license: License | None, gguf: list[GgufFile]) -> str:
    """The whole card. `base` is an id on the Hub or the name of a folder; `checkpoint` is the one that is published."""
    on_hub = base if base and re.fullmatch(HUB_ID, base) else None
    parts = [_head(push, on_hub, license, bool(gguf)), f"# {code(push.repo.split('/')[1])}", _made(push, base)]
    if push.scores:
        parts += ["## Scores", _scores(push.scores, checkpoint)]
    parts += ["## Use", _use(push, gguf)]
    if gguf:
        parts += ["## GGUF files", _files(gguf)]
    parts.append("Made with tunebook.")
    return "\n\n".join(parts) + "\n"


def code(text: object) -> str:
    """A code span with exactly this text, on one line and without characters that cannot be seen.

    >>> code("<b>a`b</b>")
    '``<b>a`b</b>``'
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in str(text)[:MOST]).strip() or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", plain)), default=0) + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"


def _head(push: Push, base: str | None, license: License | None, has_gguf: bool) -> str:
    tags = ["tunebook", *([push.method] if push.method else []), *(["gguf"] if has_gguf else [])]
    fields: dict[str, object] = {"library_name": "transformers", "pipeline_tag": "text-generation", "tags": tags}
    if base:
        fields |= {"base_model": base, "base_model_relation": "finetune"}
    if push.dataset and push.dataset_on_hub:
        fields["datasets"] = [push.dataset]
    if license:
        named = {"license": license.id, "license_name": license.name, "license_link": license.link}
        fields |= {name: value for name, value in named.items() if value}
    return "\n".join(["---", *(f"{name}: {json.dumps(value)}" for name, value in fields.items()), "---"])


def _made(push: Push, base: str | None) -> str:
    lead = f"Fine-tuned from {code(base)}" if base else "Fine-tuned"
    how = {"lora": "a LoRA adapter, merged", "qlora": "a QLoRA adapter, merged", "full": "all weights"}
    tuned = how.get(push.tuning or "")
    told = f" with {code(push.method.upper())}" if push.method else ""
    told += f" ({tuned})" if tuned else ""
    return f"{lead}{told}{f' on the data set {code(push.dataset)}' if push.dataset else ''}."


def _scores(scores: Scores, checkpoint: str) -> str:
    rows = [
        [
            code(row.checkpoint) + (" (published)" if row.checkpoint == checkpoint else ""),
            f"{row.passed} of {row.total}" if row.passed is not None and row.total is not None else "",
            f"{row.score:.3g}",
            f"{row.ci[0]:.3g} to {row.ci[1]:.3g}" if row.ci else "",
        ]
        for row in scores.rows
    ]
    return f"On {code(scores.benchmark)}:\n\n" + _table(
        ["checkpoint", "solved", code(scores.metric), "95 % interval"], rows
    )


def _use(push: Push, gguf: list[GgufFile]) -> str:
    lines = [
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        f'model = AutoModelForCausalLM.from_pretrained("{push.repo}")',
        f'tokenizer = AutoTokenizer.from_pretrained("{push.repo}")',
        "```",
    ]
    if gguf:
        lines += ["", "With llama.cpp:", "", "```", f"llama-server -hf {push.repo}:{gguf[0].quant}", "```"]
    return "\n".join(lines)


def _files(gguf: list[GgufFile]) -> str:
    rows = [
        [
            code(Path(one.file).name),
            f"{one.bytes / 1e6:,.0f} MB",
            f"{100 * one.certificate.top1_agreement:.1f} %" if one.certificate else "not compared",
            code(one.sha256[:16]),
        ]
        for one in gguf
    ]
    return _table(["file", "size", "same most likely token as the merged model", "sha256"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A table splits its lines at every bar that has no backslash, in code spans too."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)
