"""The reader of benchmarks, and what an evaluating verb governs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read, doubt
from tunebook.pipeline.instruction.known import BENCHMARKS, DATASET_NAMES
from tunebook.pipeline.instruction.negation import negated
from tunebook.pipeline.instruction.parts import PLAIN
from tunebook.pipeline.instruction.text import Text, squash, words

_JUDGING = words(
    "evaluate,eval,evaluation,evaluated,evaluating,benchmark,benchmarks,benchmarked,score,scored,measure,measured,test,tested,judge,assess,report,metric,evals"
)
_JUDGING_LINKS = words(
    "with,on,against,using,by,via,it,is,:,=,the,model,result,as,a,an,of,in,checkpoints,every,each,checkpoint,its,them,to,named,called,accuracy,score,both,and,run,after,training,be,final,base,all,should,terms"
)


def judged(text: Text, at: int) -> bool:
    """Whether the word here is what something is evaluated with: an evaluating verb is the nearest one before it."""
    for back in text.before(at, 10):
        key = text.key(back)
        if key in _JUDGING:
            return True
        if (
            key not in _JUDGING_LINKS
            and not (text.tokens[back].kind == "mark" and key in "(")
            and key not in BENCHMARKS
            and "/" not in key  # "evaluate Qwen/Qwen3-0.6B on ..."
        ):
            return False
    return False


_NO_BENCHMARK = words(
    "it,the,a,an,every,each,and,then,on,with,set,rows,data,split,loss,file,200,model,results,performance,whether,how,if,me,that,this,"
    "held,after,before,during,at,checkpoints,all,them,once,for,in,to,steps,step,base,again,when,by,of,my,our,your,well,carefully,properly,only,as"
)


def benchmark(text: Text) -> Iterator[Read]:
    """Named benchmarks; GSM8K and its like, which are data sets too, only where something is evaluated with them."""
    for at in range(len(text)):
        if not text.free(at):
            continue
        if found := text.phrase(at, BENCHMARKS):
            name, end = found
            if (
                name in ("gsm8k", "mbpp")
                and not judged(text, at)
                and text.key(end) not in ("benchmark", "score", "accuracy")
            ):
                continue
            no = negated(text, at)
            if no is not None or (
                text.key(at - 1) in ("on", "using") and not judged(text, at) and name != "perplexity"
            ):
                if no is None:
                    yield doubt(text, "dataset", at, end, "is a benchmark: train on which data set?", weak=True)
                    continue
                yield Read(Claim("benchmark", None, *text.span(no, end), excluded=(name,)), no, end)
                continue
            end += text.key(end) == "benchmark"
            yield Read(Claim("benchmark", name, *text.span(at, end)), at, end)
        elif text.key(at) == "benchmark" and text.key(at + 1) not in _NO_BENCHMARK and text.free(at + 1):
            after = text.skip(at + 1, (":", "=", "is", "called", "named"), 2)
            token = text.tokens[after] if after < len(text) else None
            if (
                token
                and text.free(after)
                and token.kind == "word"
                and PLAIN.fullmatch(token.text)
                and text.phrase(after, BENCHMARKS) is None
            ):
                if after > at + 1 and text.key(after) not in _NO_BENCHMARK:
                    yield Read(Claim("benchmark", token.text, *text.span(at, after + 1)), at, after + 1)
        elif text.key(at) in _JUDGING:
            yield from _unknown(text, at)


def _unknown(text: Text, at: int) -> Iterator[Read]:
    """ "evaluate with acme-eval": what is written like the name of a benchmark, but is none that is known here."""
    after = text.skip(at + 1, words("it,the,model,them"), 2)
    if text.key(after) not in ("with", "on", "using", "against") or not text.free(after + 1):
        return
    token = text.tokens[after + 1]
    like_a_name = re.search(r"[A-Z0-9_]|[a-z]-[a-z]", token.text) and re.search(r"[A-Za-z]{2}", token.text)
    if (
        token.kind == "word"
        and PLAIN.fullmatch(token.text)
        and like_a_name
        and text.phrase(after + 1, BENCHMARKS) is None
    ):
        if squash(token.text) not in DATASET_NAMES and not token.text.endswith(
            (".jsonl", ".json", ".csv", ".parquet", ".txt")
        ):
            why = f"is no benchmark known here: if it is one, write `benchmark: {token.text}` on a line of its own"
            yield doubt(text, "benchmark", after + 1, after + 2, why, weak=True)
