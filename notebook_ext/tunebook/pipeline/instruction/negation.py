"""Which words deny what follows them, and how far."""

from __future__ import annotations

from tunebook.pipeline.instruction.text import Text, words

NEGATORS = words(
    "no,not,dont,doesnt,never,without,avoid,skip,cannot,cant,wont,disable,exclude,isnt,nor,w/o,neither,omit,drop,nothing,none"
)
_PAIRS = words("instead of,rather than,other than,anything but,except for")
_THROUGH = words(
    "use,using,any,a,an,the,do,be,make,it,this,that,to,with,on,run,push,train,apply,want,need,enable,turn,as,my,our,for,please,"
    "tune,finetune,evaluate,eval,in,kind,of,all,repo,keep,them,me,really,anything,publish,upload,pushing,publishing,model,result"
)
_JOINED = words("or,nor,/")


def negated(text: Text, first: int) -> int | None:
    """The token of the word that denies the one at `first` ("no", "do not", "without ... or"), None where nothing does."""
    skipped = 0
    for back in text.before(first, 10):
        key = text.key(back)
        if key in NEGATORS:
            return back - 1 if key == "not" and text.key(back - 1) in ("do", "does", "should", "must") else back
        if key + text.key(back + 1) in _PAIRS:
            return back
        if text.key(back - 1) + key in _PAIRS:
            continue
        if key in _JOINED or text.key(back + 1) in _JOINED:
            continue
        skipped += 1
        if key not in _THROUGH or skipped > 6:
            return None
    return None


def switched_off(text: Text, end: int) -> int | None:
    """The index after "off" or "disabled" where it follows: "packing off", "packing: no"."""
    after = text.skip(end, (":", "=", "is", "turned", "set", "to"), 3)
    return after + 1 if text.key(after) in ("off", "disabled", "false", "no") and text.free(after) else None
