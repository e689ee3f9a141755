"""JSON out: orjson, never translated, never cached, but for what says by its ETag that it did not change."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from flask import Response, request


def json_answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with `data` as JSON. NaN becomes null."""
    return Response(orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY), status, headers, mimetype="application/json")


def unchanged_or_json(data: Any) -> Response:
    """The same with a weak ETag, and 304 without a body for who has these very data already."""
    answer = json_answer(data)
    answer.set_etag(hashlib.blake2b(answer.get_data(), digest_size=12).hexdigest(), weak=True)
    # A browser may keep it, and has to ask each time whether it is still the same.
    answer.headers["Cache-Control"] = "private, no-cache"
    if "If-None-Match" in request.headers:
        answer.make_conditional(request)
    return answer


def nothing() -> Response:
    """204."""
    return Response(status=204)
