"""The directory of an app's relative mounts, HOME/files/<workload>: created, filled once, taken along, removed.

It belongs to the app: a copy from a repository never replaces what a container may have written. Nothing here follows
a link below it, because the app can plant one.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path, PurePosixPath

from db.settings import Settings
from db.states import ErrorCode
from tasks.compose import copies
from tasks.compose.own_files import Mount, path_of
from tasks.compose.trees import NOTHING, copy_tree, fingerprint
from tasks.context import Context
from tasks.docker.records import ListedContainer
from tasks.failures import Failure, translated
from tasks.labels import INSTALLATION, WORKLOAD

REMOVED = ".removed"  # no workload is called so


class Seeded(Enum):
    """The outcome for a directory of a repository."""

    COPIED = "it was copied, now"
    DIFFERS = "the app keeps another content, and this content of the repository is new"
    SAME = "there is nothing to say"


def directory(settings: Settings, workload: str) -> Path:
    """Return the app's own directory, which may not exist yet."""
    return settings.files / workload


def exists(settings: Settings, workload: str, path: PurePosixPath) -> bool:
    """Return whether something lies at a path, no link on the way to it. Raises Failure(create_failed) for a link."""
    return _state(directory(settings, workload), path) is not None


def seed(context: Context, workload: str, path: PurePosixPath, source: Path) -> Seeded:
    """Copy a directory of a repository to a path where nothing lies yet.

    What was copied is replaced by newer content only while no container has it mounted, and nobody has changed it.
    """
    settings = context.settings
    home, place = directory(settings, workload), directory(settings, workload) / path
    records, key, new = copies.read(settings, workload), str(path), fingerprint(source)
    before = records.get(key)

    def record(copied: str) -> None:
        _guarded(context, lambda: copies.write(settings, workload, records | {key: [copied, new]}))

    if _state(home, path) is None:
        record(new)  # first: see tasks.compose.copies
        _guarded(context, lambda: _put(settings, source, place))
        return Seeded.COPIED
    if new == NOTHING or (before is None and any(str(above) in records for above in path.parents)):
        return Seeded.SAME
    copied, told = before or [NOTHING, NOTHING]
    if new in {copied, told}:
        return Seeded.SAME
    there = None if _is_mounted(context, workload, place) else _content(place)
    if there in {new, copied}:
        if there != new:
            _guarded(context, lambda: _put(settings, source, place))
        record(new)
        return Seeded.SAME if there == new else Seeded.COPIED
    record(copied)
    return Seeded.DIFFERS


def provide(context: Context, workload: str, mount: Mount) -> None:
    """Create a directory that is missing, as Docker would. Raises Failure(create_failed) where a file is missing, or a
    link, or what is neither file nor directory, is in the way."""
    home = directory(context.settings, workload)
    if _state(home, mount.path) is None:
        if mount.looks_like_a_file:
            raise Failure(ErrorCode.CREATE_FAILED, "file")
        _guarded(context, lambda: _create(context.settings, home, mount.path))


def take_along(context: Context, workload: str) -> list[str]:
    """Move what the containers of the app have mounted below HOME/work to its own directory; return where it is now.

    Older versions mounted relative paths there. A move keeps a running container on the same files; a link at the old
    place leads one that Docker starts again to them. Raises Failure(create_failed).
    """
    settings = context.settings
    moved = []
    for source in sorted(_sources(context, workload), key=len):  # a directory before what is in it
        old, path = Path(source), path_of({"type": "bind", "source": source}, str(settings.work))
        if path is None or not old.is_relative_to(settings.work) or old.is_symlink() or not old.exists():
            continue
        place = _free_place(directory(settings, workload), path)
        _guarded(context, lambda old=old, place=place: _move(settings, old, place))  # type: ignore[misc]
        moved.append(Mount("", PurePosixPath(place.relative_to(directory(settings, workload)))).shown)
    return moved


def reaches_into(settings: Settings, workload: str, source: str, mounts: Sequence[Mount]) -> bool:
    """Return whether who has `source` mounted, which is none of these, could replace the path of one by a link."""
    places = [directory(settings, workload) / one.path for one in mounts]
    return Path(source) not in places and any(place.is_relative_to(source) for place in places)


def remove(context: Context, removal: str, workload: str) -> bool:
    """Remove an app's own directory; return whether it is gone. What cannot be deleted is out of the way, and `sweep`
    reports it. `removal` names the removal, so that a second attempt finds what the first one left."""
    settings = context.settings
    aside = settings.files / REMOVED / removal
    _delete(aside)  # of a removal that was interrupted
    if os.path.lexists(directory(settings, workload)):
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        directory(settings, workload).rename(aside)
        _delete(aside)
    copies.file_of(settings, workload).unlink(missing_ok=True)
    _drop_empty(settings)
    if aside.exists():
        context.log.warning("the files of %s could not be deleted", workload, extra={"path": str(aside)})
    return not aside.exists()


