"""The only exception that leaves tasks: a code of the closed list, without foreign text. Pure.

An exception raised inside `except` carries the caught one, with its text, as its context. `translated` and `attempt`
leave the block first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from db.states import ErrorCode

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class Failure(Exception):  # noqa: N818 - it names what happened
    """A step that failed.

    `code` is for the ledger and for people, `kind` names the exception type behind it, for the fingerprint. No foreign
    exception may travel along as its context: raise it outside `except`, with `translated` or `attempt`.
    """

    def __init__(self, code: ErrorCode, kind: str = "", *, verified: bool | None = None) -> None:
        super().__init__(str(code))
        self.code, self.kind, self.verified = code, kind, verified


def attempt(action: Callable[[], T], *kinds: type[E]) -> T | E:
    """Return what an action returns, or the exception of these kinds that it raises. Others pass through."""
    try:
        return action()
    except kinds as error:
        return error


def translated(action: Callable[[], T], *kinds: type[Exception], into: Exception) -> T:
    """Return what an action returns; raise `into` instead of an exception of these kinds."""
    try:
        return action()
    except kinds:
        pass
    raise into
