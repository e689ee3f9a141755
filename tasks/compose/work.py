"""HOME/work of this host's engine: cleared at its start, except for what a container has mounted there.

Versions before 0.1 mounted relative paths of compose files from there; the next deploy moves such files to the app's
own directory (tasks.compose.files).
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from db import event_log, workloads
from db.connection import LedgerUnavailable
from db.messages.events import tell
from db.settings import Settings
from tasks.compose import files
from tasks.context import Context, now
from tasks.docker.records import ListedContainer
from tasks.failures import Failure
from tasks.labels import INSTALLATION, WORKLOAD


def clear(context: Context) -> None:
    """Delete what an engine that was killed left behind. Keeps what a container, running or not, has mounted, and says
    so in the event log of its workload. While Docker does not answer, keeps everything until the next start."""
    settings = context.settings
    files.clear_drafts(settings)
    if not settings.work.is_dir():
        return
    try:
        containers = context.docker.containers.list_all()
    except Failure as failure:
        context.log.warning("HOME/work is kept as it is", extra={"code": str(failure.code)})
        return
    kept = {Path(source) for one in containers for source, _ in one.binds}
    if not kept & {settings.work, settings.work.parent}:
        _clear(settings.work, kept)
    with suppress(LedgerUnavailable):  # the next start says it
        for workload in mounted_by(settings, containers, context.installation):
            _warn(context, workload)


def mounted_by(settings: Settings, containers: Iterable[ListedContainer], installation: str) -> list[str]:
    """Return the workloads whose containers have files mounted that lie below HOME/work."""
    own = [one for one in containers if one.labels.get(INSTALLATION) == installation]
    found = {one.labels.get(WORKLOAD, "") for one in own if any(_lies_in(settings, source) for source, _ in one.binds)}
    return sorted(found)


def _lies_in(settings: Settings, source: str) -> bool:
    """Return whether a directory is in HOME/work. A link there is what is left of files that have moved."""
    path = Path(source)
    return path.is_relative_to(settings.work) and not path.is_symlink()


def _clear(directory: Path, kept: Collection[Path]) -> None:
    for path in directory.iterdir():
        if path in kept:
            continue
        with suppress(OSError, RecursionError):  # what cannot be deleted is in nobody's way
            if any(one.is_relative_to(path) for one in kept):
                _clear(path, kept)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _warn(context: Context, name: str) -> None:
    with context.database.writing() as session:
        workload = workloads.find(session, name)
        if workload is not None:
            event_log.note(session, workload.id, tell("files_in_work", workload=name), now(), level="warning")
