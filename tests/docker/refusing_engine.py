"""An Engine that lacks something: a proxy before the real one, which answers some requests itself.

One connection, one request: what is passed on is closed by the Engine after its answer, unless it was upgraded.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Refusing:
    """`refused`: patterns of request lines that get status 501. `ping`: headers added to the answer to a ping."""

    address: str
    refused: list[str] = field(default_factory=list)
    ping: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def refusing(directory: Path, engine: str) -> Iterator[Refusing]:
    """Run the proxy before the Engine at a Unix socket."""
    path = directory / "refusing.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(64)
        proxy = Refusing(f"unix://{path}")
        threading.Thread(target=_accept, args=(server, proxy, engine.removeprefix("unix://")), daemon=True).start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, proxy: Refusing, engine: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, proxy, engine), daemon=True).start()


def _serve(client: socket.socket, proxy: Refusing, engine: str) -> None:
    with client, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            if not (data := client.recv(65536)):
                return
            head += data
        line = head.partition(b"\r\n")[0].decode()
        proxy.asked.append(line)
        if any(re.search(pattern, line) for pattern in proxy.refused):
            # The body is read first: a socket that is closed with bytes unread loses the answer.
            client.settimeout(0.3)
            with suppress(TimeoutError):
                while client.recv(65536):
                    pass
            client.sendall(_answer("501 Not Implemented", '{"message": "not here"}', {}))
        elif "/_ping" in line and proxy.ping:
            client.sendall(_answer("200 OK", "OK", proxy.ping))
        else:
            _pass_on(client, head, engine)


def _pass_on(client: socket.socket, head: bytes, engine: str) -> None:
    with socket.socket(socket.AF_UNIX) as upstream:
        upstream.connect(engine)
        if b"/session " not in head.partition(b"\r\n")[0]:
            head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            head = re.sub(rb"\r\nConnection: keep-alive", b"", head, flags=re.IGNORECASE)
        upstream.sendall(head)
        back = threading.Thread(target=_copy, args=(upstream, client), daemon=True)
        back.start()
        _copy(client, upstream)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _answer(status: str, body: str, headers: dict[str, str]) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n{body}".encode()
