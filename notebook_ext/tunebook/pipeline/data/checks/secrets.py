"""Secrets and personal data that a model would learn by heart: K22. Shown by their kind, never as they are."""

from __future__ import annotations

from tunebook.pipeline.data import said
from tunebook.pipeline.data.checks import Examined, Verdict, check
from tunebook.pipeline.data.report import Finding, Severity
from tunebook.pipeline.data.secrets import Kind, secrets_in

KINDS: dict[Kind, tuple[Severity, str, str]] = {
    "key": (
        "warning",
        "{n} {hold|holds} what looks like a key that opens something",
        "replace the keys by a placeholder, and have them withdrawn if they are real",
    ),
    "card": (
        "warning",
        "{n} {hold|holds} a payment card's number, whose check digit is right",
        "replace the numbers by a placeholder",
    ),
    "account": (
        "warning",
        "{n} {hold|holds} a bank account's number (IBAN), whose checksum is right",
        "replace the numbers by a placeholder",
    ),
    "address": (
        "info",
        "{n} {hold|holds} an e-mail address, which may be somebody's own",
        "replace the addresses by a placeholder such as user@example.com",
    ),
}


@check("K22")
def no_secret_is_trained(examined: Examined) -> Verdict:
    """Looks at all text in the columns that TRL reads, tool calls among them."""
    found: dict[Kind, list[int]] = {}
    seen: dict[Kind, str] = {}
    for place, (row, layout) in enumerate(zip(examined.rows, examined.layouts.of_row, strict=True)):
        columns = [column for _, column in layout.parts] if layout else list(row)
        for column in columns:
            for text in said.strings(row.get(column)):
                for secret in secrets_in(text):
                    places = found.setdefault(secret.kind, [])
                    if not places or places[-1] != place:
                        places.append(place)
                    seen.setdefault(secret.kind, f"row {examined.numbers[place]} has {secret.what}")
    if not found:
        return Verdict(f"no key, card or account number and no e-mail address in {len(examined.rows):,} rows")
    findings: list[Finding] = []
    for kind, (severity, message, remedy) in KINDS.items():
        if kind in found:
            leave = severity == "warning"
            findings.append(
                examined.finding("K22", severity, found[kind], message, remedy, seen[kind], leave_out=leave)
            )
    return Verdict(f"patterns and checksums over {len(examined.rows):,} rows", findings)
