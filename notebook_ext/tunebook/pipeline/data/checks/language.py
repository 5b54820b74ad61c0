"""Rows in another language than the rest, a part of K21. py3langid names the language of a piece of text.

What is asked and what is answered are looked at apart: in translations each side has a language of its own. A side that
has no language in nearly all of its rows is mixed on purpose, and nothing is said of it. Most rows are passed over by
their words alone, since many of them are among the commonest of the main language; the others are classified.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined
from tunebook.pipeline.data.report import Finding, Severity

#: The languages that are told apart: rarer ones are taken too easily for their neighbours.
NAMES: dict[str, str] = dict(
    pair.split(" ", 1)
    for pair in (
        "af Afrikaans|ar Arabic|az Azerbaijani|be Belarusian|bg Bulgarian|bn Bengali|ca Catalan|cs Czech|cy Welsh|"
        "da Danish|de German|el Greek|en English|es Spanish|et Estonian|eu Basque|fa Persian|fi Finnish|fr French|"
        "ga Irish|gl Galician|gu Gujarati|he Hebrew|hi Hindi|hr Croatian|hu Hungarian|hy Armenian|id Indonesian|"
        "is Icelandic|it Italian|ja Japanese|ka Georgian|kk Kazakh|km Khmer|kn Kannada|ko Korean|lt Lithuanian|"
        "lv Latvian|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|my Burmese|ne Nepali|nl Dutch|"
        "no Norwegian|pa Punjabi|pl Polish|pt Portuguese|ro Romanian|ru Russian|si Sinhala|sk Slovak|sl Slovenian|"
        "sq Albanian|sr Serbian|sv Swedish|sw Swahili|ta Tamil|te Telugu|th Thai|tl Filipino|tr Turkish|uk Ukrainian|"
        "ur Urdu|uz Uzbek|vi Vietnamese|zh Chinese"
    ).split("|")
)
MIXED = "mul"
NONE = "zxx"  # what the classifier calls text that is in no language, such as code
#: So alike that a short text may pass for the other one.
KIN = (
    {"da", "no"},
    {"hr", "sr"},
    {"id", "ms"},
    {"cs", "sk"},
    {"gl", "pt"},
    {"af", "nl"},
    {"bg", "mk"},
    {"hi", "mr", "ne"},
)

SEEN = 240  # characters of a text that are looked at
SHORTEST = 60  # letters of a text that has a language; a letter of the scripts below counts three times
DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
PROSE = 0.8  # of the characters that are no blanks must be letters, or it may be code, markup, a table
CONFIDENT = 0.9
SAMPLE = 1000  # rows that decide which language is the main one
FEWEST = 20  # of them must have a language
MOSTLY = 0.9  # of those that have one are in the main one, else the data is mixed on purpose
COMMON = 300  # words, or letters
FAMILIAR = 0.2  # of a text's words must be among them at least
BY_LETTER = {"ja", "km", "ko", "my", "th", "zh"}  # written without blanks, or in words that are joined of many
FEW = 0.01  # of the rows: a mere hint

CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|<[^<>\n]{1,200}>|[\w.+-]+@[\w.-]+", re.DOTALL)
TRANSLATES = re.compile(
    "translat|übersetz|tradu[cizç]|traduire|vertaal|перевод|переведи|переклад|翻译|翻譯|翻訳|번역", re.I
)

Row = dict[str, Any]


def rows_in_another_language(examined: Examined) -> tuple[list[Finding], str]:
    """At most one finding, and the end of a sentence that says what the languages are."""
    odd: dict[int, str] = {}
    mains: list[str] = []
    mixed = False
    for excerpt in (_end_of_asked, _start_of_answered):
        main, others = _one_side(examined, excerpt)
        mixed |= main == MIXED
        if main in NAMES:
            mains.append(NAMES[main])
            odd |= others
    spoken = " and ".join(dict.fromkeys(mains))
    places = sorted(place for place, language in odd.items() if not _on_purpose(examined, place, language))
    if not places:
        return [], ", which are in several languages" if mixed else f", which are in {spoken}" if spoken else ""
    severity: Severity = "warning" if len(places) >= FEW * len(examined.rows) else "info"
    message = f"{{n}} {{are|is}} not in {spoken} as the others are"
    evidence = f"row {examined.numbers[places[0]]} seems to be {NAMES[odd[places[0]]]}"
    remedy = "take {them|it} out or translate {them|it}, unless the model is to learn that language too"
    return [examined.finding("K21", severity, places, message, remedy, evidence)], ""


def _one_side(examined: Examined, excerpt: Callable[[Examined, int], str]) -> tuple[str | None, dict[int, str]]:
    """The main language of a side of the rows, or MIXED, and the places that are in another one.

    None: too few texts are long enough to tell.
    """
    total = len(examined.rows)
    sample = [excerpt(examined, place) for place in range(0, total, max(1, total // SAMPLE))]
    spoken = [(text, language) for text in sample if (language := language_of(text))]
    if len(spoken) < FEWEST:
        return None, {}
    main, _ = Counter(language for _, language in spoken).most_common(1)[0]
    kin = next((kin for kin in KIN if main in kin), {main})
    if sum(language in kin for _, language in spoken) < MOSTLY * len(spoken):
        return MIXED, {}
    cut = _letters if main in BY_LETTER else str.split
    familiar, bar = _familiar([cut(text.lower()) for text, language in spoken if language == main])
    others: dict[int, str] = {}
    for place in range(total):
        text = excerpt(examined, place)
        words = cut(text.lower())
        if len([word for word in words if word in familiar]) < bar * len(words):
            language = language_of(text)
            if language and language not in kin:
                others[place] = language
    return main, others


def _familiar(texts: list[list[str]]) -> tuple[set[str], float]:
    """The commonest words (or letters) of these texts, and the share of them by which a text need not be classified.

    All but one in fifty of these texts reach that share. It is beyond reach where words say too little.
    """
    in_texts = Counter(word for words in texts for word in set(words) - {""})
    familiar = {word for word, _ in in_texts.most_common(COMMON)}
    shares = sorted(sum(word in familiar for word in words) / len(words) for words in texts)
    reached = shares[len(shares) // 50]
    return familiar, reached if reached >= FAMILIAR else 2.0


def _letters(text: str) -> list[str]:
    """The letters one by one, Latin ones left empty: they are in texts of every language, and tell nothing."""
    return ["" if letter.isascii() else letter for letter in text]


def language_of(text: str) -> str | None:
    """The code of the language that a text is in; None if it is too short, is no prose, or may be in several."""
    if len(text) < SHORTEST and text.isascii():
        return None
    text = CODE.sub(" ", text)
    letters = sum(map(str.isalpha, text)) + _marks(text)
    if letters + 2 * len(DENSE.findall(text)) < SHORTEST:
        return None
    if letters < PROSE * len("".join(text.split())):
        return None
    language, confidence = _identifier().classify(text)
    return str(language) if confidence >= CONFIDENT and language != NONE else None


def _marks(text: str) -> int:
    """Vowel signs and the like: to Unicode no letters, in Indian and other scripts a good part of every word."""
    from unicodedata import category

    return 0 if text.isascii() else sum(category(letter)[0] == "M" for letter in text)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*NAMES, NONE])
    return identifier


def _end_of_asked(examined: Examined, place: int) -> str:
    """What stands last: a system prompt and an instruction that all rows share stand before it."""
    return said.asked(examined.rows[place], examined.layouts.of_row[place])[-SEEN:]


def _start_of_answered(examined: Examined, place: int) -> str:
    return said.answered(examined.rows[place], examined.layouts.of_row[place])[:SEEN]


def _on_purpose(examined: Examined, place: int, language: str) -> bool:
    """Whether the row asks for a translation, or for this language by its name."""
    asked = said.asked(examined.rows[place], examined.layouts.of_row[place])
    return bool(TRANSLATES.search(asked)) or NAMES[language].lower() in asked.lower()
