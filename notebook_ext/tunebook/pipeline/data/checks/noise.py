"""Text that came to harm on its way: K21. Mojibake, lost and control characters, hidden text, blobs, left-over HTML.

Rows in another language than the rest belong to K21 too; they are found in `language`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Verdict, check
from tunebook.pipeline.data.checks.language import rows_in_another_language
from tunebook.pipeline.data.report import Finding, Severity

CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")  # not tab, line feed, return and next line
#: Characters that show nothing. The joiners belong to the scripts and emoji that use them, and are not among them.
HIDDEN = re.compile("[\u00ad\u200b\u2060-\u2064\ufeff\u202d\u202e\U000e0001\U000e0020-\U000e007f]")
FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")  # 🏴󠁧󠁢󠁥󠁮󠁧󠁿: a flag of a region is written with hidden letters
BREAKS_WORDS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")  # Thai, Lao, Burmese, Khmer: U+200B is spelling
BLOB = re.compile(
    r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]{40,}"
    r"|(?<![\w+/])(?:[A-Za-z0-9+/]{200,}+|(?:[A-Za-z0-9+/]{40,}+\r?\n){4,}[A-Za-z0-9+/]+)={0,2}"
)
LONG_WORD = re.compile(r"[A-Za-z0-9+/=]{40}")  # every blob has one
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
MARKUP = re.compile(
    r"</(?:div|span|p|a|b|i|em|strong|font|table|tr|td|th|li|ul|ol|h[1-6]|blockquote|script|style|center)>"
    r"|<(?:div|span|a|font|img|p|td|table|script|style)\s+\w+\s*=[^<>]*>|<br ?/?>|&(?:nbsp|amp|lt|gt|quot|#\d+|#x[\da-f]+);",
    re.IGNORECASE,
)
#: A row that speaks of markup holds it on purpose.
ON_PURPOSE = re.compile(
    r"html|xml|css|svg|jsx|javascript|typescript|react|vue\b|angular|markup|web ?page|web ?site|\btags?\b|escape|entit|"
    r"scrap|beautifulsoup|django|jinja|php|<!doctype|markdown|latex|\bcode\b|def \w+\(|function\s*\w*\(|\bimport \w",
    re.IGNORECASE,
)
ENTROPY = 4.5  # bits a character of a blob: base64 has nearly 6, a sequence of genes 2, words without blanks 4


def lost_characters(text: str) -> str | None:
    return "the character U+FFFD" if "\ufffd" in text else None


def control_characters(text: str) -> str | None:
    found = CONTROL.search(text)
    return f"the character U+{ord(found[0]):04X}" if found else None


def hidden_text(text: str) -> str | None:
    if text.isascii():
        return None
    found = HIDDEN.search(FLAG.sub("", text))
    if found is None or (found[0] == "\u200b" and BREAKS_WORDS.search(text)):
        return None
    return f"the character U+{ord(found[0]):04X}, {unicodedata.name(found[0], 'unnamed').lower()}"


def mojibake(text: str) -> str | None:
    """Only what a known mistake of decoding explains, and what is better once that is undone."""
    if text.isascii():
        return None
    from ftfy import fix_encoding
    from ftfy.badness import badness, is_bad

    for line in text.splitlines():
        if not line.isascii() and is_bad(line):
            mended = fix_encoding(line)
            if mended != line and badness(mended) < badness(line):
                at = next(at for at, (a, b) in enumerate(zip(line, f"{mended}\0", strict=False)) if a != b)
                wrong, right = line[at : at + 3].split(" ")[0], mended[at : at + 1]
                return f"“{wrong}” for “{right}”" if right.isprintable() and wrong.isprintable() else "wrong letters"
    return None


def blob(text: str) -> str | None:
    if not LONG_WORD.search(text):
        return None
    for found in BLOB.finditer(text):
        if found[0].startswith("data:") or _random(found[0]):
            return f"{len(found[0]):,} characters of base64"
    return None


def left_over_html(text: str) -> str | None:
    if "<" not in text and "&" not in text:
        return None
    found = MARKUP.search(CODE.sub("", text))
    if found is None:
        return None
    return "an entity such as &nbsp;" if found[0].startswith("&") else "a tag such as <br> or </p>"


#: What may be wrong with a text: how to see it, severity, message, remedy.
Noise = tuple[Callable[[str], str | None], Severity, str, str]
KINDS: tuple[Noise, ...] = (
    (
        mojibake,
        "warning",
        "{n} {hold|holds} mojibake, text that was decoded by the wrong encoding",
        "mend it with ftfy.fix_encoding, or read the source again as UTF-8",
    ),
    (
        lost_characters,
        "warning",
        "{n} {have|has} lost characters, which only a replacement character stands for",
        "read the source again with the right encoding: what is lost cannot be mended here",
    ),
    (control_characters, "warning", "{n} {hold|holds} control characters, which nobody sees", "remove them"),
    (
        hidden_text,
        "warning",
        "{n} {hold|holds} characters without any width, which nobody sees and the model learns",
        "remove them",
    ),
    (
        blob,
        "warning",
        "{n} {hold|holds} blobs of base64, which cost tokens and teach nothing",
        "cut the blobs out, or take {these rows|this row} out",
    ),
    (
        left_over_html,
        "info",
        "{n} {hold|holds} HTML that seems to be left over",
        "turn it into text, unless it is what is to be learned",
    ),
)


@check("K21")
def text_is_clean(examined: Examined) -> Verdict:
    """Looks at the texts that TRL reads, each by itself."""
    found: dict[int, list[int]] = {}
    seen: dict[int, str] = {}
    for place in range(len(examined.rows)):
        for number, what in _noises(examined, place):
            found.setdefault(number, []).append(place)
            seen.setdefault(number, f"row {examined.numbers[place]} has {what}")
    findings: list[Finding] = []
    for number, places in sorted(found.items()):
        look, severity, message, remedy = KINDS[number]
        leave = look in (lost_characters, blob)  # the other kinds are mended within the text
        findings.append(examined.finding("K21", severity, places, message, remedy, seen[number], leave_out=leave))
    foreign, languages = rows_in_another_language(examined)
    findings += foreign
    if not findings:
        return Verdict(f"no damaged, hidden or left-over text in {len(examined.rows):,} rows{languages}")
    return Verdict(f"the text of {len(examined.rows):,} rows looked at", findings)


def _noises(examined: Examined, place: int) -> Iterator[tuple[int, str]]:
    """Which kinds of noise a row has, and the first of each."""
    row, layout = examined.rows[place], examined.layouts.of_row[place]
    texts = [text for _, column in (layout.parts if layout else ()) for text in said.texts(row.get(column))]
    for number, (look, *_) in enumerate(KINDS):
        what = next((what for text in texts if (what := look(text))), None)
        if what and not (look is left_over_html and any(ON_PURPOSE.search(text) for text in texts)):
            yield number, what


def _random(text: str) -> bool:
    """Whether the characters are spread as in base64: capitals, small letters and digits, none of them favoured."""
    from collections import Counter
    from math import log2

    counts = Counter(text)
    if not all(any(test(letter) for letter in counts) for test in (str.isupper, str.islower, str.isdigit)):
        return False
    return -sum(n / len(text) * log2(n / len(text)) for n in counts.values()) >= ENTROPY
