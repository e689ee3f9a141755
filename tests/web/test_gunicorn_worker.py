"""The web server itself, gunicorn with our worker: connections that are kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from db.migrate import upgrade
from db.settings import Settings, load_settings
from flows.supervisor.programs import WEB_THREADS, answers, client_env, gunicorn
from tasks.context import Context
from tests.real_parts import free_port, running

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a web process over an empty ledger."""
    for key, value in {"HOME": tmp_path / "home", "WEB_PORT": free_port()}.items():
        monkeypatch.setenv(f"BACKSTAY_{key}", str(value))
    settings = migrated(load_settings())
    environment = client_env(settings, {})

    def ready() -> bool:
        return answers("127.0.0.1", settings.web_port, "/healthz")

    with running(gunicorn(settings), log=tmp_path / "web.log", ready=ready, environment=environment):
        yield settings.web_port


def migrated(settings: Settings) -> Settings:
    """The same, with a ledger behind them."""
    context = Context.open(settings, "web", quiet=True)
    upgrade(context.database)
    context.close()
    return settings


def connected(port: int) -> tuple[socket.socket, BufferedReader]:
    """A connection, and what comes over it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    return connection, connection.makefile("rb")


def answer(stream: BufferedReader) -> bytes:
    """The status line of the next answer, which has been read to its end."""
    status, length = stream.readline(), 0
    while (line := stream.readline().lower()) not in (b"\r\n", b""):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    stream.read(length)
    return status


def test_more_kept_connections_than_threads_are_answered_again_and_again_and_may_go_away(port: int) -> None:
    kept = [connected(port) for _ in range(WEB_THREADS + 8)]
    for rounds in range(3):
        for connection, _ in kept:
            connection.sendall(REQUEST)
        assert {answer(stream) for _, stream in kept} == {b"HTTP/1.1 200 OK\r\n"}
        for connection, stream in kept[-10 * rounds :] if rounds else []:
            stream.close()
            connection.close()
        del kept[len(kept) - 10 * rounds :]
    connection, stream = kept[0]
    connection.sendall(REQUEST * 3)  # all at once: the later ones are in the server's buffer, not in the socket
    assert [answer(stream) for _ in range(3)] == [b"HTTP/1.1 200 OK\r\n"] * 3
    connection.sendall(b"no HTTP\r\n\r\n")
    assert answer(stream).startswith(b"HTTP/1.1 400 ")
    for connection, stream in kept:
        stream.close()
        connection.close()
