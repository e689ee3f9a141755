"""JSON out: orjson, never translated, never cached."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response


def json_answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with `data` as JSON. NaN becomes null."""
    return Response(orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY), status, headers, mimetype="application/json")


def nothing() -> Response:
    """204."""
    return Response(status=204)
