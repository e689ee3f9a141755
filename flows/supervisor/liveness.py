"""Whether a program that runs still works. Asked in a thread of its own: one that is stuck lets those who ask wait.

A Prefect whose database is kept locked, by another program, say, answers pages, and whatever is to be written waits for
a minute and fails. Such a server does not end by itself, so nobody would restart it. What it did to itself in this way
is mended: docs/decisions/0015.
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
# There is none of that id. Prefect deletes it without looking for it first, which takes the lock for writing.
NO_SEARCH = "/api/saved_searches/00000000-0000-4000-8000-000000000000"


class LivenessProbe:
    """Asks `is_healthy` again and again until `end`, and knows since when the answer has been no."""

    def __init__(
        self, is_healthy: Callable[[], bool], every_s: float = ASK_EVERY_S, after_s: float = STUCK_AFTER_S
    ) -> None:
        self._is_well, self._every_s, self._after_s = is_healthy, every_s, after_s
        self._ill_since: float | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._ask, name="pulse", daemon=True).start()

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()

    def is_stuck(self) -> bool:
        """Whether there has been no good answer for too long."""
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
    """Whether the Prefect server of this machine comes to the point of writing within ten seconds."""
    login = base64.b64encode(prefect_auth(settings).encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", settings.prefect_port, timeout=ANSWERS_WITHIN_S)
    try:
        connection.request("DELETE", NO_SEARCH, headers={"Authorization": f"Basic {login}"})
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
