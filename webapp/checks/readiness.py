"""Readiness of the services below Backstay: the database, Prefect, Docker. Probed in parallel, with a short timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from tasks.context import Context
from tasks.docker.records import EngineFacts
from webapp.checks import timeouts

__all__ = ["EngineFacts", "Readiness", "ask"]

TIMEOUT_S = 4.0
# This needs no login, so frequent probes must stay cheap.
FRESH_S = 1.0


class Readiness:
    """Answers of the services, cached for a second; one per app."""

    def __init__(self, context: Context) -> None:
        self._context, self._lock = context, threading.Lock()
        self._asked_at, self._found = float("-inf"), dict[str, Any]()

    def down(self) -> list[str]:
        """Return the names of what does not answer: database, prefect, docker."""
        return [name for name, answer in self.found().items() if not answer]

    def engine_facts(self) -> EngineFacts | None:
        """Return what the Engine reports of itself and its machine; None while it does not answer."""
        facts: EngineFacts | None = self.found()["docker"]
        return facts

    def found(self) -> dict[str, Any]:
        """Return the answers of database, prefect and docker: the Engine's facts, True for the others; else None."""
        with self._lock:
            if time.monotonic() - self._asked_at > FRESH_S:
                self._found, self._asked_at = ask(self._context), time.monotonic()
            return self._found


def ask(context: Context) -> dict[str, Any]:
    """Probe all of them now."""
    started = {name: timeouts.start(check) for name, check in _checks(context).items()}
    until = time.monotonic() + TIMEOUT_S
    return {
        name: timeouts.result(future, max(0.0, until - time.monotonic()), None, context.log) or None
        for name, future in started.items()
    }


def _checks(context: Context) -> dict[str, Callable[[], Any]]:
    def database() -> bool:
        with context.database.reading() as session:
            return bool(session.scalar(select(1)))

    return {"database": database, "prefect": context.prefect.answers, "docker": context.docker.about}
