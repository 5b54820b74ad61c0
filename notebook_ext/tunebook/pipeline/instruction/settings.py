"""Readers of figures that stand beside a word: epochs, steps, rows, batch, rate, rank, context, seed.

A figure is read only next to the word that says what it counts; a figure with no such word stays unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunebook.pipeline.instruction.amounts import Amount, is_count_of_tokens, number, share
from tunebook.pipeline.instruction.claims import Read, doubt, reads
from tunebook.pipeline.instruction.negation import NEGATORS
from tunebook.pipeline.instruction.text import Phrases, Text, table, words

#: "LABEL of NUMBER"
LABELS = table(
    {
        "epochs": "epochs,epoch,num epochs,num train epochs,number of epochs,training epochs,passes",
        "max_steps": "steps,max steps,maximum steps,number of steps,training steps,train steps,num steps,total steps,step count",
        "rows": "rows,max rows,num rows,number of rows,number of examples,max examples,max samples,num samples",
        "batch_size": "batch size,batch,batches,bs,effective batch size,effective batch,global batch size,total batch size",
        "learning_rate": "learning rate,lr,learn rate,learning rates",
        "lora_rank": "rank,r,lora rank,lora r,adapter rank",
        "max_length": "context,context length,context window,context size,ctx,max length,max len,maximum length,max seq length,"
        "max seq len,sequence length,seq len,seq length,max sequence length,maximum sequence length,sequences,max tokens,length",
        "seed": "seed,random seed,rng seed",
        "eval_steps": "eval steps,evaluation steps,eval interval,evaluation interval",
        "save_steps": "save steps,checkpoint steps,save interval,checkpoint interval",
    }
)
#: "NUMBER UNIT"
UNITS = table(
    {
        "epochs": "epoch,epochs,training epochs,full epochs,epoch(s),pass,passes,full passes,passes over the data,pass over the data",
        "max_steps": "step,steps,training steps,optimizer steps,optimiser steps,gradient steps,train steps,optimization steps,"
        "iterations,iters,updates,gradient updates",
        "rows": "them,row,rows,examples,example,samples,sample,records,conversations,dialogues,dialogs,pairs,lines,instances,data points,"
        "datapoints,chats,questions,tickets,problems,documents",
        "batch_size": "rows per batch,examples per batch,samples per batch,per batch,batch size,batch,effective batch size,effective batch",
        "learning_rate": "learning rate,lr",
        "lora_rank": "rank,lora rank",
        "max_length": "context,ctx,context length,context window,token context,token context window,tokens of context,"
        "tokens context,token sequences,token sequence,sequence length,max length,tokens max length,tokens context length",
        "seed": "seed",
    }
)
#: These take a figure that is no setting here, so that "warmup 100 steps" is never read as 100 steps of training.
OTHERS = words(
    "warmup,warm up,warmup steps,warmup ratio,warmup for,weight decay,decay,dropout,lora dropout,alpha,lora alpha,temperature,"
    "beta,top p,top k,patience,gamma,momentum,clip,grad clip,max grad norm,label smoothing,generations,num generations,keep,"
    "early stopping,for at least,temp,epsilon,kl"
)
ACCUMULATION = words(
    "gradient accumulation,gradient accumulation steps,grad accumulation,grad accum,accumulation steps,accumulate"
)
_OTHER_PHRASES = Phrases(dict.fromkeys(OTHERS | ACCUMULATION, ""))
LINKS = words(
    "of,is,=,:,to,at,as,a,an,the,be,equal,equals,~,≈,about,around,roughly,approximately,up,max,maximum,exactly,set,with,(,<,only,"
    "limit,limited,most,use,just,than,under,below"
)
RANGE = words("to,or,-,–,—,/,and,through")
_LEAST = words(
    "at least,more than,minimum,minimum of,no less than,not less than,no fewer than,at a minimum,min,over,>,above"
)
EVALUATING = words(
    "evaluate,eval,evaluation,evaluated,evaluating,evals,benchmark,test,score,measure,check,validate,validation,evaluations"
)
_CUT = words(
    "max,maximum,most,up,cut,truncate,truncated,limit,limited,longer,length,context,sequences,than,window,within,cutoff,truncation,trim,trimmed,cap,capped"
)


def _amount_value(field: str, amount: Amount) -> int | float:
    return is_count_of_tokens(amount) if field == "max_length" else amount.exact


def labelled(text: Text) -> Iterator[Read]:
    """Figures beside their label or unit, from left to right, each used once."""
    at = 0
    while at < len(text):
        read = _at(text, at) if text.free(at) else None
        if read is None:
            at += 1
            continue
        yield read
        at = read.end


def _at(text: Text, at: int) -> Read | None:
    if found := text.phrase(at, _OTHER_PHRASES):
        return _other(text, at, found[1])
    if amount := number(text, at):
        return _with_unit(text, at, amount)
    if text.key(at) in ("a", "an", "one", "single", "1") and (found := text.phrase(at + 1, UNITS)):
        if found[0] == "epochs":
            return reads(text, "epochs", 1, at, found[1])
    if text.key(at) == "single" and text.key(at + 1) in ("epoch", "pass"):
        return reads(text, "epochs", 1, at, at + 2)
    if found := text.phrase(at, LABELS):
        return _after_label(text, at, *found)
    return None


def _other(text: Text, at: int, end: int) -> Read | None:
    joined = "".join(text.keys[at:end])
    after = text.skip(end, LINKS)
    amount = share(text, after) or number(text, after)
    if joined in ACCUMULATION:
        end = amount.end if amount else end
        return doubt(text, "batch_size", at, end, "changes the batch: which effective batch size, over all devices?")
    if amount is None:
        return None
    if found := text.phrase(amount.end, UNITS):
        return Read(None, at, found[1], aside=True)
    return Read(None, at, amount.end, aside=True)


def _with_unit(text: Text, at: int, amount: Amount) -> Read | None:
    after = text.skip(amount.end, ("-", "of", "the", "more", "additional", "random", "first", "full", "different"), 3)
    found = text.phrase(after, UNITS)
    if found is None and text.key(after) not in LABELS:  # "1,200 labelled rows", "500 chat examples"
        later = text.phrase(after + 1, UNITS) if text.free(after) and text.tokens[after].kind == "word" else None
        described = later is not None and later[0] == "rows" and text.key(after) not in RANGE | LINKS
        found = later if described and number(text, after) is None else None
    if found is None:
        if text.key(amount.end) in ("tokens", "token", "tok"):
            return _tokens(text, at, amount)
        return None
    field, end = found
    beyond = text.skip(end, LINKS, 3)
    if field in ("batch_size", "learning_rate", "lora_rank", "seed", "max_length") and number(text, beyond):
        return None  # the word belongs to the figure after it: "alpha 32 rank 16"
    if field == "rows" and text.key(at - 1) in ("has", "have", "contains", "containing", "holds", "its"):
        return Read(None, at, end, aside=True)  # a description of the data, not a wish
    if field == "rows" and any(text.key(back) in EVALUATING for back in text.before(at, 4)):
        return Read(None, at, end, aside=True)  # rows to evaluate on are no rows to train on
    first = at
    problem = ""
    if at >= 2 and text.key(at - 1) in RANGE and (low := number_that_ends(text, at - 1)) is not None:
        if text.key(at - 1) != "and" or text.key(low - 1) == "between":
            first, problem = low, "names two numbers: which one?"
    elif _least(text, at) is not None and field != "batch_size":
        first, problem = _least(text, at) or at, "gives a lower bound: how many exactly?"
    if problem:
        return doubt(text, field, first, end, problem)
    return reads(text, field, _amount_value(field, amount), first, end)


def number_that_ends(text: Text, at: int) -> int | None:
    """The token at which a number begins that ends right before `at`."""
    for start in (at - 1, at - 2):
        if start >= 0 and text.free(start) and (amount := number(text, start)) and amount.end == at:
            return start
    return None


def _least(text: Text, at: int) -> int | None:
    """Where "at least" begins, if it stands right before this token and is not denied ("no more than")."""
    for start in (at - 4, at - 3, at - 2, at - 1):
        if start >= 0 and "".join(text.keys[start:at]) in _LEAST:
            denied = any(text.key(back) in NEGATORS for back in text.before(start, 4))
            return None if denied else start
    return None


def _tokens(text: Text, at: int, amount: Amount) -> Read | None:
    """A bare number of tokens is a maximal length only where the words around say that something is cut there."""
    end = amount.end + 1
    if any(text.key(back) in _CUT for back in text.before(at, 4)) or text.key(end) in (
        "max",
        "maximum",
        "context",
        "long",
        "each",
    ):
        first = at
        while first > 0 and text.key(first - 1) in _CUT | {"to", "at"} and text.free(first - 1):
            first -= 1
        return reads(text, "max_length", is_count_of_tokens(amount), first, end)
    return doubt(
        text, "max_length", at, end, "may be the length of a sequence or something else: is it the maximal length?"
    )


def _after_label(text: Text, at: int, field: str, end: int) -> Read | None:
    value_at = text.skip(end, LINKS, 4)
    if text.key(value_at) in ("between", "from") and (low := number(text, value_at + 1)):
        high = number(text, low.end + 1)
        if text.key(low.end) in RANGE and high:
            return doubt(text, field, at, high.end, "names two numbers: which one?")
    amount = number(text, value_at)
    if amount is None:
        span = text.tokens[value_at].text if value_at < len(text) and text.free(value_at) else ""
        if re.fullmatch(r"[0-9][0-9.e]*-[0-9][0-9.ek]*", span):
            return doubt(text, field, at, value_at + 1, "names two numbers: which one?")
        return None
    if amount.spaced and text.phrase(amount.end, UNITS):
        amount = number_of_first_group(text, value_at, amount)
    elif field in ("epochs", "max_steps", "rows") and value_at == end and text.key(amount.end) in UNITS:
        return None  # "... epochs 60 steps": the figure has its own unit
    after = amount.end
    if text.key(after) in RANGE and text.free(after) and (second := number(text, after + 1)):
        own_unit = text.phrase(second.end, UNITS) or text.phrase(after + 1, LABELS)
        if not own_unit:
            return doubt(text, field, at, second.end, "names two numbers: which one?")
    if field == "max_length" and text.key(after) in ("tokens", "token", "tok"):
        after += 1
    if field in ("eval_steps", "save_steps") and text.key(after) in ("steps", "step"):
        after += 1
    if field == "batch_size" and any(
        text.key(back) in ("device", "perdevice", "gpu", "pergpu") for back in text.before(at, 2)
    ):
        return doubt(text, field, at, after, "is counted per device: which effective batch size, over all devices?")
    return reads(text, field, _amount_value(field, amount), at, after)


def number_of_first_group(text: Text, at: int, amount: Amount) -> Amount:
    """Of "seed 3 500 rows" the 3: the second group has its own unit."""
    first = int(text.tokens[at].text.replace("−", "-"))
    return Amount(float(first), at, amount.spaced)
