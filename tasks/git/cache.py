"""Pruning of fetched commits: those that a row of the ledger is pinned to stay."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from db import history, pins
from tasks.context import Context
from tasks.git.commands import forget, kept, tidy
from tasks.git.repository import cache_of
from tasks.system.file_locks import locked
from tasks.system.processes import run

_TIMEOUT_S = 120.0
_ENVIRONMENT = {"PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def prune(context: Context) -> int:
    """Remove commits that no row needs; return how many. A repository in use is left for the next time: a removal in
    the browser must not wait for a fetch."""
    with context.database.reading() as session:
        needed: dict[Path, set[str]] = {}
        for pin in history.every_pin(session):
            for url, commit in pins.commits(pin):
                needed.setdefault(cache_of(context, url), set()).add(commit)
    caches = sorted(context.settings.git.glob("*.git"))
    gone = 0
    for cache in caches:
        with suppress(_InUse, OSError):  # OSError: no git, a disk that cannot be written
            gone += _prune_one(cache, needed.get(cache, set()))
    return gone


class _InUse(Exception):  # noqa: N818 - it names what happened
    """Another process or thread is fetching."""


def _leave_it() -> None:
    raise _InUse


def _prune_one(cache: Path, needed: set[str]) -> int:
    with locked(cache.with_suffix(".lock"), _leave_it):
        if not needed:
            shutil.rmtree(cache, ignore_errors=True)
            return 1
        names = run(kept(cache), _TIMEOUT_S, env=_ENVIRONMENT).stdout.decode().split()
        gone = [commit for name in names if (commit := name.rpartition("/")[2]) not in needed]
        for commit in gone:
            run(forget(cache, commit), _TIMEOUT_S, env=_ENVIRONMENT)
        if gone:
            run(tidy(cache), _TIMEOUT_S, env=_ENVIRONMENT)
        return len(gone)
