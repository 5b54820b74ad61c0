"""Which name is the model and which the data set.

This follows, in this order, from a Hub address, from a table of names that exist, from the form of a name, and from the
words around it. Where these do not tell, the name is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read
from tunebook.pipeline.instruction.judging import judged
from tunebook.pipeline.instruction.known import BENCHMARKS
from tunebook.pipeline.instruction.names import Candidate, Role, candidates
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.parts import revision_words
from tunebook.pipeline.instruction.text import Text, words

_DATA_CUES = words("on,using,over,data,dataset,datasets,corpus,with,w/,examples,rows,conversations,samples,records")
_DATA_FROM = words(
    "rows,row,data,examples,samples,split,lines,conversations,records,dataset,it,learn,dialogues,prompts,pairs,first"
)
_MODEL_CUES = words(
    "model,checkpoint,base,finetune,finetuning,tune,tuning,train,training,teach,adapt,align,retrain,improve,weights,specialise,"
    "specialize,sft,dpo,grpo,kto,finetuned,tuned,distil,distill"
)
_MODEL_FROM = words(
    "start,starting,starts,continue,continuing,initialise,initialize,initialised,initialized,finetune,tune,model,begin,beginning,resume,weights,checkpoint"
)
_BETWEEN = words(
    "the,a,an,my,our,your,this,that,some,public,small,named,called,:,=,(,is,little,whole,new,old,entire,full,of,for,file,files,"
    "folder,dataset,data,set,both,first,local,good,base,instruct,great,following,hub,be,should,into,all,from,model,checkpoint"
)
_AFTER_DATA = words("dataset,datasets,data,corpus,rows,split,examples,config,subset")
_AFTER_MODEL = words("model,checkpoint,weights")
_MODEL_OF = _MODEL_CUES | words("tuning,run,lora,qlora,adapter")
_TRAINS = words("train,training,tune,tuning,finetune,finetuning,teach,adapt,sft,dpo,grpo,kto,lora,qlora")


def _cue(text: Text, first: int, end: int) -> Role:
    """What the words around say a name is."""
    after = text.skip(end, (")",), 1)
    if (
        text.key(after) in ("data", "dataset", "datasets", "corpus")
        or text.key(after) + text.key(after + 1) == "dataset"
    ):
        return "dataset"
    if text.key(after) in _AFTER_MODEL:
        return "model"
    if text.key(after) in ("is", "as"):
        told = text.key(text.skip(after + 1, words("the,my,our,a,base,training,input"), 3))
        if told in ("dataset", "data", "corpus"):
            return "dataset"
        if told in ("model", "checkpoint", "base", "start"):
            return "model"
        if text.key(after) == "as" and text.key(after + 2) == "base":
            return "model"
    if text.key(first - 1) in ("use", "take") and text.key(end) == "to" and text.key(end + 1) in _TRAINS:
        return "dataset"
    crossed: set[str] = set()
    for back in text.before(first, 7):
        key = text.key(back)
        if key == "from":
            source = text.key(back - 1)
            return (
                "model"
                if source in _MODEL_FROM
                else "dataset"
                if source in _DATA_FROM or crossed & {"dataset", "data"}
                else ""
            )
        if key in ("model", "checkpoint") and "on" not in crossed:
            return "model"
        if key in ("dataset", "data", "corpus") or (key == "set" and text.key(back - 1) == "data"):
            return "dataset"
        if key in _DATA_CUES:
            return "benchmark" if key in ("on", "with", "w/", "using", "over") and judged(text, back) else "dataset"
        if key in _MODEL_CUES:
            return "model"
        if key in ("for", "of") and text.key(back - 1) in _MODEL_OF:
            return "model"
        if key in ("against", "by") and judged(text, back):
            return "benchmark"
        if key not in _BETWEEN and not (not text.free(back) and key not in ("push", "publish")):
            return ""
        crossed.add(key)
    return ""


def models_and_datasets(text: Text) -> Iterator[Read]:
    """Every name in the text in its role; a name whose role cannot be told is asked about under the role still missing."""
    found: list[Candidate] = []
    for name in candidates(text):
        listed = bool(found) and found[-1].role == "dataset" and _listed_with(text, found[-1], name)
        if not name.vague or listed or _cue(text, name.first, name.end) in ("dataset", "benchmark"):
            found.append(name)
    roles: list[Role] = []
    for index, name in enumerate(found):
        role = name.role if name.sure else _cue(text, name.first, name.end)
        around = _cue(text, name.first, name.end)
        if name.role == "dataset" and around == "benchmark":
            role = "benchmark"
        if name.role == "other":
            role = "dataset" if around == "dataset" else "other"
        if not role and index and _listed_with(text, found[index - 1], name):
            role = roles[index - 1]
        roles.append(role)
    missing = [role for role in ("model", "dataset") if role not in roles]
    whole = any(name.value and role == "model" for name, role in zip(found, roles, strict=True))
    for name, role in zip(found, roles, strict=True):
        if whole and name.doubt and role == "model" and text.source[name.start : name.stop].isalpha():
            continue  # with a model named in full, "so that Llama answers politely" names no other
        yield from _reads(text, name, role, missing)
    yield from _revisions(
        text, [(name, role) for name, role in zip(found, roles, strict=True) if role in ("model", "dataset")]
    )


def _listed_with(text: Text, earlier: Candidate, later: Candidate) -> bool:
    between = "".join(text.keys[earlier.end : later.first])
    return between in ("and", "or", ",and", ",or", "+", "&", "andon", "plus")


def _reads(text: Text, name: Candidate, role: Role, missing: list[str]) -> Iterator[Read]:
    place = (name.start, name.stop)
    shown = text.source[name.start : min(name.stop, name.start + 80)]
    if role == "benchmark":
        key = name.value.partition("/")[2].lower().replace("-", "").replace("_", "") or name.value.lower()
        if key in BENCHMARKS:
            yield Read(Claim("benchmark", BENCHMARKS[key], *place), name.first, name.end)
        else:
            why = f'"{shown}" is data, not the name of a benchmark: evaluate with which one, such as exact_match?'
            yield Read(Claim("benchmark", None, *place, problem=why), name.first, name.end)
    elif name.role == "other":
        if role == "dataset":
            why = f'"{shown}" is no data set on the Hub: download it and name the local file'
            yield Read(Claim("dataset", None, *place, problem=why), name.first, name.end)
    elif role in ("model", "dataset"):
        yield from _named(text, name, role)
    elif missing:
        either = (
            "the model, the data set" if len(missing) > 1 else "the model" if missing[0] == "model" else "the data set"
        )
        for field in missing:
            why = f'"{shown}" may be {either} or something else: which? Write it as `{field}: {shown}` on a line of its own'
            yield Read(Claim(field, None, *place, problem=why, weak=True), name.first, name.end)


def _named(text: Text, name: Candidate, role: str) -> Iterator[Read]:
    place = (name.start, name.stop)
    no = negated(text, name.first)
    if name.doubt:
        if no is None:
            shown = text.source[name.start : name.stop]
            why = f'"{shown}" is not the full name of one {"model" if role == "model" else "data set"}: {name.doubt} or another?'
            yield Read(
                Claim(role, None, *place, problem=why, weak=len(shown.split()) == 1 and shown.isalpha()),
                name.first,
                name.end,
            )
    elif no is not None:
        start, _ = text.span(no, no + 1)
        yield Read(Claim(role, None, start, name.stop, excluded=(name.value,)), no, name.end)
    else:
        yield Read(Claim(role, name.value, *place), name.first, name.end)
        if name.revision:
            start = text.source.rfind(name.revision, name.start, name.stop)
            yield Read(
                Claim(f"{role}_revision", name.revision, start, start + len(name.revision)), name.first, name.end
            )


def _revisions(text: Text, named: list[tuple[Candidate, Role]]) -> Iterator[Read]:
    for at, value_at, end in revision_words(text):
        value = text.tokens[value_at].text
        before = text.key(at - 1)
        earlier = [(name, role) for name, role in named if name.end <= at]
        if before in ("model", "dataset"):
            role: str = before
            first = at - 1
        elif earlier:
            role, first = earlier[-1][1], at
        else:
            continue
        yield Read(Claim(f"{role}_revision", value, *text.span(first, end)), first, end)
