"""The interface through which the parts of the Engine's client call the low-level API, errors translated.

Only tasks.docker sees it. Pure: tasks.docker.client is the one that connects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, Protocol, TypeVar

from db.states import ErrorCode

T = TypeVar("T")
NOT_FOUND, CONFLICT = 404, 409
GONE = (NOT_FOUND,)
GONE_OR_GOING = (NOT_FOUND, CONFLICT)  # Docker answers 409 while a removal is in progress


class StreamFailed(Exception):  # noqa: N818
    """An error reported inside the stream of a pull or a build."""


class Stream(Protocol):
    """A streamed response of the Engine: one message after the other, until it is closed."""

    def __next__(self) -> dict[str, Any]: ...
    def close(self) -> None: ...


class Duplex(Protocol):
    """A connection on which both ends send when they like. Closing it ends a wait for bytes, in any thread."""

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...  # empty at the end
    def close(self) -> None: ...


class Caller(Protocol):
    """Sends requests to the Engine. `what` names one in the log. All raise Failure: `code`, where the Engine refused;
    engine_unreachable, where it did not answer; with `registry`, the error of that registry."""

    def ask(
        self, what: str, question: Callable[[Any], T], code: ErrorCode = ErrorCode.INTERNAL, *, registry: bool = False
    ) -> T:
        """Return what the API answers."""
        ...

    def ask_unless(
        self, statuses: tuple[int, ...], what: str, question: Callable[[Any], T], code: ErrorCode = ErrorCode.INTERNAL
    ) -> T | None:
        """Return what the API answers; None where it refuses with one of these HTTP statuses."""
        ...

    def guard(self, what: str, action: Callable[[], T], code: ErrorCode) -> T:
        """Return the result of an action that already reads from the Engine."""
        ...

    def post(self, what: str, path: str, body: IO[bytes], params: dict[str, Any], headers: dict[str, str]) -> Stream:
        """Send a body; return the streamed response, which may stay silent for any length of time. What the Engine
        refuses is its only message: {"error", "refused": True}."""
        ...

    def upgrade(self, what: str, path: str, protocol: str, headers: dict[str, str], code: ErrorCode) -> Duplex:
        """Turn a request into a connection that speaks another protocol. `code`: where the Engine refuses."""
        ...


class Messages:
    """The messages of a stream, to be read in one thread and closed in any. Reading raises Failure."""

    def __init__(self, caller: Caller, what: str, stream: Stream, code: ErrorCode) -> None:
        self._caller, self._what, self._stream, self._code = caller, what, stream, code

    def next(self) -> dict[str, Any] | None:
        """Wait for the next message; None at the end."""
        return self._caller.guard(self._what, lambda: next(self._stream, None), self._code)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (message := self.next()) is not None:
            yield message

    def close(self) -> None:
        """Close the stream; this cancels an unfinished build."""
        self._stream.close()


def labelled(labels: dict[str, str]) -> dict[str, list[str]]:
    """Return the Engine's filter for objects with all of these labels; an empty value matches any. Pure."""
    return {"label": [f"{key}={value}" if value else key for key, value in labels.items()]}
