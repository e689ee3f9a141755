"""What came with a request, checked: query arguments, JSON bodies, the Idempotency-Key. Refusals never echo a value."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import orjson
from flask import request

from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from tasks.invalid_spec import InvalidSpec, shown_key
from webapp.http.problems import Problem

LARGEST = 2**31 - 1  # what an INTEGER column of PostgreSQL holds
LONGEST_KEY = 255


def integer(name: str, default: int | None, low: int, high: int) -> int | None:
    """A whole number of the query within low..high. Raises Problem(bad_request)."""
    text = request.args.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    if value is None or not low <= value <= high:
        raise Problem(RefusalCode.BAD_REQUEST, f"{name}: must be a whole number from {low} to {high}")
    return value


def choice(name: str, kind: type[StrEnum]) -> str | None:
    """One of the values of an enumeration, from the query. Raises Problem(bad_request)."""
    text = request.args.get(name)
    if text is not None and text not in list(kind):
        raise Problem(RefusalCode.BAD_REQUEST, f"{name}: must be one of {', '.join(kind)}")
    return text


def json_body(*, optional: bool = False) -> dict[str, Any]:
    """The JSON object of the body, {} when there is none and that is fine. Raises Problem(bad_request and others)."""
    raw = request.get_data()
    if optional and not raw:
        return {}
    if not request.is_json:
        raise Problem(RefusalCode.UNSUPPORTED_MEDIA_TYPE)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise Problem(RefusalCode.BAD_REQUEST, "The body must be a JSON object.")
    return data


def only_keys(data: dict[str, Any], known: set[str]) -> None:
    """Refuse a body that has other keys. Raises InvalidSpec naming one."""
    for key in data.keys() - known:
        raise InvalidSpec(shown_key(key), KeyProblem.UNKNOWN_KEY)


def optional_text(data: dict[str, Any], key: str, longest: int) -> str | None:
    """A text of a body, None when it is absent or null. Raises InvalidSpec."""
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidSpec(key, KeyProblem.NOT_TEXT)
    if not value:
        raise InvalidSpec(key, KeyProblem.EMPTY)
    if len(value) > longest:
        raise InvalidSpec(key, KeyProblem.TOO_LONG, limit=longest)
    if "\0" in value:
        raise InvalidSpec(key, KeyProblem.NOT_ONE_LINE)
    return value


def text(data: dict[str, Any], key: str, longest: int) -> str:
    """A text that must be there. Raises InvalidSpec."""
    value = optional_text(data, key, longest)
    if value is None:
        raise InvalidSpec(key, KeyProblem.REQUIRED)
    return value


def optional_version(data: dict[str, Any], key: str) -> int | None:
    """A version number of a body, None when it is absent or null. Raises Problem(bad_request)."""
    value = data.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON knows one kind of number: 3.0 is 3
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Problem(RefusalCode.BAD_REQUEST, f"{key}: must be a whole number")
    if value is not None and abs(value) > LARGEST:
        raise Problem(RefusalCode.NO_SUCH_VERSION if key == "version" else RefusalCode.LIVE_CHANGED)
    return value


def idempotency_key() -> str | None:
    """The Idempotency-Key header as a hash: what it is, and whether it is secret, is none of the ledger's business.

    Raises Problem(bad_request).
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise Problem(RefusalCode.BAD_REQUEST, f"Idempotency-Key: must have 1 to {LONGEST_KEY} printable characters")
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()
