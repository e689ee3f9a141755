"""The error code for a registry's refusal, received through the Docker Engine. Pure.

The Engine wraps most refusals into a 500 and has no separate field for the cause, so its message has to be parsed here,
and only here. Nothing of it goes further than the code and the kind.
"""

from __future__ import annotations

import re

from db.states import ErrorCode

# The kind of a failure for which no server was reached: it says nothing about the image.
NOT_CONNECTED = "not connected"

# What quotes others (an address, a body) or names the image: words in there are no words of the Engine.
_QUOTED = re.compile(r'"[^"]*"|https?://\S+|manifest for \S+')
_LIMITED = ("toomanyrequests", "too many requests", "http 429 response")
_DENIED = ("unauthorized", "authentication required", "no basic auth credentials", "denied", "forbidden")
_DENIED_BY_A_PROXY = ("http 401 response", "http 403 response")
_ABSENT = ("manifest unknown", "name unknown", "blob unknown", "unknown blob", "not found")
_CONNECTING = re.compile(
    r"(failed to resolve reference \S+: failed to do request: )?(get|head) \S+: "
    r"((proxyconnect tcp: )?dial |net/http: request canceled while waiting for connection)",
    re.IGNORECASE,
)


def error_code_for(status: int | None, words: str) -> ErrorCode:
    """Return the code for a response. `status` is the Engine's HTTP status, None for an error inside a stream."""
    words = _QUOTED.sub("", words.lower())
    if status == 429 or any(word in words for word in _LIMITED):
        return ErrorCode.REGISTRY_RATE_LIMITED
    if status in {401, 403} or any(word in words for word in (*_DENIED, *_DENIED_BY_A_PROXY)):
        return ErrorCode.AUTH_REQUIRED
    if status == 404 or any(word in words for word in _ABSENT):
        return ErrorCode.REFERENCE_NOT_FOUND
    return ErrorCode.INVALID_SOURCE if status == 400 else ErrorCode.SOURCE_UNAVAILABLE


def failed_to_connect(words: str) -> bool:
    """Return whether no connection to a registry came about: an unknown name, a closed port, no route.

    Anchored at the start, where only the Engine writes.
    """
    return _CONNECTING.match(words) is not None
