"""Looks for secrets in bytes, in every form that tools write them in. Knows nothing of the product's own redactor."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

LONG_ENOUGH = 10  # a line of a secret that is worth looking for by itself


@dataclass(frozen=True)
class Hit:
    """A secret that was found where it must not be."""

    secret: str
    forms: frozenset[str]
    place: str
    around: str


def forms_of(secret: str) -> dict[str, set[bytes]]:
    """Name of a form -> what the secret looks like in it."""
    raw, escaped = secret.encode(), html.escape(secret)
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe="!$&'()*+,;=:@/")}
    return {
        "plain": {raw},
        "line": {line.encode() for line in secret.splitlines() if len(line) >= LONG_ENOUGH},
        "url": {text.encode() for text in quoted | {_lower_escapes(text) for text in quoted}},
        "json": {json.dumps(secret, ensure_ascii=ascii_only)[1:-1].encode() for ascii_only in (True, False)},
        "repr": {repr(secret)[1:-1].encode(), ascii(secret)[1:-1].encode(), repr(raw)[2:-1].encode()},
        "html": {text.encode() for text in (escaped, escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;"))},
        "hex": {raw.hex().encode(), raw.hex().upper().encode()},
        "base64": _base64(raw) | _base64(json.dumps(secret)[1:-1].encode()),
        "utf-16": {secret.encode("utf-16-le")},
    }


def find(secrets: Mapping[str, str], place: str, content: bytes) -> list[Hit]:
    """Every secret (name -> value) that `content` has, once, with the forms that it has it in."""
    hits = []
    for name, secret in secrets.items():
        looks = [(form, look) for form, found in forms_of(secret).items() for look in found]
        there = {form: content.find(look) for form, look in looks if look in content}
        if there:
            at = min(there.values())
            around = content[max(0, at - 80) : at + 160].decode(errors="replace")
            hits.append(Hit(name, frozenset(there), place, around))
    return hits


def _lower_escapes(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _base64(raw: bytes) -> set[bytes]:
    """What of the base64 is the same whatever stands before and after the secret: whole groups of three bytes."""
    found = set()
    for skip in range(3):
        whole = raw[skip : skip + (len(raw) - skip) // 3 * 3]
        if len(whole) >= 6:
            found |= {base64.b64encode(whole), base64.urlsafe_b64encode(whole)}
    return found
