"""A plain HTTP client on one kept connection: as little of its own time as possible, the same for whoever is asked."""

from __future__ import annotations

import http.client
import socket


class Asker:
    """GETs from a port of the loopback address. Anything but 200 ends the benchmark."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = headers or {}

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"GET {path} answered {answer.status}: {body[:200]!r}")
        return body

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
