"""What a webhook brings, whoever sent it, and how its sender proves itself. Pure.

Everything in a payload was written by others: it is measured, cleaned, and never taken for more than a word to compare.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

LONGEST_REF = 200
MOST_EVENTS = 100
# What people are called by the services: short, and nothing that a token looks like fits into it.
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+\[\] -]{0,36}[A-Za-z0-9_\]])?")
_LIKE_A_TOKEN = re.compile(r"(?i)^(gh[a-z]_|github_pat_|gl[a-z]{1,5}-|bs[th]_|xox[a-z]-|sk-|akia|eyj)")
_HEX = re.compile(r"[0-9a-f]{7,64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ZEROS = re.compile(r"0+")


class Unreadable(Exception):  # noqa: N818 - it names what happened
    """A genuine call whose body is not what its sender sends."""


@dataclass(frozen=True)
class Delivery:
    """One thing that happened. `event` is push, ping or other; what is not known is None.

    `id` tells it from every other one of its sender. A push says branch or tag (or both, when the sender did not say
    which of the two it is), and what it now is: `commit` or `digest`. `repository` is a path without host.
    """

    event: str
    id: str | None = None
    branch: str | None = None
    tag: str | None = None
    deleted: bool = False
    commit: str | None = None
    digest: str | None = None
    repository: str | None = None
    host: str | None = None
    actor: str | None = None


class Headers(Protocol):
    """The headers of a request, found whatever the case of their names."""

    def get(self, key: str, /) -> str | None:
        """The value, None when there is none."""
        ...


class Provider(Protocol):
    """A kind of sender."""

    name: str
    # The key that a workload's source must have for this to be of use: `url`, `image`; None: any.
    needs: str | None

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Whether the sender knows the secret. Takes as long whether it does or not."""
        ...

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """What happened, oldest first. Raises Unreadable."""
        ...


def is_signed(given: str | None, body: bytes, secret: str, prefix: str = "") -> bool:
    """Whether `given` is the hex HMAC SHA-256 of the body under the secret, with `prefix` before it."""
    right = prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return same(given, right)


def same(given: str | None, right: str) -> bool:
    """Whether two texts are equal, in a time that says nothing of where they differ."""
    return hmac.compare_digest((given or "").strip().encode(errors="replace"), right.encode())


def is_authorized(header: str | None, secret: str) -> bool:
    """Whether an Authorization header has the secret: as a bearer token, as the password of Basic, or as it is."""
    scheme, _, value = (header or "").strip().partition(" ")
    candidate = value.strip()
    if scheme.lower() == "basic":
        try:
            candidate = base64.b64decode(candidate, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            candidate = ""
    return same(candidate, secret) | same(header, secret)


def as_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises Unreadable."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise Unreadable
    return data


def at(data: Any, *path: str) -> Any:
    """What lies at a path of keys, None when there is nothing."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text(value: Any, longest: int = LONGEST_REF) -> str | None:
    """A text that is short, printable and without spaces around it, or None."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        return None
    return value.strip() or None


def commit_of(value: Any) -> str | None:
    """A commit, unless it is the one of nothing."""
    return value if isinstance(value, str) and _HEX.fullmatch(value) and not _ZEROS.fullmatch(value) else None


def digest_of(value: Any) -> str | None:
    """A digest."""
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else None


def first_login(*values: Any) -> str | None:
    """The first that is what somebody is called. What is longer, or begins like a token does, is nobody's name."""
    for value in values:
        if isinstance(value, str) and _LOGIN.fullmatch(value) and not _LIKE_A_TOKEN.match(value):
            return value
    return None
