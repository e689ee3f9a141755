"""The error code for a registry's refusal, received through the Docker Engine. Pure.

The Engine wraps most refusals into a 500 and has no separate field for the cause, so its message has to be parsed here,
and only here. Nothing of it goes further than the code.
"""

from __future__ import annotations

from db.states import ErrorCode

_DENIED = ("unauthorized", "authentication required", "no basic auth credentials", "denied", "forbidden")
_ABSENT = ("manifest unknown", "blob unknown", "unknown blob", "not found")


def error_code_for(status: int | None, words: str) -> ErrorCode:
    """Return the code for a response. `status` is the Engine's HTTP status, None for an error inside a stream."""
    words = words.lower()
    if status in {401, 403} or any(word in words for word in _DENIED):
        return ErrorCode.AUTH_REQUIRED
    if status == 404 or any(word in words for word in _ABSENT):
        return ErrorCode.REFERENCE_NOT_FOUND
    return ErrorCode.INVALID_SOURCE if status == 400 else ErrorCode.SOURCE_UNAVAILABLE
