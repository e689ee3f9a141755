"""Readings of many containers from the Engine's API at once, at as little CPU as there is in it.

Spoken over plain sockets: the SDK takes several times as long over a request as the daemon does. What the JSON means is
in tasks.readings.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

TIMEOUT_S = 5  # a daemon that accepts and never answers must not hold a tick
THREADS = 128


@dataclass(frozen=True)
class Answers:
    """Raw stats by container id; a container that gave none is absent. cpu_s: what asking cost this process."""

    stats: dict[str, dict[str, Any]]
    cpu_s: float = 0.0


def one_shot_stats(address: str, docker_ids: Iterable[str]) -> Answers:
    """Ask the Engine at an address for all of them at once: it answers each at its own next second, whenever asked.

    No Engine, no answers.
    """
    ids = list(docker_ids)
    if not ids:
        return Answers({})
    with ThreadPoolExecutor(min(THREADS, len(ids))) as pool:
        found = list(pool.map(lambda docker_id: _read(address, docker_id), ids))
    stats = {docker_id: raw for docker_id, (raw, _) in zip(ids, found, strict=True) if raw is not None}
    return Answers(stats, sum(cpu_s for _, cpu_s in found))


def _read(address: str, docker_id: str) -> tuple[dict[str, Any] | None, float]:
    began = time.thread_time()
    raw = None
    with suppress(OSError, http.client.HTTPException, ValueError):  # it is gone, or the Engine is
        raw = _ask(address, f"/containers/{quote(docker_id, safe='')}/stats?stream=false&one-shot=true")
    return raw, time.thread_time() - began


def _ask(address: str, path: str) -> dict[str, Any] | None:
    connection = _connection(address)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    found = orjson.loads(body) if answer.status == 200 else None
    return found if isinstance(found, dict) else None


def _connection(address: str) -> http.client.HTTPConnection:
    # The same addresses that the SDK takes, which speaks to tcp:// without TLS as well.
    scheme, _, rest = address.partition("://")
    if scheme in {"unix", "http+unix"}:
        return _Unix(f"/{rest.lstrip('/')}")
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname or "127.0.0.1", url.port or 2375, timeout=TIMEOUT_S)


class _Unix(http.client.HTTPConnection):
    """Over a socket of this machine."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """See http.client.HTTPConnection."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)
