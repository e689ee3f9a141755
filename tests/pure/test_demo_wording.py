"""What `make demo` says when a deploy of its story ends otherwise than told."""

from __future__ import annotations

from typing import Any

import pytest

from db.messages.errors import ERRORS
from db.states import ErrorCode
from flows.demo.wording import unexpected_end


@pytest.mark.parametrize(
    ("status", "code", "wanted", "words"),
    [
        ("failed", "start_failed", "succeeded", f"v1 failed: {ERRORS[ErrorCode.START_FAILED]} (start_failed)"),
        ("failed", "host_not_ready", "succeeded", f"v1 failed: {ERRORS[ErrorCode.HOST_NOT_READY]} (host_not_ready)"),
        (
            "interrupted",
            "interrupted",
            "failed",
            f"v1 ended as interrupted: {ERRORS[ErrorCode.INTERRUPTED]} (interrupted)",
        ),
        ("succeeded", None, "failed", "v1 succeeded, though it was made to fail"),
        ("succeeded", None, "succeeded", None),
        ("failed", "health_timeout", "failed", None),
    ],
)
def test_the_cause_is_told_and_not_what_was_hoped_for(
    status: str, code: str | None, wanted: str, words: str | None
) -> None:
    row: dict[str, Any] = {"version": 1, "status": status, "error_code": code}
    assert unexpected_end(row, wanted) == words
