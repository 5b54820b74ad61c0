"""Which token sequences a method makes of one row in TRL's format, each written as a row that SFT would read.

A preference pair is two of them, the chosen answer and the rejected one behind the same prompt; all else is one.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
CARRIED = ("tools", "chat_template_kwargs")

#: Methods whose labels say what is learned token by token.
LABELLED = ("sft", "dpo", "kto")


def sequences(method: str, row: Row) -> list[Row]:
    """Raises whatever TRL raises for a pair whose prompt cannot be told from its answers."""
    if method == "grpo":  # its trainer has its own tools and arguments of the template, the same for every row
        return [{"prompt": row["prompt"]}]
    if method == "sft" or "chosen" not in row:
        return [row]
    carried = {name: row[name] for name in CARRIED if name in row}
    if method == "reward":
        before = row.get("prompt") or ("" if isinstance(row["chosen"], str) else [])
        name = "text" if isinstance(row["chosen"], str) else "messages"
        return [{name: before + row[side], **carried} for side in ("chosen", "rejected")]
    if "prompt" not in row:
        from trl.data_utils import extract_prompt

        row = {**row, **extract_prompt(row)}
    return [{"prompt": row["prompt"], "completion": row[side], **carried} for side in ("chosen", "rejected")]
