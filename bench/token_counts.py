"""Counting the tokens of rendered conversations: ours beside `datasets.map(tokenize, batched=True, num_proc=2)`.

Usage: python bench/token_counts.py [ROWS]. Same texts, same tokenizer, same counts, in one run. Exit status 1 if ours is
not at least twice as fast. The full profile (render, tokenize, label, count) is timed beside it on a tenth of the rows.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))
LEAST = 2.0


def conversations(count: int) -> list[dict]:
    """The demo's rows over and over, each with a number of its own, so that no two are the same."""
    lines = (ROOT / "examples" / "data" / "kinds" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    made = []
    for number in range(count):
        row = rows[number % len(rows)]
        ask = {"role": "user", "content": f"{row['prompt'][0]['content']} (no. {number})"}
        made.append({"prompt": [ask], "completion": row["completion"]})
    return made


def main() -> int:
    """Print the three rates; the exit status says whether the ratio holds."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets
    from prepare_model import prepare
    from transformers import AutoTokenizer

    from tunebook.pipeline.data.encode import Encoder, end_tokens
    from tunebook.pipeline.data.parallel import summarize_all

    datasets.disable_progress_bars()
    tokenizer = AutoTokenizer.from_pretrained(prepare(ROOT / ".cache" / "models" / "SmolLM2-135M-Instruct"))
    rows = conversations(count)
    # Rendering by the template costs both the same and is left out; one pattern stands for it, and is checked.
    pattern = tokenizer.apply_chat_template(
        [{"role": "user", "content": "ASK"}, {"role": "assistant", "content": "ANSWER"}], tokenize=False
    )
    before, between, after = (part for half in pattern.split("ASK") for part in half.split("ANSWER"))
    texts = [f"{before}{r['prompt'][0]['content']}{between}{r['completion'][0]['content']}{after}" for r in rows]
    assert texts[0] == tokenizer.apply_chat_template(rows[0]["prompt"] + rows[0]["completion"], tokenize=False)

    with tempfile.TemporaryDirectory() as cache:
        table = datasets.Dataset.from_dict({"text": texts})
        table.save_to_disk(cache + "/rows")
        table = datasets.load_from_disk(cache + "/rows")
        began = time.perf_counter()
        mapped = table.map(lambda batch: tokenizer(batch["text"]), batched=True, num_proc=2, remove_columns="text")
        theirs = count / (time.perf_counter() - began)
        expected = [len(ids) for ids in islice(mapped["input_ids"], 2000)]
        del mapped, table

    ends = end_tokens(tokenizer, None)
    began = time.perf_counter()
    plain = summarize_all(Encoder(tokenizer), [{"text": text} for text in texts], limit=2048, ends=ends, prompts=False)
    ours = count / (time.perf_counter() - began)
    counts = [tokens - 1 for tokens in plain.tokens]  # a row of plain text gets an end token, which the map leaves out
    assert counts[:2000] == expected, "the same tokens"

    part = rows[: max(20_000, count // 10)]
    began = time.perf_counter()
    summarize_all(Encoder(tokenizer), part, limit=2048, ends=ends, prompts=True)
    profile = len(part) / (time.perf_counter() - began)
    print(f"{count:,} rows of {sum(counts) / count:.0f} tokens")
    print(f"datasets.map, 2 processes   {theirs:10,.0f} rows/s")
    print(f"counting here               {ours:10,.0f} rows/s, {ours / theirs:.1f} times, at least {LEAST}")
    print(f"the full profile            {profile:10,.0f} rows/s")
    return int(ours < LEAST * theirs)


if __name__ == "__main__":
    raise SystemExit(main())
