"""Imported by sitecustomize: requests to Prefect that this process makes are refused, as a busy or dying server does.

The file beside the point, `<point>.refuse`, has a line a rule: `<status> <times> <regular expression>`, the expression
over `METHOD /path`. Status 0 breaks the connection. What was refused is written to `<point>.refused`, a line each.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

_used: Counter[str] = Counter()


def install(point: Path) -> None:
    """From now on the requests of httpx in this process go by the rules."""
    rules, log = point.with_suffix(".refuse"), point.with_suffix(".refused")
    sync, asynchronous = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        return _refuse(rules, log, request) or sync(self, request)

    async def handle_async(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return _refuse(rules, log, request) or await asynchronous(self, request)

    httpx.HTTPTransport.handle_request = handle  # type: ignore[method-assign]
    httpx.AsyncHTTPTransport.handle_async_request = handle_async  # type: ignore[method-assign]


def unless_refused(point: Path, path: str, error: Exception, connect: Callable[..., Any]) -> Callable[..., Any]:
    """`connect` of a websocket, which fails with `error` while there is a rule for `WEBSOCKET <path>`."""

    async def call(*args: Any, **kwargs: Any) -> Any:
        request = httpx.Request("WEBSOCKET", f"ws://prefect{path}")
        if _refuse(point.with_suffix(".refuse"), point.with_suffix(".refused"), request) is not None:
            raise error
        return await connect(*args, **kwargs)

    return call


def _refuse(rules: Path, log: Path, request: httpx.Request) -> httpx.Response | None:
    try:
        lines = rules.read_text().splitlines()
    except FileNotFoundError:
        return None
    asked = f"{request.method} {request.url.path}"
    for line in lines:
        status, times, pattern = line.split(" ", 2)
        if _used[line] < int(times) and re.search(pattern, asked):
            _used[line] += 1
            with log.open("a") as written:
                written.write(f"{asked}\n")
            if status == "0":
                raise httpx.ConnectError("refused by a test", request=request)
            return httpx.Response(int(status), json={"exception_message": "Service Unavailable"}, request=request)
    return None
