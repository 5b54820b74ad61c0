"""Readers of where a job runs: the backend and the flavor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tunebook.pipeline.instruction.choices import choice
from tunebook.pipeline.instruction.claims import Read, doubt
from tunebook.pipeline.instruction.known import CARDS, FLAVOR_NAMES, OTHER_CARDS
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.text import Phrases, Text, table, words

BACKENDS = table(
    {
        "local": "local,locally,on this machine,on my machine,on my laptop,on this laptop,on this computer,on my computer,on my pc,"
        "this machine,my laptop,my machine,my computer,this computer,this laptop,on this box,right here,localhost,on local machine,"
        "on the local machine,local machine,on my own machine,my own machine,on this pc",
        "hf-jobs": "hf jobs,hf job,hugging face jobs,hugging face job,hub jobs,jobs on hugging face,jobs on the hub,hfjobs",
        "slurm": "slurm,slurm cluster,sbatch",
    }
)
_BACKEND_DOUBTS = table(
    {
        "": "cloud,the cloud,remotely,cluster,aws,gcp,azure,modal,runpod,sagemaker,vertex,lambda labs,vast.ai,kaggle,colab,kubernetes,ray,sky pilot"
    }
)
_CARD_PHRASES = table({"rtxpro6000": "rtx pro 6000,nvidia rtx pro 6000"})
_OTHER_CARDS = Phrases(dict.fromkeys(OTHER_CARDS, ""))
_NOT_A_BACKEND = words(
    "file,files,data,dataset,folder,path,copy,model,checkpoint,json,jsonl,csv,parquet,directory,disk,data set,tickets,rows,chats,weights"
)


def backend(text: Text) -> Iterator[Read]:
    for at in range(len(text)):
        if not text.free(at):
            continue
        if found := text.phrase(at, BACKENDS, longest=5):
            place, end = found
            keeps = any(
                text.key(back) in ("save", "store", "keep", "download", "stored", "saved")
                for back in text.before(at, 4)
            )
            of_data = text.key(at) == "local" and (
                text.key(end) in _NOT_A_BACKEND or "/" in text.key(end) or "." in text.key(end)
            )
            if not (place == "local" and (keeps or (end == at + 1 and of_data))):
                yield choice(text, "backend", place, at, end)
        elif text.key(at) == "here" and text.key(at + 1) not in ("is", "are", "'s", ":"):
            if text.key(at - 1) in ("train", "run", "it", "finetune", "tune", "everything", "all", "training", "stay"):
                yield choice(text, "backend", "local", at, at + 1)
        elif found := text.phrase(at, _BACKEND_DOUBTS, 2):
            if (
                text.key(at - 1) in ("on", "in", "the", "a", "our", "my", "with", "using", "to", "via")
                or text.key(at) == "remotely"
            ):
                yield doubt(text, "backend", at, found[1], "names no backend: local, hf-jobs or slurm?", weak=True)


_COUNTED = re.compile(r"([0-9]{1,2})[x×](.*)|(.*)[x×]([0-9]{1,2})", re.IGNORECASE)
_COUNTS = {"a": 1, "an": 1, "one": 1, "single": 1, "two": 2, "four": 4, "eight": 8, "three": 3, "dual": 2}


def flavor(text: Text, local: bool) -> Iterator[Read]:
    """The machine; where the run is local its own cards are meant, which are no choice, so the words stay unread."""
    if local:
        return
    for at in range(len(text)):
        if not text.free(at) or text.tokens[at].kind != "word":
            continue
        if found := text.phrase(at, FLAVOR_NAMES):
            yield choice(text, "flavor", found[0], at, found[1])
            continue
        yield from _card(text, at)


def _card(text: Text, at: int) -> Iterator[Read]:
    key, first, count = text.key(at), at, 0
    if len(key) < 30 and (match := _COUNTED.fullmatch(key)):
        inner = match[2] if match[1] else match[3]
        if inner in CARDS or inner in OTHER_CARDS:
            key, count = inner, int(match[1] or match[4])
    end = at + 1
    if key in ("rtx", "nvidia", "rtxpro") and (found := text.phrase(at, _CARD_PHRASES)):
        key, end = found
    if key == "rtx" and (found := text.phrase(at, _OTHER_CARDS, 2)):
        key, end = "h100", found[1]
    plural = key.endswith("s") and key[:-1] in CARDS
    key = key[:-1] if plural else key
    if key in OTHER_CARDS:
        if negated(text, at) is None and (
            key not in ("gpu", "gpus", "cpu", "cpus") or text.key(at - 1) in ("on", "a", "the", "an", "use", "one", "x")
        ):
            why = "names no machine on the list: which flavor, such as a10g-large?"
            yield doubt(text, "flavor", at, end, why, weak=True)
        return
    if key not in CARDS:
        return
    before = text.tokens[at - 1].text.lower() if at else ""
    if not count and (match := re.fullmatch(r"([0-9]{1,2})[x×]?", before, re.ASCII)):
        count, first = int(match[1]), at - 1
    elif not count and before in ("x", "×") and text.tokens[at - 2].text.isdigit():
        count, first = int(text.tokens[at - 2].text[:2]), at - 2
    elif not count and before in _COUNTS:
        count, first = _COUNTS[before], at - (before not in ("a", "an"))
    if plural and not count:
        yield doubt(text, "flavor", at, end, f"leaves open how many: {_listed(CARDS[key])}?")
        return
    flavors = CARDS[key].get(count or 1, ())
    if len(flavors) == 1:
        yield choice(text, "flavor", flavors[0], first, end)
    else:
        yield doubt(text, "flavor", first, end, f"may be {_listed(CARDS[key])}: which one?", weak=True)


def _listed(flavors: Mapping[int, tuple[str, ...]]) -> str:
    return ", ".join(name for names in flavors.values() for name in names)
