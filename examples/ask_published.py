"""Ask a chat model of the Hub one question: python ask_published.py OWNER/NAME < messages.json. Prints its answer."""

from __future__ import annotations

import json
import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

MOST_TOKENS = 16


def main(repo: str) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(repo), AutoModelForCausalLM.from_pretrained(repo)
    messages = json.load(sys.stdin)
    asked = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    said = model.generate(**asked, max_new_tokens=MOST_TOKENS, do_sample=False)
    print(tokenizer.decode(said[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))


if __name__ == "__main__":
    main(sys.argv[1])
