"""Liveness probe for a running program, in its own thread because a hung program blocks its prober.

A Prefect whose database is kept locked, by another program for instance, serves pages, but each write waits for a
minute and fails. Such a server does not exit, so the supervisor would not restart it. The locks that Prefect caused
itself are fixed: docs/decisions/0015.
"""

from __future__ import annotations

import base64
import http.client
import threading
import time
from collections.abc import Callable

from db.settings import Settings, prefect_auth

ASK_EVERY_S = 5.0
STUCK_AFTER_S = 30.0
ANSWERS_WITHIN_S = 10.0
# No run has this id. Prefect deletes it without reading it first, which takes the write lock.
NO_SEARCH = "/api/saved_searches/00000000-0000-4000-8000-000000000000"


class LivenessProbe:
    """Calls `is_healthy` repeatedly until `end`, and records since when it has failed."""

    def __init__(
        self, is_healthy: Callable[[], bool], every_s: float = ASK_EVERY_S, after_s: float = STUCK_AFTER_S
    ) -> None:
        self._is_well, self._every_s, self._after_s = is_healthy, every_s, after_s
        self._ill_since: float | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._ask, name="pulse", daemon=True).start()

    def end(self) -> None:
        """Stop probing."""
        self._ended.set()

    def is_stuck(self) -> bool:
        """Return whether the probe has failed for too long."""
        since = self._ill_since
        return since is not None and time.monotonic() - since >= self._after_s

    def _ask(self) -> None:
        while not self._ended.wait(self._every_s):
            asked_at = time.monotonic()
            if self._is_well():
                self._ill_since = None
            elif self._ill_since is None:
                self._ill_since = asked_at


def prefect_takes_writes(settings: Settings) -> bool:
    """Return whether the Prefect server of this machine gets to write within ten seconds."""
    login = base64.b64encode(prefect_auth(settings).encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", settings.prefect_port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("DELETE", NO_SEARCH, headers={"Authorization": f"Basic {login}"})
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
