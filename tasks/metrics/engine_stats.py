"""Readings of many containers from the Engine's API at once, at the lowest CPU cost that it allows.

Uses plain sockets in one thread: the SDK takes longer over a request than the daemon does. Measured for 60 containers,
as CPU of client and daemon together: `docker stats` 569 ms, the SDK 696 ms, all requested at once 302 ms. The cgroup
files cost 8.7 ms, so tasks.metrics.collector uses the API only for containers without readable files.
tasks.metrics.readings parses the JSON.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

TIMEOUT_S = 5  # a daemon that accepts and never answers must not hold a tick
AT_ONCE = 256
OK = b" 200 "


def one_shot_stats(address: str, docker_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return raw stats by container id, all requested at once: the daemon answers each at its own next second anyway.

    A container that gave none is absent; without an Engine all are. `address` as the SDK takes it: unix:// or tcp://.
    """
    ids = list(docker_ids)
    found: dict[str, dict[str, Any]] = {}
    for first in range(0, len(ids), AT_ONCE):
        answers = _ask(address, ids[first : first + AT_ONCE])
        read = {docker_id: _stats(answer) for docker_id, answer in answers}
        found |= {docker_id: stats for docker_id, stats in read.items() if stats is not None}
    return found


def _ask(address: str, docker_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield each id with the whole response, as they arrive; those that do not arrive in time are left out."""
    with ExitStack() as opened, selectors.DefaultSelector() as waiting:
        try:
            for docker_id in docker_ids:
                connection = opened.enter_context(_connected(address))
                connection.sendall(_request(docker_id))
                connection.setblocking(False)
                waiting.register(connection, selectors.EVENT_READ, (docker_id, bytearray()))
        except OSError:
            return  # no Engine
        until = time.monotonic() + TIMEOUT_S
        while waiting.get_map() and (left := until - time.monotonic()) > 0:
            for key, _ in waiting.select(left):
                docker_id, answer = key.data
                more = _received(key.fileobj)
                answer += more
                if not more:  # the daemon has sent everything
                    waiting.unregister(key.fileobj)
                    yield docker_id, bytes(answer)


def _connected(address: str) -> socket.socket:
    scheme, _, rest = address.partition("://")
    if scheme in {"unix", "http+unix"}:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(f"/{rest.lstrip('/')}")
        except OSError:
            connection.close()
            raise
        return connection
    url = urlsplit(address)
    return socket.create_connection((url.hostname or "127.0.0.1", url.port or 2375), timeout=TIMEOUT_S)


def _request(docker_id: str) -> bytes:
    # HTTP/1.0: the response comes in one piece and ends with the connection.
    path = f"/containers/{quote(docker_id, safe='')}/stats?stream=false&one-shot=true"
    return f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode()


def _received(connection: Any) -> bytes:
    try:
        return bytes(connection.recv(65536))
    except OSError:
        return b""


def _stats(answer: bytes) -> dict[str, Any] | None:
    head, _, body = answer.partition(b"\r\n\r\n")
    try:
        found = orjson.loads(body) if OK in head.partition(b"\r\n")[0] else None
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
