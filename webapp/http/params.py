"""Validated parts of a request: query arguments, JSON bodies, the Idempotency-Key. Refusals never echo a value."""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Any, TypeVar

import orjson
from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags

from db.messages.refusals import RefusalCode
from tasks.sources.invalid_spec import refusal_of
from webapp.http.problems import Problem

LONGEST_KEY = 255
ETAGS = r"^[!-~]+( [!-~]+)*$"  # a tag without its quotes is one that nothing has
_ETAGS = re.compile(ETAGS)
Model = TypeVar("Model", bound=BaseModel)


def integer(name: str, default: int | None, low: int, high: int) -> int | None:
    """Return an integer of the query within low..high. Raises Problem(bad_request)."""
    text = request.args.get(name)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None
    if value is None or not low <= value <= high:
        raise Problem(RefusalCode.BAD_REQUEST, f"{name}: must be a whole number from {low} to {high}")
    return value


def choice(name: str, kind: type[StrEnum]) -> str | None:
    """Return a value of an enumeration from the query. Raises Problem(bad_request)."""
    text = request.args.get(name)
    if text is not None and text not in list(kind):
        raise Problem(RefusalCode.BAD_REQUEST, f"{name}: must be one of {', '.join(kind)}")
    return text


def json_body(*, optional: bool = False) -> dict[str, Any]:
    """Return the JSON object of the body, {} if an absent body is allowed. Raises Problem(bad_request and others)."""
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


def body(shape: type[Model], *, optional: bool = False) -> Model:
    """Return the JSON body as its shape. Raises InvalidSpec naming a key, Problem(bad_request and others)."""
    return checked(shape, json_body(optional=optional))


def checked(shape: type[Model], data: dict[str, Any]) -> Model:
    """Return data from a request or a form as its shape. Raises InvalidSpec naming the key."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        refusal = refusal_of(error)
    raise refusal


def etags(header: str) -> ETags | None:
    """Return the ETags of If-Match or If-None-Match, None without the header. Raises Problem(bad_request)."""
    text = request.headers.get(header)
    if text is None:
        return None
    if not _ETAGS.fullmatch(text):
        raise Problem(RefusalCode.BAD_REQUEST, f"{header}: must be * or the ETag of an answer")
    return parse_etags(text)


def idempotency_key() -> str | None:
    """Return the Idempotency-Key header as a hash: its value may be secret and is kept out of the ledger.

    Raises Problem(bad_request).
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise Problem(RefusalCode.BAD_REQUEST, f"Idempotency-Key: must have 1 to {LONGEST_KEY} printable characters")
    return None if key is None else hashlib.sha256(key.encode()).hexdigest()
