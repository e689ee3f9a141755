"""`backstay engine` before the engine's first line, and before prefect is imported."""

from __future__ import annotations

import os
import sys

from db import migrate
from db.settings import Settings
from flows.home_locks import AlreadyRunning, hold_engine_lock
from flows.supervisor.programs import client_env
from tasks.compose import work
from tasks.context import Context
from tasks.logs.log import guard_streams


def run(settings: Settings) -> int:
    """Run `serve` as a program; return the exit code."""
    try:
        serve(settings)
    except AlreadyRunning:
        print(f"backstay: another engine runs for host {settings.host_name} in {settings.home}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def serve(settings: Settings) -> None:
    """Run the engine of this host until SIGTERM or SIGINT. Raises AlreadyRunning.

    Because of the lock, reconcile knows that a running row with another engine's name has a dead engine.
    """
    with hold_engine_lock(settings):
        os.environ.update(client_env(settings, os.environ) | {"PREFECT_LOGGING_LEVEL": "CRITICAL"})
        context = Context.open(settings, "engine")
        guard_streams(context.redactor)  # before Prefect takes over stderr
        # Imported only now: Prefect reads the environment when it is imported, and it takes seconds.
        from flows.engine.main import run_engine

        try:
            migrate.upgrade(context.database)
            work.clear(context)
            run_engine(context)
        finally:
            context.close()
