"""Secrets and personal data in a text, by the formats of those who issue them and by checksums where there are any.

What is found is told as its kind and its length, never as what it is.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["key", "card", "account", "address"]


@dataclass(frozen=True)
class Secret:
    """`what` is fit to be shown: "a GitHub token (ghp_…, 40 characters)"."""

    kind: Kind
    what: str


#: The keys of providers: name, the prefix that all keys of that kind share, the pattern.
KEYS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (name, prefix, re.compile(rf"(?<![A-Za-z0-9_-]){pattern}(?![A-Za-z0-9_-])"))
    for name, prefix, pattern in (
        ("a GitHub token", "gh", r"gh[pousr]_[A-Za-z0-9]{36}"),
        ("a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
        ("a GitLab token", "glpat-", r"glpat-[A-Za-z0-9_-]{20}"),
        ("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{34}"),
        ("an OpenAI key", "sk-", r"sk-(?:[a-z]{1,10}-)?[A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74}"),
        ("an Anthropic key", "sk-ant-", r"sk-ant-[a-z]{3,10}\d\d-[A-Za-z0-9_-]{93}AA"),
        ("an AWS key", "AKIA", r"AKIA[A-Z2-7]{16}"),
        ("an AWS key", "ASIA", r"ASIA[A-Z2-7]{16}"),
        ("a Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
        ("a Slack token", "xox", r"xox[abeprs]-\d{10,14}-[A-Za-z0-9-]{20,100}"),
        ("a Stripe key", "_live_", r"(?:sk|rk)_live_[A-Za-z0-9]{24,100}"),
        ("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
        ("a PyPI token", "pypi-", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,300}"),
        ("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    )
)
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\\nr>]*(?:[\w-]+: [^\n]*\n)*[A-Za-z0-9+/=]{40}"
)
SIGNED = re.compile(r"(?<![\w-])(eyJ[\w-]{10,})\.eyJ[\w-]{10,}\.[\w-]{20,}")
PLACEHOLDER = re.compile(r"example|xxxx|your|placeholder|redacted|dummy|0123456|1234567|abcdef", re.IGNORECASE)
VARIETY = 8  # different characters that a key has at least; fewer are typed by hand

CARD = re.compile(r"(?<![\w.,-])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5}|\d{15,16})(?![\w-]|[.,]\d)")
ISSUED = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d)\d{12}"
)
CARD_WORDS = re.compile(r"card|visa|amex|american express|cvv|cvc|karte|carte|tarjeta|expir", re.IGNORECASE)
NEAR_BY = 60  # characters before a card number without gaps, in which a word must say that it is one
#: Numbers that the payment companies publish for tests, and the account numbers that every article shows.
PUBLIC = {
    *("4111111111111111", "4242424242424242", "4012888888881881", "4000056655665556", "4000000000000002"),
    *("5555555555554444", "5105105105105100", "5200828282828210", "2223003122003222", "2223000048400011"),
    *("378282246310005", "371449635398431", "378734493671000", "6011111111111117", "6011000990139424"),
    *("GB82WEST12345698765432", "GB29NWBK60161331926819", "DE89370400440532013000", "FR1420041010050500013M02606"),
    *(
        "GB33BUKB20201555555555",
        "NL91ABNA0417164300",
        "CH9300762011623852957",
        "BE68539007547034",
        "AT611904300234573201",
    ),
}
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")

ADDRESS = re.compile(
    r"(?<![\w.+/-])([A-Za-z0-9][\w.+-]{0,63})@((?:[A-Za-z0-9-]{2,63}\.)+([A-Za-z]{2,6}))(?![\w@-]|\.\w|:\w)"
)
GENERIC = {"com", "org", "net", "edu", "gov", "mil", "info", "biz", "name", "app", "dev", "cloud", "email", "online"}
NO_COUNTRY = {"py", "js", "md", "so", "rs", "sh", "cc", "ts", "rb", "pl", "go"}  # endings of files first of all
RESERVED = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local|internal)(?:\.[a-z]+)?$|^(?:domain|email|company|yourdomain|mydomain|test|foo|bar|mail|site|website|abc|xyz)\.\w+$",
    re.IGNORECASE,
)
NOBODY = re.compile(
    r"^(?:info|support|contact|help|sales|admin|office|noreply|no-reply|hello|press|privacy|legal|webmaster|postmaster|"
    r"abuse|security|user\w*|name|email|me|you|your\w*|test\w*|example|someone|john\.?doe|jane\.?doe|foo|bar|git)$",
    re.IGNORECASE,
)


FOUR_DIGITS = re.compile(r"\d{4}")  # every card has them and nearly every account; most text has not
ANY_KEY = re.compile("|".join(re.escape(prefix) for prefix in dict.fromkeys(prefix for _, prefix, _ in KEYS)))


def secrets_in(text: str) -> Iterator[Secret]:
    """Everything in a text that should not be learned, keys first."""
    yield from _keys(text)
    if FOUR_DIGITS.search(text):
        yield from _cards(text)
        yield from _accounts(text)
    if "@" in text:
        yield from _addresses(text)


def _keys(text: str) -> Iterator[Secret]:
    for name, prefix, pattern in KEYS if ANY_KEY.search(text) else ():
        if prefix in text:
            for found in pattern.finditer(text):
                if _is_random(found[0]):
                    yield Secret("key", f"{name} ({found[0][:4]}…, {len(found[0])} characters)")
    if "PRIVATE KEY" in text and PRIVATE_KEY.search(text):
        yield Secret("key", "a private key (-----BEGIN…)")
    if "eyJ" in text:
        for found in SIGNED.finditer(text):
            if _is_header(found[1]):
                yield Secret("key", f"a signed token (eyJ…, {len(found[0])} characters)")


def _is_random(key: str) -> bool:
    return len(set(key[4:])) >= VARIETY and not PLACEHOLDER.search(key)


def _is_header(part: str) -> bool:
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(header, dict) and "alg" in header


def _cards(text: str) -> Iterator[Secret]:
    from stdnum import luhn

    for found in CARD.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        told = found[0] != digits or CARD_WORDS.search(text, max(0, found.start() - NEAR_BY), found.start())
        if told and ISSUED.fullmatch(digits) and digits not in PUBLIC and luhn.is_valid(digits):
            yield Secret("card", f"a card number ({len(digits)} digits)")


def _accounts(text: str) -> Iterator[Secret]:
    from stdnum import iban

    for found in IBAN.finditer(text):
        groups = found[0].split(" ")  # the last of them may be the next word of the text
        numbers = ("".join(groups[:end]) for end in range(len(groups), 0, -1))
        number = next((number for number in numbers if iban.is_valid(number)), None)
        if number is not None and number not in PUBLIC:
            yield Secret("account", f"a bank account ({number[:2]}…, {len(number)} characters)")


def _addresses(text: str) -> Iterator[Secret]:
    for found in ADDRESS.finditer(text):
        name, domain, end = found[1], found[2], found[3].lower()
        known = end in GENERIC or (len(end) == 2 and end not in NO_COUNTRY)
        if known and not RESERVED.search(domain) and not NOBODY.search(name):
            yield Secret("address", f"an e-mail address ({name[0]}…@….{end})")
