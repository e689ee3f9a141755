"""The app's own directory in the course of a deploy: what a file mounts of it, what is copied, what is created."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Any

from db import event_log, pins, workloads
from db.messages.events import Told, tell
from db.states import ErrorCode
from tasks.compose import checkout, files, layer_files, model, own_files
from tasks.compose.files import Seeded
from tasks.compose.own_files import Mount
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.job import Job

STOP_TIMEOUT_S = 10
Model = dict[str, Any]


def with_own_files(job: Job, rendered: Model, folder: Path) -> tuple[Model, dict[PurePosixPath, Path]]:
    """Return the rendered file with its relative mounts as they are stored, and what the checkout has for them.

    Refuses files that nobody has brought; and, unless `source.allow` has the key, a path inside of another mount that a
    container can write, and one that would hide each later commit. Raises Failure(invalid_source).
    """
    settings, workload = job.context.settings, job.workload.name
    take_along(job.context, job.deploy.workload_id, workload)  # what an app has is not missing

    def exists(path: PurePosixPath) -> bool:
        with _telling(job.context, job.deploy.workload_id, workload, [Mount("", path)]):
            return files.exists(settings, workload, path)

    stored, held, missing = checkout.lasting(rendered, folder, exists)
    if missing:
        paths = _shown(missing)
        _refuse(job, tell("compose_files_missing", keys=_keys(missing), paths=paths, workload=workload))
    every = own_files.mounts(stored, "")
    if inside := _not_allowed(job, own_files.inside_writable(every)):
        _refuse(job, tell("compose_mount_inside", keys=_keys(inside), paths=_shown(inside)))
    contexts = [os.path.relpath(os.path.realpath(one.get("context") or folder), folder) for one in _builds(rendered)]
    of_source = own_files.of_source([one for one in every if one.path in held], map(PurePosixPath, contexts))
    if frozen := _not_allowed(job, of_source):
        _refuse(job, tell("compose_mount_of_source", keys=_keys(frozen), paths=_shown(frozen)))
    _refuse_to_leave_behind(job, [one for one in every if one.writable and not exists(one.path)])
    return stored, held


def _refuse_to_leave_behind(job: Job, mounts: list[Mount]) -> None:
    """Raise Failure(invalid_source) where the app has written what the first mount of a directory would hide."""
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


def _not_allowed(job: Job, mounts: Iterable[Mount]) -> list[Mount]:
    return [one for one in mounts if f"{one.service}.volumes" not in job.release["source"]["allow"]]


def _builds(rendered: Model) -> list[Model]:
    return list(model.builds(rendered).values())


def _refuse(job: Job, told: Told) -> None:
    _note(job.context, job.deploy.workload_id, told, "error")
    raise Failure(ErrorCode.INVALID_SOURCE, "refused")


def _note(context: Context, workload_id: int, told: Told, level: str) -> None:
    with context.database.writing() as session:
        event_log.note(session, workload_id, told, now(), level=level)


def _keys(mounts: Sequence[Mount]) -> list[str]:
    return list(dict.fromkeys(f"{one.service}.volumes" for one in mounts))


def _shown(mounts: Sequence[Mount]) -> list[str]:
    return list(dict.fromkeys(one.shown for one in mounts))