def remove_leftover(context: Context, name: str) -> bool:
    """Remove what `names` returned and no workload owns; return whether it is gone."""
    if name.startswith(REMOVED):
        _delete(context.settings.files / name)
        _drop_empty(context.settings)
        return not (context.settings.files / name).exists()
    return remove(context, f"of-{name}", name)


def names(settings: Settings) -> list[str]:
    """Return the names of the workloads that have files, and REMOVED/<id> for what a removal could not delete."""
    if not settings.files.is_dir():
        return []
    own = [one.name for one in settings.files.iterdir() if one.is_dir() and not one.name.startswith(".")]
    aside = settings.files / REMOVED
    return sorted(own) + sorted(f"{REMOVED}/{one.name}" for one in (aside.iterdir() if aside.is_dir() else ()))


def clear_drafts(settings: Settings) -> None:
    """Delete what a copy left behind whose engine was killed."""
    for draft in settings.files.glob(f"{_draft_prefix(settings)}*"):
        _delete(draft)


def _sources(context: Context, workload: str) -> list[str]:
    return [source for one in containers(context, workload) for source, _ in one.binds]


def containers(context: Context, workload: str) -> list[ListedContainer]:
    """Return the containers of a workload, running or not."""
    wanted = {INSTALLATION: context.installation, WORKLOAD: workload}
    every = context.docker.containers.list_all()
    return [one for one in every if wanted.items() <= one.labels.items()]


def _is_mounted(context: Context, workload: str, place: Path) -> bool:
    """Return whether a container, running or not, has mounted it, a part of it or a directory above it."""
    sources = [Path(source) for source in _sources(context, workload)]
    return any(place.is_relative_to(one) or one.is_relative_to(place) for one in sources)


def _state(home: Path, path: PurePosixPath) -> os.stat_result | None:
    """Return what lies at a path; None for nothing. Raises Failure(create_failed) unless every part above it is a
    directory, and it is one or a file."""
    place = home.parent
    parts = (home.name, *path.parts)
    for at, part in enumerate(parts):
        place /= part
        try:
            found = place.lstat()
        except FileNotFoundError:
            return None
        last = at == len(parts) - 1
        if not (stat.S_ISDIR(found.st_mode) or (last and stat.S_ISREG(found.st_mode))):
            break
    else:
        return found
    raise Failure(ErrorCode.CREATE_FAILED, "link")


def _content(place: Path) -> str | None:
    """Return the fingerprint of a directory that no container has mounted; None when it cannot be read."""
    try:
        return fingerprint(place)
    except OSError:
        return None


def _create(settings: Settings, home: Path, path: PurePosixPath) -> None:
    settings.files.mkdir(mode=0o700, exist_ok=True)
    place = home.parent
    for part in (home.name, *path.parts):
        place /= part
        if not place.exists():
            place.mkdir()
            # Whatever our umask is: the program in the container may be another user.
            place.chmod(0o755)


def _put(settings: Settings, source: Path, place: Path) -> None:
    """Put a copy at a place: complete, or not at all."""
    _create_above(settings, place)
    draft = Path(tempfile.mkdtemp(prefix=_draft_prefix(settings), dir=settings.files))
    try:
        copy_tree(source, draft / "new")
        os.sync()  # a power cut must not leave empty files under the final name
        if place.exists():
            place.rename(draft / "old")
        (draft / "new").rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _create_above(settings: Settings, place: Path) -> None:
    above = place.parent.relative_to(settings.files)
    settings.files.mkdir(mode=0o700, exist_ok=True)
    if above.parts:
        _create(settings, settings.files / above.parts[0], PurePosixPath(*above.parts[1:]))


def _move(settings: Settings, old: Path, new: Path) -> None:
    _create_above(settings, new)
    old.rename(new)
    old.symlink_to(new)


def _drop_empty(settings: Settings) -> None:
    for emptied in (settings.files / REMOVED, settings.files / copies.DIRECTORY):
        with suppress(OSError):  # it is not there, or not empty
            emptied.rmdir()


def _draft_prefix(settings: Settings) -> str:
    return f".draft.{settings.host_name}."


def _delete(path: Path) -> None:
    """Delete a directory as far as that is possible: an app may have nested directories deeper than Python walks."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    with suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)


def _free_place(home: Path, path: PurePosixPath) -> Path:
    """Return where nothing lies: what is there may be newer, and what comes is not to be lost."""
    place, number = home / path, 1
    while os.path.lexists(place):
        place, number = home / f"{path if path.parts else ''}.from-work-{number}", number + 1
    return place


def _guarded(context: Context, action: Callable[[], None]) -> None:
    """Run an action on the disk. Raises Failure(create_failed); the reason goes to the log."""

    def run() -> None:
        try:
            action()
        except OSError as error:
            context.log.error("the files of an app cannot be written", extra={"cause": str(error)})
            raise

    translated(run, OSError, into=Failure(ErrorCode.CREATE_FAILED, "files"))
