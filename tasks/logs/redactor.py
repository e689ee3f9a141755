"""The redactor: replaces every known secret value in a text, in the forms in which tools print it. Pure.

Works on texts only. tasks.context, which knows the secrets, feeds it; tasks.logs.log passes every line through it. What
it cannot find: a value of fewer than four characters, and base64 that was broken into lines.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
# A shorter value would blank out half of every log; it is no secret worth the name.
SHORTEST = 4
_ESCAPE = re.compile(r"%[0-9A-F]{2}")
_PATTERNS = (
    # user:password@host, with a password that may contain / and @ itself; not host:port/path@digest, name:tag@digest.
    (re.compile(r"(://[^\s/:@]*):(?!\d+(?:/|\s|$))[^\s\"'<>]+@"), rf"\1:{MARK}@"),
    (re.compile(r"(://)[^\s/@]+@"), rf"\1{MARK}@"),
    (re.compile(r"(?<![^\s\"'=(])([^\s:/@\"'=(\[]+):(?!//)[^\s@\"']+@(?!sha256:)(?=[\w.\[-])"), rf"\1:{MARK}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {MARK}"),
    # The address of a webhook may have its secret behind the token.
    (re.compile(r"\bbs[th]_[A-Za-z0-9_-]{20,}(?:/[A-Za-z0-9_-]{20,})?"), MARK),
)


class Redactor:
    """Holds secret values and removes them from texts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: set[str] = set()
        # The first characters of a form -> the forms that begin so, longest first. A search costs the same for one
        # secret and for hundreds. Never changed in place, so that `clean` needs no lock.
        self._index: dict[str, tuple[str, ...]] = {}

    def learn(self, values: Iterable[str]) -> None:
        """Add values that must never be written. Each line of a multi-line value counts: logs split them."""
        new = {part for value in values for part in (value, *value.splitlines()) if len(part) >= SHORTEST}
        with self._lock:
            new -= self._known
            if not new:
                return
            self._known |= new
            index = dict(self._index)
            for form in {form for value in new for form in forms(value)}:
                found = {*index.get(form[:SHORTEST], ()), form}
                index[form[:SHORTEST]] = tuple(sorted(found, key=len, reverse=True))
            self._index = index

    def clean(self, text: str) -> str:
        """Return the text without any secret that is known or looks like one."""
        if self._index:
            text = "".join(_pieces(text, self._index))
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def _pieces(text: str, index: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the text in pieces, the mark in place of each secret."""
    kept = at = 0
    while at <= len(text) - SHORTEST:
        found = index.get(text[at : at + SHORTEST])
        form = next((form for form in found if text.startswith(form, at)), None) if found else None
        if form is None:
            at += 1
            continue
        yield text[kept:at]
        yield MARK
        kept = at = at + len(form)
    yield text[kept:]


def forms(value: str) -> set[str]:
    """Return the value as is, and as URLs, JSON, HTML, Python and shells write it, in hex and in base64."""
    raw = value.encode(errors="surrogatepass")
    safe = raw.decode(errors="replace")
    as_json = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    urls = {quote(raw), quote(raw, safe=""), quote_plus(raw), quote(raw, safe="!$&'()*+,;=:@/")}
    escaped = html.escape(value)
    found = {
        value,
        safe,
        raw.hex(),
        raw.hex().upper(),
        value.encode("unicode_escape").decode(),
        value.replace("'", "'\"'\"'"),
    }
    found |= as_json | urls | {_ESCAPE.sub(lambda match: match[0].lower(), url) for url in urls}
    found |= {repr(value)[1:-1], ascii(value)[1:-1], repr(raw)[2:-1]}
    # Both escapes of a quote in use, as Python's html and markupsafe write them.
    found |= {escaped, escaped.replace("&quot;", "&#34;").replace("&#x27;", "&#39;")}
    for text in {value, *as_json}:
        found.update(_base64(text.encode(errors="surrogatepass")))
    return {form for form in found if len(form) >= SHORTEST}


def _base64(raw: bytes) -> Iterator[str]:
    """Yield, for each of its three possible offsets, the part that does not depend on the text before and after it."""
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * offset + raw).decode().rstrip("=")[(0, 2, 3)[offset] :]
            yield text if (len(raw) + offset) % 3 == 0 else text[:-1]
