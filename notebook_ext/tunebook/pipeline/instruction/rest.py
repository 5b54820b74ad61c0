"""What no reader took: the goal in the user's words, words that carry no wish of their own, and the rest, which is `ignored`."""

from __future__ import annotations

from collections.abc import Iterator

from tunebook.pipeline.instruction.claims import Claim, Read
from tunebook.pipeline.instruction.text import Text, words

#: Words around a wish, at the edge of a text that is ignored.
_EDGES = words(
    "please,and,then,also,but,so,with,on,in,at,of,from,by,as,for,to,or,the,a,an,thanks,ok,finally,plus,using,after,that,this,while,once"
)
#: Words that say nothing beyond what the readers took, or what tunebook does anyway.
_FILLER = _EDGES | words(
    "can,could,would,will,shall,should,must,may,might,you,i,we,us,me,my,our,your,want,wants,wanted,like,id,i'd,need,needs,lets,let,"
    "hi,hello,hey,dear,tunebook,thank,very,much,kindly,just,only,simply,now,it,its,them,they,these,those,is,are,be,been,has,have,"
    "do,does,make,made,take,go,start,give,get,run,runs,running,use,used,uses,train,trained,training,trains,tune,tuned,tuning,finetune,finetuned,"
    "finetuning,fine,finetunes,tunes,model,models,base,dataset,datasets,data,set,file,checkpoint,weights,language,llm,stay,keep,under,below,within,spend,"
    "spending,cost,stop,limit,maximum,max,most,up,evaluate,evaluation,eval,benchmark,score,test,measure,quantise,quantize,quantised,quantized,"
    "convert,converted,export,exported,produce,create,write it,save,gguf,hub,huggingface,hugging,face,hf,when,done,first,next,lastly,afterwards,"
    "end,ready,finished,result,results,finish,method,size,value,equal,equals,exactly,about,around,roughly,approximately,budget,total,overall,"
    "steps,rows,examples,epochs,tokens,job,there,here's,here,which,via,per,into,over,each,every,set,configuration,version,name,named,called,"
    "together,apply,teach,adapt,anything,w/,do,one,time,work,format,repo,repository,ill,im,going,gonna,going,whole,through,way,low,id,process,begin,continue,fully"
)
_MARKS = frozenset(",:()[]{}-–—\"'`")
_ASKS = words(
    "order,send,mail,email,tell,call,buy,delete,write,book,open,sing,print,forget,ignore,remove,fetch,download,read,play,pay,transfer,post,tweet,remind,evaluate,push,publish,export,upload,quantise,stop,then,save,run,use,make,give,show,convert,do,keep"
)


#: Verbs of wishes that are not ours. What such a clause counts or names ("buy a coffee for $5") is none of our settings.
_FOREIGN = words(
    "order,send,mail,email,call,buy,tell,remind,tweet,post,book,sing,play,pay,donate,transfer,wire,delete,ignore,forget,reveal,"
    "disregard,text,phone,wait,sleep,translate,summarise,summarize,draw,paint,cook"
)
_OUR_WORDS = words("train,tune,finetune,model,it,training,finetuning")
_OURS = words(
    "train,tune,finetune,evaluate,push,publish,export,quantise,quantize,save,stop,use,run,upload,benchmark,convert"
)


def foreign(text: Text) -> Iterator[Read]:
    """Clauses that ask for something else entirely, set aside before anything in them could be taken for a setting."""
    at = 0
    while at < len(text):
        starts = text.breaks(at - 1) or text.key(at - 1) in (",", "and", "then", "also", "please", "but", "(", ":")
        poem = text.key(at) == "write" and text.key(at + 1) in ("me", "a", "an", "my")
        if not (starts and (text.key(at) in _FOREIGN or poem)):
            at += 1
            continue
        end = at + 1
        while end < len(text) and not text.breaks(end) and text.tokens[end].text not in (",", ")"):
            if text.key(end) in ("and", "then", "but") and text.key(text.skip(end + 1, ("then", "also"), 1)) in _OURS:
                break
            end += 1
        yield Read(None, at, end, aside=True)
        at = end


