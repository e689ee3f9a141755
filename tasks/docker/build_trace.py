"""The progress of a BuildKit build: what its messages (moby.buildkit.v1.StatusResponse) say. Pure.

Reads the fields that a log needs and skips the others, which newer Engines add. Draws no conclusions:
tasks.images.build_progress makes the log of it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.docker.protobuf import Value, fields

ID = "moby.buildkit.trace"  # of the Engine's messages that carry one
LARGEST = 16 * 1024 * 1024  # bytes; gRPC lets no message of BuildKit be larger
_STEP, _STATUS, _OUTPUT, _WARNING = 1, 2, 3, 4


@dataclass(frozen=True)
class Step:
    """A step (vertex) as it is now. Times are in seconds since the epoch; `digest` names the step."""

    digest: str
    name: str = ""
    cached: bool = False
    started: float | None = None
    completed: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Detail:
    """A part of a step that is done, such as a layer that was fetched."""

    step: str
    name: str


@dataclass(frozen=True)
class Output:
    """Bytes that a step wrote, to either stream; a piece may end anywhere."""

    step: str
    text: bytes


@dataclass(frozen=True)
class Warned:
    """What the builder dislikes in the Dockerfile."""

    step: str
    text: str


Event = Step | Detail | Output | Warned


def events(aux: object) -> list[Event]:
    """Return the events of one message, given in base64. Raises ValueError where it is none."""
    if not isinstance(aux, str) or len(aux) > LARGEST * 4 // 3 + 4:
        raise ValueError("size")
    try:
        message = base64.b64decode(aux, validate=True)
    except binascii.Error:
        message = None
    if message is None:
        raise ValueError("base64")
    return [event for number, value in fields(message) for event in _event(number, value)]


def _event(number: int, value: Value) -> Iterator[Event]:
    if number not in (_STEP, _STATUS, _OUTPUT, _WARNING):
        return
    found: dict[int, Value] = dict(fields(_bytes(value)))
    if number == _STEP:
        times = {key: _seconds(found[key]) for key in (5, 6) if key in found}
        yield Step(_text(found, 1), _text(found, 3), bool(found.get(4)), times.get(5), times.get(6), _text(found, 7))
    elif number == _STATUS and 8 in found:
        yield Detail(_text(found, 2), _text(found, 1))
    elif number == _OUTPUT:
        yield Output(_text(found, 1), _bytes(found.get(4, b"")))
    elif number == _WARNING:
        yield Warned(_text(found, 1), _text(found, 3))


def _seconds(timestamp: Value) -> float:
    found = dict(fields(_bytes(timestamp)))
    seconds, nanoseconds = found.get(1, 0), found.get(2, 0)
    if isinstance(seconds, bytes) or isinstance(nanoseconds, bytes):
        raise ValueError("timestamp")
    return seconds + nanoseconds / 1e9


def _text(found: dict[int, Value], number: int) -> str:
    return _bytes(found.get(number, b"")).decode(errors="replace")


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise ValueError("wire type")
    return value
