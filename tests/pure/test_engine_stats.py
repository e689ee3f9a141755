"""Many readings at once over a socket: what answers is read, what does not is left out in time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.metrics import engine_stats
from tasks.metrics.engine_stats import one_shot_stats

ANSWERS = {
    "a": b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"read": 1}\n',
    "b": b'HTTP/1.0 404 Not Found\r\n\r\n{"message": "No such container"}',
    "c": b'HTTP/1.0 200 OK\r\n\r\n{"read": ',
    "d": b"HTTP/1.0 200 OK\r\n\r\n[]",
    "e": b"",
    "f": b'HTTP/1.0 200 OK\r\n\r\n{"read": 2, "long": "' + b"x" * 300_000 + b'"}',
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """An Engine as far as this needs one; for any other id it accepts and never answers."""
    path = tmp_path / "engine.sock"
    kept: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(64)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                asked = connection.recv(4096).decode()
                answer = ANSWERS.get(asked.removeprefix("GET /containers/")[0])
                if answer is None:
                    kept.append(connection)
                    continue
                connection.sendall(answer)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"unix://{path}"
        listener.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


def test_each_answer_is_read_and_what_is_none_is_left_out(engine: str) -> None:
    found = one_shot_stats(engine, ANSWERS)
    assert {docker_id: stats["read"] for docker_id, stats in found.items()} == {"a": 1, "f": 2}


def test_an_engine_that_never_answers_costs_its_time_once(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_stats, "TIMEOUT_S", 0.3)
    assert list(one_shot_stats(engine, ["silent", "a", "slow"])) == ["a"]


def test_more_than_can_be_asked_at_once_are_asked_in_turns(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_stats, "AT_ONCE", 2)
    assert len(one_shot_stats(engine, [f"a{number}" for number in range(5)])) == 5


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
def test_without_an_engine_there_is_nothing(address: str) -> None:
    assert one_shot_stats(address, ["a", "b"]) == {}
