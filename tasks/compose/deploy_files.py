"""The app's own directory in the course of a deploy: what a file mounts of it, what is copied, what is created."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from shlex import quote
from threading import Event
from typing import Any

from db import event_log, pins, workloads
from db.messages.events import Told, tell
from db.states import ErrorCode
from tasks.compose import files, layer_files, own_files
from tasks.compose.files import Seeded
from tasks.compose.own_files import Mount
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.job import Job

STOP_TIMEOUT_S = 10
Model = dict[str, Any]


def existence(job: Job) -> Callable[[PurePosixPath], bool]:
    """Return whether the app's own directory has a path, as a function. Asked the first time, it has what an older
    version mounted elsewhere moved there: what an app has is not missing. Raises Failure(create_failed)."""
    settings, workload, is_moved = job.context.settings, job.workload.name, Event()

    def exists(path: PurePosixPath) -> bool:
        if not is_moved.is_set():
            take_along(job.context, job.deploy.workload_id, workload)
            is_moved.set()
        with _telling(job.context, job.deploy.workload_id, workload, [Mount("", path)]):
            return files.exists(settings, workload, path)

    return exists


def refuse_to_leave_behind(job: Job, stored: Model) -> None:
    """Raise Failure(invalid_source) where the app has written what the first mount of a directory would hide."""
    exists = existence(job)
    mounts = [one for one in own_files.mounts(stored, "") if one.writable and not exists(one.path)]
    live, name = pins.of_compose(job.live.pin) if job.live else None, job.workload.name
    if live is None or not mounts:
        return
    with job.context.database.reading() as session:
        document = workloads.document(session, live["sha256"])
    left = layer_files.left_behind(job.context, files.containers(job.context, name), document, mounts)
    if left:
        places = [f"HOME/files/{PurePosixPath(name, mount.path)}" for mount, _ in left]
        commands = [
            f"mkdir -p {quote(place)} && docker cp {quote(f'{container}:{mount.target}/.')} {quote(place)}"
            for place, (mount, container) in zip(places, left, strict=True)
        ]
        paths = [mount.target for mount, _ in left]
        _refuse(job, tell("files_in_container", paths=paths, workload=name, commands=commands))


def fill(job: Job, held: Mapping[PurePosixPath, Path]) -> None:
    """Copy what a repository holds to the app's own directory, once. Raises Failure(create_failed)."""
    differing = []
    for path, place in sorted(held.items(), key=lambda one: len(one[0].parts)):
        with _telling(job.context, job.deploy.workload_id, job.workload.name, [Mount("", path)]):
            if files.seed(job.context, job.workload.name, path, place) is Seeded.DIFFERS:
                differing.append(Mount("", path))
    if differing:
        version, name = job.deploy.version, job.workload.name
        told = tell("files_differ", version=version, paths=_shown(differing), workload=name)
        _note(job.context, job.deploy.workload_id, told, "warning")


def make_ready(context: Context, workload_id: int, workload: str, stored: Model) -> Model:
    """Have everything in place that a stored file mounts of the app's own directory; return the file with its paths.

    Raises Failure: create_failed, engine_unreachable.
    """
    settings = context.settings
    mounts = own_files.mounts(stored, str(settings.work))
    if not mounts:
        return stored
    take_along(context, workload_id, workload)
    _stop_who_reaches_in(context, workload, mounts)
    for one in mounts:
        with _telling(context, workload_id, workload, [one]):
            files.provide(context, workload, one)
    return own_files.placed(stored, str(files.directory(settings, workload)), str(settings.work))


def take_along(context: Context, workload_id: int, workload: str) -> None:
    """Move what an older version of Backstay mounted below HOME/work. Raises Failure(create_failed)."""
    with _telling(context, workload_id, workload, ()):
        moved = files.take_along(context, workload)
    if moved:
        _note(context, workload_id, tell("files_moved", paths=moved, workload=workload), "info")


def _stop_who_reaches_in(context: Context, workload: str, mounts: Sequence[Mount]) -> None:
    """Stop the containers of an earlier version that have a directory above one of these paths mounted.

    They could replace the path by a link after it was examined. None of them is of the version to be started, unless
    `source.allow` permits it.
    """
    for one in files.containers(context, workload):
        if any(files.reaches_into(context.settings, workload, source, mounts) for source, _ in one.binds):
            context.docker.containers.stop(one.id, STOP_TIMEOUT_S)


@contextmanager
def _telling(context: Context, workload_id: int, workload: str, mounts: Sequence[Mount]) -> Iterator[None]:
    """Say which paths a failure in the block is about."""
    try:
        yield
    except Failure as failure:
        if failure.code is ErrorCode.CREATE_FAILED:
            told = tell("files_unusable", paths=_shown(mounts), workload=workload) if mounts else None
            _note(context, workload_id, told or tell("files_not_moved", workload=workload), "error")
        raise


def _refuse(job: Job, told: Told) -> None:
    _note(job.context, job.deploy.workload_id, told, "error")
    raise Failure(ErrorCode.INVALID_SOURCE, "refused")


def _note(context: Context, workload_id: int, told: Told, level: str) -> None:
    with context.database.writing() as session:
        event_log.note(session, workload_id, told, now(), level=level)


def _shown(mounts: Sequence[Mount]) -> list[str]:
    return list(dict.fromkeys(one.shown for one in mounts))
