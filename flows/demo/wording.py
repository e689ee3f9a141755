"""The explanation by `make demo` of a deploy that ended unexpectedly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.messages.errors import ERRORS
from db.states import ErrorCode, Status


def unexpected_end(row: Mapping[str, Any], wanted: str) -> str | None:
    """Return why a finished row is not as wanted: the cause, for a person to read; None when it is."""
    if row["status"] == wanted:
        return None
    version = f"v{row['version']}"
    if row["status"] == Status.SUCCEEDED:
        return f"{version} succeeded, though it was made to fail"
    ended = "failed" if row["status"] == Status.FAILED else f"ended as {row['status']}"
    return f"{version} {ended}: {ERRORS[ErrorCode(row['error_code'])]} ({row['error_code']})"
