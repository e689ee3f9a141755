"""The one exception that crosses out of tasks: a code of the closed list, and no text of anybody else. Pure."""

from __future__ import annotations

from db.states import ErrorCode


class Failure(Exception):  # noqa: N818 - it names what happened
    """A step that did not work.

    `code` is for the ledger and for people, `kind` names the exception type that was behind it, for the fingerprint.
    Raise it after the `except` block has been left, so that no foreign exception travels along as its context.
    """

    def __init__(self, code: ErrorCode, kind: str = "", *, verified: bool | None = None) -> None:
        super().__init__(str(code))
        self.code, self.kind, self.verified = code, kind, verified
