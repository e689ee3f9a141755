"""A BuildKit session: what the Engine may ask for during a build, namely registry logins and build secrets. Pure.

A gRPC server of three methods, over the connection that `POST /session` turns into HTTP/2. The Engine calls, and gets
a secret only by the name that the Dockerfile mounts it by. Without sockets and threads: takes the bytes that came in,
returns those to send. See docs/decisions/0021-builds-by-buildkit.md.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import H2Error

from tasks.credentials import Credentials
from tasks.docker.protobuf import field, fields

HEALTH: Final = "/grpc.health.v1.Health/Check"
LOGIN: Final = "/moby.filesync.v1.Auth/Credentials"
SECRET: Final = "/moby.buildkit.secrets.v1.Secrets/GetSecret"  # noqa: S105 - the name of a method
LARGEST_REQUEST = 64 * 1024
_OK, _INVALID, _NOT_FOUND, _UNIMPLEMENTED = 0, 3, 5, 12  # of gRPC
_SERVING = field(1, 1)
_PREFIX = struct.Struct(">?I")  # of a message: whether it is compressed, and its length

Answer = tuple[int, bytes]


class BuildSession:
    """One session: registry host -> login, name -> secret. Deliberately not a dataclass: its repr would show them."""

    def __init__(self, logins: Mapping[str, Credentials], secrets: Mapping[str, bytes]) -> None:
        self._logins, self._secrets = logins, secrets
        self._http = H2Connection(H2Configuration(client_side=False))
        self._methods: dict[int, str] = {}
        self._requests: dict[int, bytearray] = {}
        self._waiting: dict[int, bytes] = {}  # rests of answers that the Engine has not made room for
        self._answers: Mapping[str, Callable[[bytes], Answer]] = {
            HEALTH: lambda _: (_OK, _SERVING),
            LOGIN: self._login,
            SECRET: self._secret,
        }

    def greeting(self) -> bytes:
        """Return what to send first."""
        self._http.initiate_connection()
        return self._http.data_to_send()

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the Engine; return those to send. Raises ValueError where they are no HTTP/2."""
        try:
            for event in self._http.receive_data(data):
                self._take(event)
            for stream in list(self._waiting):
                self._send(stream)
            return self._http.data_to_send()
        except H2Error as error:
            kind = type(error).__name__
        raise ValueError(kind)

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._methods[event.stream_id] = dict(event.headers).get(b":path", b"").decode(errors="replace")
            self._requests[event.stream_id] = bytearray()
        elif isinstance(event, DataReceived):
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            request = self._requests.get(event.stream_id)
            if request is None:
                return
            request += event.data
            if len(request) > LARGEST_REQUEST:
                self._http.reset_stream(event.stream_id, ErrorCodes.ENHANCE_YOUR_CALM)
                self._forget(event.stream_id)
        elif isinstance(event, StreamEnded) and event.stream_id in self._methods:
            self._answer(event.stream_id)
        elif isinstance(event, StreamReset):
            self._forget(event.stream_id)

    def _forget(self, stream: int) -> None:
        for kept in (self._methods, self._requests, self._waiting):
            kept.pop(stream, None)

    def _answer(self, stream: int) -> None:
        method, request = self._methods.pop(stream), bytes(self._requests.pop(stream))
        status, answer = _answered(self._answers.get(method), request)
        headers = [(":status", "200"), ("content-type", "application/grpc")]
        if status != _OK:
            self._http.send_headers(stream, [*headers, ("grpc-status", str(status))], end_stream=True)
            return
        self._http.send_headers(stream, headers)
        self._waiting[stream] = _PREFIX.pack(False, len(answer)) + answer
        self._send(stream)

    def _send(self, stream: int) -> None:
        rest = self._waiting[stream]
        while rest and (room := self._http.local_flow_control_window(stream)) > 0:
            piece = rest[: min(room, self._http.max_outbound_frame_size)]
            self._http.send_data(stream, piece)
            rest = rest[len(piece) :]
        self._waiting[stream] = rest
        if not rest:
            del self._waiting[stream]
            self._http.send_headers(stream, [("grpc-status", str(_OK))], end_stream=True)

    def _login(self, request: bytes) -> Answer:
        """Return the login of a registry; an empty one, where none is stored, makes the Engine ask without."""
        known = self._logins.get(_named(request))
        return _OK, field(1, known.username.encode()) + field(2, known.password.encode()) if known else b""

    def _secret(self, request: bytes) -> Answer:
        value = self._secrets.get(_named(request))
        return (_NOT_FOUND, b"") if value is None else (_OK, field(1, value))


def _answered(method: Callable[[bytes], Answer] | None, request: bytes) -> Answer:
    if method is None:
        return _UNIMPLEMENTED, b""
    try:
        compressed, length = _PREFIX.unpack_from(request)
        if compressed or length != len(request) - _PREFIX.size:
            return _INVALID, b""
        return method(request[_PREFIX.size :])
    except (ValueError, struct.error):
        return _INVALID, b""


def _named(request: bytes) -> str:
    """Return the host or the name of a secret: in both requests the first field. Raises ValueError."""
    name = dict(fields(request)).get(1, b"")
    if isinstance(name, int):
        raise ValueError("wire type")
    return name.decode()
