"""gunicorn's worker, but what is no good HTTP is refused without a word of it, and a busy connection keeps its thread.

What is refused is neither said back nor logged.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

# How long a thread that has answered waits for the next request of the same connection, before it hands the connection
# back to the thread that watches over all of them: a page's panels, or a program that asks again and again, are
# answered without that detour. So many may wait at once; the other threads are for whoever else comes.
LINGER_MS = 250
MOST_LINGERING = 8


class Worker(ThreadWorker):  # type: ignore[misc]
    """See gunicorn.workers.base.Worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = threading.Semaphore(MOST_LINGERING)

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow at once. What it answers says what becomes of the connection."""
        while (kept := super().handle(conn)) is True and self._asks_again(conn):
            pass
        return kept

    def _asks_again(self, conn: Any) -> bool:
        if not self.alive or conn.parser.unreader.buf.getvalue() or not self._places.acquire(blocking=False):
            return False
        try:
            waiting = select.poll()  # not select(), which knows no descriptor above 1023
            waiting.register(conn.sock, select.POLLIN)
            return bool(waiting.poll(LINGER_MS))
        finally:
            self._places.release()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer 400 to what cannot be parsed, 500 to the rest. By type only: gunicorn would quote the request."""
        status, reason = (400, "Bad Request") if isinstance(exc, ParseException) else (500, "Internal Server Error")
        log = self.log.warning if status == 400 else self.log.error
        log("request refused: %s (%s)", reason, type(exc).__name__)
        with contextlib.suppress(OSError):
            util.write_error(client, status, reason, "")
