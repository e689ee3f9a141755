"""The session of a build, against a client of HTTP/2 as the Engine is one: what it is told, and what it is not."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamReset, TrailersReceived
from hypothesis import given
from hypothesis import strategies as some

from tasks.credentials import Credentials
from tasks.docker.build_session import HEALTH, LARGEST_REQUEST, LOGIN, SECRET, BuildSession
from tasks.docker.protobuf import field

LOGINS = {"registry.example": Credentials("puller", "pa55")}
SECRETS = {"token": b"s3cret", "large": b"x" * 400_000}


class Engine:
    """The other end, in one thread and without a socket."""

    def __init__(self) -> None:
        self.session = BuildSession(LOGINS, SECRETS)
        self.http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.http.initiate_connection()
        self.events = self.http.receive_data(self.session.greeting())

    def ask(self, method: str, body: bytes, *, framed: bool = True, chunks: int = 1) -> tuple[str | None, bytes]:
        """Call a method; answers the status of gRPC and the message. None: the stream was reset."""
        stream = self.http.get_next_available_stream_id()
        sent = (b"\0" + struct.pack(">I", len(body)) if framed else b"") + body
        names = {":method": "POST", ":path": method, ":scheme": "http", ":authority": "localhost"}
        self.http.send_headers(stream, [*names.items(), ("content-type", "application/grpc"), ("te", "trailers")])
        for number in range(chunks):
            self.http.send_data(stream, sent, end_stream=number == chunks - 1)
            self.talk()
        status: str | None = None
        answer = b""
        for event in self.events:
            if isinstance(event, ResponseReceived | TrailersReceived) and event.stream_id == stream:
                status = dict(event.headers).get("grpc-status", status)
            elif isinstance(event, DataReceived) and event.stream_id == stream:
                answer += event.data
            elif isinstance(event, StreamReset):
                return None, b""
        return status, answer[5:]

    def talk(self) -> None:
        """Pass bytes to and fro until neither has any."""
        while out := self.http.data_to_send():
            found = self.http.receive_data(self.session.receive(out))
            self.events += found
            for event in found:
                if isinstance(event, DataReceived):
                    self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)


def test_a_secret_is_handed_out_by_its_name_alone() -> None:
    engine = Engine()
    assert engine.ask(HEALTH, b"") == ("0", field(1, 1))
    assert engine.ask(SECRET, field(1, b"token") + field(2, b"annotation")) == ("0", field(1, b"s3cret"))
    assert engine.ask(SECRET, field(1, b"other")) == ("5", b"")
    assert engine.ask(SECRET, b"") == ("5", b"")


def test_a_secret_larger_than_the_engine_has_room_for_comes_in_pieces() -> None:
    status, answer = Engine().ask(SECRET, field(1, b"large"))
    assert (status, answer) == ("0", field(1, SECRETS["large"]))


def test_a_login_goes_to_its_own_registry_and_another_gets_an_empty_one() -> None:
    engine = Engine()
    assert engine.ask(LOGIN, field(1, b"registry.example")) == ("0", field(1, b"puller") + field(2, b"pa55"))
    for other in (b"other.example", b"registry.example.other", b""):
        assert engine.ask(LOGIN, field(1, other)) == ("0", b"")


@pytest.mark.parametrize(
    "method", ["/moby.filesync.v1.FileSync/DiffCopy", "/moby.sshforward.v1.SSH/ForwardAgent", "", "/x"]
)
def test_nothing_else_is_served(method: str) -> None:
    assert Engine().ask(method or "/", b"") == ("12", b"")


@pytest.mark.parametrize(
    "body", [b"", b"\x01\0\0\0\0", b"\0\0\0\0\x05ab", b"\0\0\0\0\x02\x08\x01", b"\0\0\0\0\x03\x0a\x01\xff"]
)
def test_a_request_that_is_no_message_is_refused(body: bytes) -> None:
    assert Engine().ask(SECRET, body, framed=False) == ("3", b"")


def test_a_request_without_an_end_is_cut_off() -> None:
    piece = b"x" * 16_000
    assert Engine().ask(SECRET, piece, chunks=LARGEST_REQUEST // 16_000 + 1) == (None, b"")


def test_no_repr_shows_what_it_holds() -> None:
    assert "s3cret" not in repr(BuildSession(LOGINS, SECRETS))


@given(some.lists(some.binary(max_size=200), max_size=5), some.booleans())
def test_any_bytes_are_answered_or_end_the_session(pieces: list[bytes], greets: bool) -> None:
    session = BuildSession(LOGINS, SECRETS)
    session.greeting()
    with suppress(ValueError):
        if greets:
            session.receive(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        for piece in pieces:
            assert b"s3cret" not in session.receive(piece)
