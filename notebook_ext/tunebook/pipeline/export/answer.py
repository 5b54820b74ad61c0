"""One question to the finished GGUF, the way people will run it: llama.cpp's server, the template inside the file."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import urllib.request
from pathlib import Path
from typing import Any

from tunebook.pipeline.errors import CallError, WorkFailed
from tunebook.pipeline.export.request import Question
from tunebook.pipeline.export.result import Answer

#: Longest answer, in tokens.
ANSWER_TOKENS = 128
#: The speed is measured on a run of this many tokens that no end token can cut short: an answer may be one token long.
SPEED_TOKENS = 32


def serve_command(file: str | os.PathLike[str]) -> str:
    """The one line that serves the file, to type at a terminal with llama.cpp's tools on it.

    >>> serve_command("/models/my model.gguf")
    "llama-server -m '/models/my model.gguf'"
    """
    return f"llama-server -m {shlex.quote(os.fspath(file))}"


def need_runner() -> None:
    """Raises CallError where no GGUF can be run."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise CallError("question", "needs a GGUF runner that is not installed", "run `pip install xllamacpp`")


def ask(file: Path, question: Question, tokenizer: Any, *, threads: int) -> Answer:
    """The greedy answer and the decoding speed.

    Raises WorkFailed where the server would write the prompt differently from how the model was trained (K17).
    """
    import xllamacpp

    chats = bool(getattr(tokenizer, "chat_template", None))
    prompt = (
        str(tokenizer.apply_chat_template(question.messages(), tokenize=False, add_generation_prompt=True))
        if chats
        else question.words()
    )
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.no_extra_bufts = True  # with AMX repacking on, Q4 gave wrong output
    params.n_ctx = len(tokenizer(prompt)["input_ids"]) + ANSWER_TOKENS + SPEED_TOKENS
    params.n_parallel = 1
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE  # all the model said
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # wait asleep: see PASSIVE_WAITING in job.py
    params.ui, params.warmup, params.verbosity = False, False, 0
    server = xllamacpp.Server(params)

    greedy = {"temperature": 0, "max_tokens": ANSWER_TOKENS}
    if chats:
        _same_prompt(server.listening_address, question, prompt, str(getattr(tokenizer, "bos_token", None) or ""))
        reply = server.handle_chat_completions({"messages": question.messages(), **greedy})
    else:
        reply = server.handle_completions({"prompt": prompt, **greedy})
    choice = _good(reply, file)["choices"][0]
    said = choice["message"]["content"] if chats else choice["text"]

    run = {"prompt": prompt, "max_tokens": SPEED_TOKENS, "ignore_eos": True, "temperature": 0}
    speed = _good(server.handle_completions(run), file)["timings"]["predicted_per_second"]
    return Answer(
        file=str(file),
        prompt=question.words(),
        expected=question.expected,
        answer=str(said or "").strip(),
        tokens_per_second=round(float(speed), 1),
    )


def _same_prompt(address: str, question: Question, expected: str, bos: str) -> None:
    """The server writes the prompt from the template in the file; it must be the text the model was trained on."""
    request = urllib.request.Request(
        f"{address}/apply-template",
        json.dumps({"messages": question.messages()}).encode(),
        {"Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is this process: no proxy between
    with direct.open(request, timeout=30) as reply:
        written = str(json.load(reply)["prompt"])
    if written.removeprefix(bos) != expected.removeprefix(bos):  # the server leaves out a BOS that the vocabulary adds
        raise WorkFailed(f"the GGUF's chat template writes {written[:200]!r} and the model's own {expected[:200]!r}")


def _good(reply: Any, file: Path) -> dict[str, Any]:
    if not isinstance(reply, dict) or "choices" not in reply:
        raise WorkFailed(f"{file.name} does not answer: {str(reply)[:300]}")
    return reply
