"""A plain HTTP client on one kept connection: as little of its own time as possible, the same for whoever is asked.

http.client takes 0.2 ms for an answer, most of it for the headers, which is a third of what is measured with it.
"""

from __future__ import annotations

import socket
from io import BufferedReader

LENGTH, CHUNKED = b"content-length:", b"transfer-encoding: chunked"


class Asker:
    """GETs from a port of the loopback address. Anything but 200 ends the benchmark."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb", 256 * 1024)
        lines = {"Host": f"127.0.0.1:{port}"} | (headers or {})
        self._rest = " HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        self._socket.sendall(f"GET {path}{self._rest}".encode())
        status = self._answers.readline().split(b" ", 2)[1]
        body = _body(self._answers)
        if status != b"200":
            raise SystemExit(f"GET {path} answered {status.decode()}: {body[:200]!r}")
        return body

    def close(self) -> None:
        """Let go of the connection."""
        self._answers.close()
        self._socket.close()


def _body(answer: BufferedReader) -> bytes:
    """What follows the headers: as long as they say, or in chunks."""
    length, is_chunked = 0, False
    while (line := answer.readline().lower()) != b"\r\n":
        if line.startswith(LENGTH):
            length = int(line[len(LENGTH) :])
        is_chunked = is_chunked or line.startswith(CHUNKED)
    if not is_chunked:
        return answer.read(length)
    chunks = []
    while size := int(answer.readline(), 16):
        chunks.append(answer.read(size))
        answer.readline()
    answer.readline()
    return b"".join(chunks)
