"""File locks on HOME by Backstay's processes. The kernel releases each when its holder exits, however it exits.

`up.lock` is held by `backstay up` and its children, `web.lock` (shared) by web processes, `engine-HOST.lock` by the
engine of a host.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from db.settings import Settings, ensure_home
from tasks.system.file_locks import open_lock, share_lock, try_lock

# Somebody may just be asking whether an engine runs, which is over in a moment.
TRIES, TRY_AGAIN_S = 10, 0.02


class HomeInUse(Exception):  # noqa: N818 - it names what happened
    """Backstay is running on this HOME."""


class AlreadyRunning(Exception):  # noqa: N818 - it names what happened
    """Another engine serves this HOME and host."""


def up_lock(settings: Settings) -> Path:
    """Return the lock file of `backstay up`."""
    return settings.home / "up.lock"


def _web_lock(settings: Settings) -> Path:
    return settings.home / "web.lock"


def _engine_lock(settings: Settings) -> Path:
    return settings.home / f"engine-{settings.host_name}.lock"


def share_as_web(settings: Settings) -> None:
    """Record that a web process uses this HOME, until it exits: the lock stays with the process through exec."""
    share_lock(open_lock(_web_lock(settings), inheritable=True))


@contextmanager
def hold_whole_home(settings: Settings) -> Iterator[None]:
    """Keep `up`, every engine and the web from starting while the block runs. Raises HomeInUse when one is running."""
    engines = {_engine_lock(settings), *settings.home.glob("engine-*.lock")}
    with ExitStack() as held:
        for path in sorted({up_lock(settings), _web_lock(settings)} | engines):
            descriptor = open_lock(path)
            held.callback(os.close, descriptor)
            if not try_lock(descriptor):
                raise HomeInUse
        yield


def is_engine_running(settings: Settings) -> bool:
    """Return whether an engine of this host runs on this HOME, by its lock, which ends with it.

    Who asks shares the lock for a moment, so that nobody else who asks takes that for an engine.
    """
    descriptor = open_lock(_engine_lock(settings))
    try:
        return not try_lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


@contextmanager
def hold_engine_lock(settings: Settings) -> Iterator[None]:
    """Hold the lock of this host's engine while the block runs: no other engine can start. Raises AlreadyRunning."""
    ensure_home(settings)
    with _engine_locked(settings):
        yield


@contextmanager
def _engine_locked(settings: Settings) -> Iterator[None]:
    descriptor = open_lock(_engine_lock(settings))
    try:
        for _ in range(TRIES):
            if try_lock(descriptor):
                break
            time.sleep(TRY_AGAIN_S)
        else:
            raise AlreadyRunning
        yield
    finally:
        os.close(descriptor)