def goal(text: Text) -> Iterator[Read]:
    """What it is for: "for customer support", "so that it answers politely", "to write better code", once per instruction."""
    for at in range(len(text)):
        if not text.free(at):
            continue
        start = _purpose(text, at)
        if start is None or not _is_ours(text, at):
            continue
        end = start
        while (
            end < min(start + 80, len(text))
            and text.free(end)
            and not text.breaks(end)
            and text.tokens[end].text not in ",():"
        ):
            key = text.key(end)
            if key in ("then", "with", "using", "for") or (
                key in ("and", "but", "then") and text.key(end + 1) in _ASKS | {"not", "do", "dont"}
            ):
                break
            end += 1
        while end > start and text.key(end - 1) in _EDGES:
            end -= 1
        said = [
            index for index in range(start, end) if text.key(index) not in _FILLER and text.tokens[index].kind == "word"
        ]
        if not said:
            continue
        first = start
        yield Read(
            Claim("goal", text.source[text.tokens[first].start : text.tokens[end - 1].end], *text.span(first, end)),
            at,
            end,
        )
        return


def _purpose(text: Text, at: int) -> int | None:
    """The token where the purpose itself begins, if the words here introduce one."""
    key, following = text.key(at), text.key(at + 1)
    if key == "for" and text.free(at + 1) and following not in ("me", "us", "now", "this", "that"):
        return at + 1
    if key in ("what", "how", "which", "whether", "when") and at and not text.free(at - 1):
        return at
    if key == "better" and following in ("at", "in") and text.free(at + 1):
        return at
    if key + following in ("sothat", "suchthat", "makeit", "teachit", "soit"):
        inner = at + 2
        return inner + (text.key(inner) == "to")
    if key == "to" and at and not text.free(at - 1) and text.free(at + 1) and text.tokens[at + 1].kind == "word":
        return at + 1
    if (
        key in ("so", "that")
        and text.free(at + 1)
        and following in ("it", "the", "answers", "writes", "can", "speaks", "knows")
    ):
        return at + 1
    return None


def _is_ours(text: Text, at: int) -> bool:
    """Whether the sentence so far speaks of training: "write a poem for my mother" has a purpose that is not ours."""
    ours = False
    for back in text.before(at, 40):
        if not text.free(back):
            return True
        if text.key(back) in (",", "and", "then") and ours:
            return True
        if text.key(back) not in _FILLER and text.tokens[back].kind != "mark":
            return False
        ours = ours or text.key(back) in _OUR_WORDS
    return ours


def ignored(text: Text, unused: list[tuple[int, int]]) -> list[str]:
    """What is left, word for word and in its order; `unused` are spans that were read, but to no end."""
    pieces = unused + [text.span(*part) for part in text.aside]
    run: list[int] = []
    for at in range(len(text) + 1):
        if at < len(text) and not text.breaks(at) and text.free(at) and text.tokens[at].text != ",":
            run.append(at)
        elif run:
            pieces += _piece(text, run)
            run = []
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and not text.source[joined[-1][1] : start].strip():
            start, before = joined.pop()
            end = max(end, before)
        joined.append((start, end))
    return [text.source[start:end] for start, end in joined]


def _piece(text: Text, run: list[int]) -> list[tuple[int, int]]:
    """The part of a run of unread tokens that says something: cut close beside words that were read, else left whole."""
    said = [at for at in run if text.key(at) not in _FILLER and text.tokens[at].kind != "mark"]
    if not said:
        return []
    first, last = run[0], run[-1]
    if first > 0 and not text.free(first - 1) and not text.breaks(first - 1):
        first = said[0]
    if last + 1 < len(text) and not text.free(last + 1):
        last = said[-1]
        while last < run[-1] and text.tokens[last + 1].kind == "mark" and text.tokens[last + 1].text not in _MARKS:
            last += 1
    while first < said[0] and (text.key(first) in _EDGES or text.tokens[first].kind == "mark"):
        first += 1
    while last > said[-1] and (text.key(last) in _EDGES or text.tokens[last].text in _MARKS):
        last -= 1
    return [text.span(first, last + 1)]
