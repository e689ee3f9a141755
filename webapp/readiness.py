"""What Backstay stands on, and whether it answers: the database, Prefect, Docker. Asked all at once, briefly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import select

from tasks.context import Context
from webapp import patience

TIMEOUT_S = 4.0
# Nobody needs to log in for this, so asking often must stay cheap.
FRESH_S = 1.0


class Readiness:
    """One an app; remembers its last answer for a second."""

    def __init__(self, context: Context) -> None:
        self._context, self._lock = context, threading.Lock()
        self._asked_at, self._down = float("-inf"), list[str]()

    def down(self) -> list[str]:
        """Names of what does not answer: database, prefect, docker."""
        with self._lock:
            if time.monotonic() - self._asked_at > FRESH_S:
                self._down, self._asked_at = ask(self._context), time.monotonic()
            return self._down


def ask(context: Context) -> list[str]:
    """Ask all of them now."""
    started = {name: patience.start(check) for name, check in _checks(context).items()}
    until = time.monotonic() + TIMEOUT_S
    return [
        name
        for name, future in started.items()
        if not patience.result(future, max(0.0, until - time.monotonic()), False, context.log)
    ]


def _checks(context: Context) -> dict[str, Callable[[], bool]]:
    def database() -> bool:
        with context.database.reading() as session:
            return bool(session.scalar(select(1)))

    return {
        "database": database,
        "prefect": context.orchestrator.answers,
        "docker": lambda: bool(context.docker.version()),
    }
