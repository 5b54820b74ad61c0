"""`key: value` lines: typed statements, in which a wrong value or an unknown key is an error and not a question."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tunebook.pipeline.errors import CallError
from tunebook.pipeline.instruction.text import squash, table
from tunebook.pipeline.spec import FIELDS, LISTS

KEYS: dict[str, str] = {
    **{squash(field): field for field in FIELDS},
    **table(
        {
            "model": "base model,model name,base,checkpoint",
            "model_revision": "model version",
            "dataset": "data,data set,training data,train on,dataset name",
            "dataset_config": "config,configuration,subset,dataset subset",
            "dataset_revision": "dataset version,data revision",
            "split": "train split,dataset split,training split",
            "eval_share": "holdout,hold out,held out,validation,validation share,eval split,test share,test size,validation split",
            "rows": "examples,samples,max rows,max samples,number of rows,max examples",
            "system_prompt": "system,system message",
            "method": "trainer,algorithm,training method",
            "tuning": "peft,adapter,tuning method,fine tuning",
            "lora_rank": "rank,r,lora r",
            "epochs": "epoch,num epochs,num train epochs,number of epochs",
            "max_steps": "steps,maximum steps,number of steps,training steps,num steps",
            "batch_size": "batch,bs,effective batch size,effective batch",
            "learning_rate": "lr,rate",
            "max_length": "context,context length,max seq length,max seq len,sequence length,seq len,max tokens,context window,ctx",
            "packing": "pack",
            "eval_steps": "eval every,evaluate every,evaluation every,eval interval,evaluation steps",
            "save_steps": "save every,checkpoint every,save interval,checkpoint steps,checkpoints every",
            "seed": "random seed",
            "backend": "on,run on,where,runs on",
            "flavor": "hardware,gpu,machine,flavour,instance",
            "time_limit_s": "time limit,timeout,max time,time,stop after,maximum time,time limit seconds,max hours",
            "budget_usd": "budget,max cost,max usd,cost limit,spend,spending limit,price limit,max spend",
            "benchmark": "eval,evaluate,evaluation,evaluate with,evaluate on,metric,benchmarks,eval on,evaluation benchmark",
            "gguf": "quant,quants,quantization,quantisation,ggufs,export",
            "push_to": "push,publish,publish to,publish as,upload to,hub,repo,hub model id,push to hub",
            "private": "private repo,keep private",
            "accept": "accept findings,accepted,ignore findings,ignore checks",
            "goal": "purpose,for",
        }
    ),
}
#: Words that head a sentence, not a field: "Task: fine-tune ...".
_HEADINGS = frozenset(
    squash(word)
    for word in [
        "note",
        "notes",
        "task",
        "todo",
        "instruction",
        "instructions",
        "request",
        "hi",
        "hello",
        "ps",
        "p.s.",
        "hint",
        "finetune",
        "train",
        "tune",
        "please",
        "goal is",
        "job",
        "example",
        "warning",
        "important",
        "summary",
        "background",
        "context is",
        "question",
        "plan",
        "step",
        "update",
        "edit",
        "fyi",
        "re",
        "subject",
        "user",
        "assistant",
        "http",
        "https",
        "remember",
        "requirement",
        "requirements",
        "optional",
        "settings",
        "options",
        "parameters",
        "config file",
        "details",
        "setup",
        "now",
    ]
)
_LINE = re.compile(
    r"^[ \t]*(?:[-*•][ \t]+|--)?([A-Za-z][A-Za-z0-9_ -]{0,39}?)[ \t]*([:=])(?!//|\\)[ \t]*([^\n]*)$", re.MULTILINE
)
_LONG_PROMPT = re.compile(r"system[ _-](?:prompt|message)[ \t]*(?:is|of|as|:|=)?[ \t]*\"([^\"]*)\"", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    field: str
    key: str
    value: str
    start: int
    end: int


def split_lines(instruction: str) -> tuple[list[Line], str, list[str]]:
    """The typed lines, the instruction with those blanked out (every other character keeps its place), and comments cut off.

    Raises CallError for a line whose key is no field.
    """
    lines: list[Line] = []
    comments: list[str] = []
    prompts = [(m.start(), m.end()) for m in _LONG_PROMPT.finditer(instruction) if "\n" in m[1]]
    chars = list(instruction)
    for start, end in prompts:
        match = _LONG_PROMPT.match(instruction, start)
        assert match is not None
        lines.append(Line("system_prompt", "system prompt", match[1], start, end))
        chars[start:end] = "\n" * (end - start)
    for match in _LINE.finditer(instruction):
        if any(match.start() < end and start < match.end() for start, end in prompts):
            continue
        found = list(_fields(match, instruction))
        for line, comment in found:
            lines.append(line)
            comments += [comment] if comment else []
        if found:
            chars[match.start() : match.end()] = "\n" * (match.end() - match.start())
    return lines, "".join(chars), comments


_NEXT_KEY = re.compile(r"[,;][ \t]+(?=([A-Za-z][A-Za-z_ -]{0,30}?)[ \t]*[:=][ \t]*\S)")


def _fields(match: re.Match[str], source: str) -> Iterator[tuple[Line, str]]:
    """The statements of one line, of which a comma and another known key begin a next one."""
    key, mark, value = match[1], match[2], match[3]
    field = KEYS.get(squash(key))
    if field is None:
        _refuse_unknown(key, mark, value)
        return
    at, start = match.start(3), match.start(1)
    whole_text = field in ("system_prompt", "goal")
    cuts = [] if whole_text else [m for m in _NEXT_KEY.finditer(value) if squash(m[1]) in KEYS]
    parts = [value[: cuts[0].start()], *_parts(value, cuts)] if cuts else [value]
    if not whole_text and field not in LISTS and any(_is_prose(part) for part in parts):
        return
    first = value[: cuts[0].start()] if cuts else value
    comment = "" if whole_text else "".join(re.findall(r"(?:^|[ \t])(#.*)$", first))
    bare = (first[: first.rindex(comment)] if comment else first).strip()
    end = at + len(first) if not comment else at + first.rindex(comment)
    while end > start and source[end - 1].isspace():
        end -= 1
    yield Line(field, key, _unquoted(bare), start, end), comment
    for index, cut in enumerate(cuts):
        part = parts[index + 1]
        name, _, said = part.partition(":" if ":" in part.partition("=")[0] else "=")
        begin = at + cut.end()
        yield Line(KEYS[squash(cut[1])], name.strip(), _unquoted(said.strip()), begin, begin + len(part.rstrip())), ""


def _is_prose(value: str) -> bool:
    """Whether a sentence follows the colon: "budget: I would like to stay under $4", "lr=2e-4, then push it"."""
    said = value.partition(" #")[0]
    return len(said.split()) > 5 or (bool(re.search(r"[,;]\s+\S", said)) and not re.search(r"\[|Q[0-9]_", said))


def _parts(value: str, cuts: list[re.Match[str]]) -> Iterator[str]:
    ends = [*(cut.start() for cut in cuts[1:]), len(value)]
    for cut, end in zip(cuts, ends, strict=True):
        yield value[cut.end() : end]


def _refuse_unknown(key: str, mark: str, value: str) -> None:
    squashed = squash(key)
    if squashed in _HEADINGS or len(key.split()) > 3:
        return
    near = difflib.get_close_matches(squashed, KEYS, n=1, cutoff=0.8)
    one_word = re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", key) and mark == ":" and 0 < len(value.split()) <= 4
    if near or one_word:
        remedy = f"perhaps `{KEYS[near[0]]}` was meant" if near else f"the fields are {', '.join(FIELDS)}"
        raise CallError(key, "is no field of a spec", remedy)


def _unquoted(value: str) -> str:
    pairs = {'"': '"', "'": "'", "`": "`", "“": "”"}
    return value[1:-1] if len(value) > 1 and pairs.get(value[0]) == value[-1] else value
