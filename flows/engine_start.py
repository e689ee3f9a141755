"""`backstay engine`: what comes before the engine's first line, and before prefect is imported."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from db import migrate
from db.settings import Settings, ensure_home
from flows.programs import client_env
from tasks.context import Context
from tasks.logs.log import guard_streams


class AlreadyRunning(Exception):  # noqa: N818 - it names what happened
    """Another engine serves this HOME and host."""


def run(settings: Settings) -> int:
    """`serve`, as a program: answers the exit code."""
    try:
        serve(settings)
    except AlreadyRunning:
        print(f"backstay: another engine runs for host {settings.host_name} in {settings.home}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


def serve(settings: Settings) -> None:
    """Run the engine of this host until SIGTERM or SIGINT. Raises AlreadyRunning.

    The lock is what lets reconcile say of a running row with another engine's name that its engine is dead.
    """
    ensure_home(settings)
    lock = _lock(settings)
    shutil.rmtree(settings.work, ignore_errors=True)  # what an engine that was killed had in hand
    os.environ.update(client_env(settings, os.environ) | {"PREFECT_LOGGING_LEVEL": "CRITICAL"})
    context = Context.open(settings, "engine")
    guard_streams(context.redactor)  # before Prefect takes hold of stderr
    # Imported only now: Prefect reads the environment when it is imported, and it takes seconds.
    from flows.engine import run_engine

    try:
        migrate.upgrade(context.database)
        run_engine(context)
    finally:
        context.close()
        lock.close()


def is_running(settings: Settings) -> bool:
    """Whether an engine of this host runs over this HOME: asked of its lock, which dies with it."""
    try:
        _lock(settings).close()
    except AlreadyRunning:
        return True
    return False


@contextmanager
def hold_lock(settings: Settings) -> Iterator[None]:
    """Be what an engine of this host would be, for a while: none can start meanwhile. Raises AlreadyRunning."""
    ensure_home(settings)
    with _lock(settings):
        yield


def _lock(settings: Settings) -> IO[str]:
    file = (settings.home / f"engine-{settings.host_name}.lock").open("w")
    taken = False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        taken = True
    if taken:
        file.close()
        raise AlreadyRunning
    return file
