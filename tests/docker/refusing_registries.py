"""A server on the loopback address that refuses as a registry does: for what a real one cannot be made to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Refusal:
    """The answer to every question but the first one of the protocol, which asks whether a registry is there."""

    status: int
    code: str = ""
    message: str = ""
    body: bytes | None = None

    @property
    def content(self) -> bytes:
        """The body: as given, or as the protocol has it."""
        if self.body is not None:
            return self.body
        return json.dumps({"errors": [{"code": self.code, "message": self.message}]}).encode()


@contextmanager
def refusing(refusal: Refusal, port: int = 0) -> Iterator[str]:
    """Yield the address of a registry that refuses everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_there = self.path.rstrip("/") == "/v2"
            status, content = (200, b"{}") if is_there else (refusal.status, refusal.content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
