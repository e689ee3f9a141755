"""gzip for pages, JSON and static files, if the client accepts it: half a megabyte of chart shrinks to a third.

Streams and refusals stay uncompressed. A static file is compressed once.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Flask, Response, request

LEVEL = 6
SMALLEST = 1000
KINDS = frozenset({"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json", "text/csv"})


def install(app: Flask) -> None:
    """Compress responses after all other processing."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Return the response, compressed when allowed and worth it."""
    is_one = response.mimetype in KINDS and response.status_code in {200, 304}
    if not is_one or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 304 or request.method == "HEAD" or "Range" in request.headers:
        return response
    if "Accept-Encoding" not in request.headers or not request.accept_encodings["gzip"]:
        return response
    is_static = request.endpoint == "static"
    response.direct_passthrough = False
    plain = response.get_data()
    if len(plain) >= SMALLEST:
        response.set_data(_once(plain) if is_static else gzip.compress(plain, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
        if (tag := response.get_etag()[0]) is not None:
            response.set_etag(tag, weak=True)  # different bytes, same content
    return response


@lru_cache(maxsize=64)
def _once(plain: bytes) -> bytes:
    return gzip.compress(plain, 9, mtime=0)
