"""The connection that an answer of the Engine turns into when it changes the protocol: tasks.docker.caller.Duplex."""

from __future__ import annotations

import socket
from contextlib import suppress
from io import BufferedReader
from typing import Any

AT_ONCE = 64 * 1024


class Upgraded:
    """A connection taken over from requests, of a Unix socket, TCP or TLS. Raises OSError where it is another one."""

    def __init__(self, answer: Any) -> None:
        # The Engine begins at once, so its first bytes may already lie in the buffer of the HTTP client: they are read
        # through that buffer, while the socket below it is written to.
        self._answer = answer
        buffer = getattr(getattr(answer.raw, "_fp", None), "fp", None)
        below = getattr(getattr(buffer, "raw", None), "_sock", None)
        if buffer is None or below is None:
            answer.close()
            raise OSError("the connection has no socket")
        self._buffer: BufferedReader = buffer
        self._socket: socket.socket = below

    def send(self, data: bytes) -> None:
        """Send bytes. Raises OSError once the connection is closed."""
        self._socket.sendall(data)

    def receive(self) -> bytes:
        """Wait for bytes; return some, or none at the end. Raises OSError or ValueError once it is closed."""
        return self._buffer.read1(AT_ONCE)

    def close(self) -> None:
        """Close the connection, and end a wait for bytes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._answer.close()
