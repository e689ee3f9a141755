"""An app that does nothing: what HTTP costs by itself, from the same server to the same client."""

from __future__ import annotations

from functools import cache

from flask import Flask, Response

app = Flask(__name__)


@app.get("/healthz")
def healthz() -> Response:
    """200."""
    return Response()


@app.get("/constant/<int:size>")
def constant(size: int) -> Response:
    """The same bytes each time, so many of them."""
    return Response(_bytes(size), mimetype="application/json")


@cache
def _bytes(size: int) -> bytes:
    return b"1" * size
