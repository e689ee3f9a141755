"""A webhook's payload, whatever its sender, and how the sender authenticates. Pure.

Everything in a payload is untrusted: it is measured, cleaned, and used only as a value to compare.
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
# User names on these services: short, and nothing that looks like a token fits the pattern.
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+\[\] -]{0,36}[A-Za-z0-9_\]])?")
_LIKE_A_TOKEN = re.compile(r"(?i)^(gh[a-z]_|github_pat_|gl[a-z]{1,5}-|bs[th]_|xox[a-z]-|sk-|akia|eyj)")
_HEX = re.compile(r"[0-9a-f]{7,64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ZEROS = re.compile(r"0+")
# The words that GitHub and GitLab know; the message is untrusted and may be long.
_SKIP = re.compile(r"\[(?:skip ci|ci skip|no ci)\]", re.IGNORECASE)


class Unreadable(Exception):  # noqa: N818 - it names what happened
    """An authenticated request whose body is not in its sender's format."""


@dataclass(frozen=True)
class Delivery:
    """One event. `event` is push, ping or other; unknown fields are None.

    `id` distinguishes it from every other one of its sender. A push names branch or tag (or both, when the sender did
    not say which of the two it is), and its new value: `commit` or `digest`. `repository` is a path without host,
    `default_branch` a branch of it.
    """

    event: str
    id: str | None = None
    branch: str | None = None
    tag: str | None = None
    deleted: bool = False
    skipped: bool = False  # the message of its newest commit asks for no deploy
    commit: str | None = None
    digest: str | None = None
    repository: str | None = None
    host: str | None = None
    default_branch: str | None = None
    actor: str | None = None
    files: frozenset[str] | None = None  # that the push changes; None: the sender does not say, or not for sure


class Headers(Protocol):
    """The headers of a request, found whatever the case of their names."""

    def get(self, key: str, /) -> str | None:
        """Return the value, None when there is none."""
        ...


class Provider(Protocol):
    """A kind of sender."""

    name: str
    # The key that a workload's source needs for this to be of use: `url`, `image`; None: any.
    needs: str | None
    # Whether it can send nothing but an address, so that the secret is a part of that.
    secret_in_address: bool

    def is_genuine(self, headers: Headers, body: bytes, secret: str) -> bool:
        """Return whether the sender knows the secret, in constant time."""
        ...

    def read(self, headers: Headers, body: bytes) -> list[Delivery]:
        """Return the events, oldest first. Raises Unreadable."""
        ...


def is_signed(given: str | None, body: bytes, secret: str, prefix: str = "") -> bool:
    """Return whether `given` is the hex HMAC SHA-256 of the body under the secret, prefixed with `prefix`."""
    right = prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return same(given, right)


def same(given: str | None, right: str) -> bool:
    """Return whether two texts are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest((given or "").strip().encode(errors="replace"), right.encode())


def is_authorized(header: str | None, secret: str) -> bool:
    """Return whether an Authorization header has the secret: as bearer token, as password of Basic, or as it is."""
    scheme, _, value = (header or "").strip().partition(" ")
    candidate = value.strip()
    if scheme.lower() == "basic":
        try:
            candidate = base64.b64decode(candidate, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            candidate = ""
    return same(candidate, secret) | same(header, secret)


def as_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises Unreadable."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise Unreadable
    return data


def at(data: Any, *path: str) -> Any:
    """Return the value at a path of keys, None when there is nothing."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def text(value: Any, longest: int = LONGEST_REF) -> str | None:
    """Return a text that is short, printable and without spaces around it, or None."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or not value.isprintable():
        return None
    return value.strip() or None


def commit_of(value: Any) -> str | None:
    """Return a commit, unless it is the null one."""
    return value if isinstance(value, str) and _HEX.fullmatch(value) and not _ZEROS.fullmatch(value) else None


def asks_to_skip(message: Any) -> bool:
    """Return whether the message of a commit has [skip ci], [ci skip] or [no ci]."""
    return isinstance(message, str) and _SKIP.search(message) is not None


def digest_of(value: Any) -> str | None:
    """Return a digest."""
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else None


def first_login(*values: Any) -> str | None:
    """Return the first valid user name. Anything longer, or beginning as a token does, is not one."""
    for value in values:
        if isinstance(value, str) and _LOGIN.fullmatch(value) and not _LIKE_A_TOKEN.match(value):
            return value
    return None
