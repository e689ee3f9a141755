"""Who works over a HOME: file locks that are free as soon as their holder is gone, however it ended."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from db.settings import Settings

WEB = "web.lock"


class HomeInUse(Exception):  # noqa: N818 - it names what happened
    """Backstay runs over this HOME."""


def share_as_web(settings: Settings) -> None:
    """Say that a web process works here, until it ends: the lock stays with the process through exec."""
    descriptor = os.open(settings.home / WEB, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep `up`, every engine and the web away while the block runs. Raises HomeInUse when one is there."""
    home = settings.home
    paths = {home / "up.lock", home / WEB, home / f"engine-{settings.host_name}.lock", *home.glob("engine-*.lock")}
    with ExitStack() as held:
        for path in sorted(paths):
            if not _taken(held, path):
                raise HomeInUse
        yield


def _taken(held: ExitStack, path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
