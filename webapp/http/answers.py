"""JSON responses by orjson: never translated, and never cached unless they carry an ETag for revalidation."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from flask import Response, request
from pydantic import BaseModel


def json_answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with `data`, which may contain shapes, as JSON. NaN becomes null."""
    body = orjson.dumps(data, _fields, orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, mimetype="application/json")


def unchanged_or_json(data: Any) -> Response:
    """Return the same with a weak ETag, or 304 without a body to a client that already has these data."""
    answer = json_answer(data)
    answer.set_etag(hashlib.blake2b(answer.get_data(), digest_size=12).hexdigest(), weak=True)
    # A browser may keep it, but must revalidate it each time.
    answer.headers["Cache-Control"] = "private, no-cache"
    if "If-None-Match" in request.headers:
        answer.make_conditional(request)
    return answer


def nothing() -> Response:
    """Return 204."""
    return Response(status=204)


def _fields(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True)
    raise TypeError(f"{type(value).__name__} has no place in an answer")
