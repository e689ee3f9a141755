"""The build context sent to the Engine: the files of a directory as a tar, without what .dockerignore excludes.

Links are sent as links and never followed, so nothing outside the directory gets into an image.
"""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path
from typing import IO

from db.states import ErrorCode
from tasks.docker.client import paths_to_send
from tasks.failures import Failure

IGNORE = ".dockerignore"


def directory_inside(root: Path, inside: str) -> Path:
    """Return a directory below `root`. Raises Failure(invalid_source) when it is missing or a link leads out."""
    wanted = _real(root / inside)
    if not wanted.is_relative_to(_real(root)) or not wanted.is_dir():
        raise Failure(ErrorCode.INVALID_SOURCE, "directory")
    return wanted


def file_inside(root: Path, inside: str) -> Path:
    """Return a file below `root`. Raises Failure(invalid_source) as directory_inside does."""
    wanted = _real(root / inside)
    if not wanted.is_relative_to(_real(root)) or not wanted.is_file():
        raise Failure(ErrorCode.INVALID_SOURCE, "file")
    return wanted


def _real(path: Path) -> Path:
    """Return the path with its links followed. Path.resolve fails on one that leads to itself."""
    return Path(os.path.realpath(path))


def ignored(context: Path, dockerfile: str) -> list[str]:
    """Return the patterns of <Dockerfile>.dockerignore, or else of .dockerignore; none when there is neither. Links
    are not read."""
    paths = (context / f"{dockerfile}{IGNORE}", context / IGNORE)
    path = next((one for one in paths if one.is_file() and not one.is_symlink()), None)
    if path is None:
        return []
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def sent_files(context: Path, dockerfile: str) -> list[Path]:
    """Return what of a directory is sent to be built."""
    return [context / name for name in paths_to_send(context, ignored(context, dockerfile), dockerfile)]


def pack(context: Path, dockerfile: str, into: IO[bytes], mtime: int) -> None:
    """Write the tar of a build. The same files give the same bytes: owner, order and times are fixed."""
    file_inside(context, dockerfile)
    with tarfile.open(fileobj=into, mode="w") as archive:
        for name in paths_to_send(context, ignored(context, dockerfile), dockerfile):
            _add(archive, context / name, name, mtime)
    into.seek(0)


def _add(archive: tarfile.TarFile, path: Path, name: str, mtime: int) -> None:
    mode = path.lstat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise Failure(ErrorCode.INVALID_SOURCE, "special")
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = stat.S_IMODE(mode), mtime
    if stat.S_ISDIR(mode):
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    elif stat.S_ISLNK(mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
        archive.addfile(entry)
    else:
        with path.open("rb") as file:
            entry.size = path.stat().st_size
            archive.addfile(entry, file)
