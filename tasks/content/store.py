"""The files of static sites, stored by their hash in HOME/content: taken from a directory, written back to one.

The hash covers names, modes and bytes, in the order of the names, and nothing else: no times, no owners and no trace of
how the files arrived. Stored content can be built again when its image is gone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from db.settings import Settings
from db.states import ErrorCode
from tasks.failures import Failure

MOST_FILES = 100_000
SPARED_S = 3600  # for fresh uploads that no spec names yet
_PART = 1 << 20


@dataclass(frozen=True)
class Content:
    """Stored content: its hash (sha256:…), number of files, number of bytes."""

    hash: str
    files: int
    size: int


@dataclass(frozen=True)
class _Entry:
    name: str
    path: Path
    mode: int
    size: int
    link: str | None = None


def keep(settings: Settings, directory: Path) -> Content:
    """Store the files of a directory. Raises Failure(invalid_source): too many, too large, a device or a pipe, a link
    that leads out."""
    entries = list(_entries(directory, settings.source_max_mb * 1_000_000))
    found = _hash(entries)
    path = _path(settings, found)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
            try:
                _write(entries, draft)
                os.fsync(draft.fileno())
                Path(draft.name).rename(path)
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
    os.utime(path)
    return Content(found, len(entries), sum(entry.size for entry in entries))


def is_kept(settings: Settings, content: str) -> bool:
    """Return whether the files of that hash are stored."""
    return bool(content) and _path(settings, content).exists()


def give_back(settings: Settings, content: str, into: Path) -> None:
    """Write the files of a hash into an empty directory. Raises Failure(pin_unavailable) when they are missing or no
    longer match their hash."""
    missing = not is_kept(settings, content)
    if not missing:
        with tarfile.open(_path(settings, content)) as archive:
            for member in archive:
                _place(archive, member, into)
        for folder, _, _ in os.walk(into):
            Path(folder).chmod(0o755)  # a server running as another user must be able to enter, whatever our umask is
        missing = _hash(list(_entries(into, settings.source_max_mb * 1_000_000))) != content
    if missing:
        raise Failure(ErrorCode.PIN_UNAVAILABLE, "content")


def prune(settings: Settings, needed: Collection[str], moment: float) -> int:
    """Remove what nothing needs; return how many went. Anything under an hour old stays. moment: epoch seconds."""
    kept = {_path(settings, one) for one in needed}
    gone = [
        path
        for path in (settings.content.iterdir() if settings.content.exists() else ())
        if path not in kept and _is_old(path, moment)
    ]
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(gone)


def _is_old(path: Path, moment: float) -> bool:
    try:
        return moment - path.stat().st_mtime > SPARED_S
    except FileNotFoundError:  # an upload has just finished
        return False


def _path(settings: Settings, content: str) -> Path:
    return settings.content / f"{content.removeprefix('sha256:')}.tar"


def _entries(root: Path, limit: int) -> Iterator[_Entry]:
    """Yield files and links below a directory, by name. Links are never followed."""
    total = count = 0
    found: list[_Entry] = []
    for folder, names, files in os.walk(root, followlinks=False):
        links = [name for name in names if (Path(folder) / name).is_symlink()]
        for name in (*files, *links):
            entry = _entry(root, Path(folder) / name)
            total, count = total + entry.size, count + 1
            if total > limit or count > MOST_FILES:
                raise Failure(ErrorCode.INVALID_SOURCE, "size")
            found.append(entry)
    yield from sorted(found, key=lambda entry: entry.name)


def _entry(root: Path, path: Path) -> _Entry:
    name, status = path.relative_to(root).as_posix(), path.lstat()
    if stat.S_ISLNK(status.st_mode):
        link = str(path.readlink())
        if not leads_inside(name, link):
            raise Failure(ErrorCode.INVALID_SOURCE, "link")
        return _Entry(name, path, 0o777, 0, link)
    if not stat.S_ISREG(status.st_mode):
        raise Failure(ErrorCode.INVALID_SOURCE, "special")
    # A server running as another user must be able to read it.
    return _Entry(name, path, 0o755 if status.st_mode & 0o111 else 0o644, status.st_size)


def leads_inside(name: str, link: str) -> bool:
    """Return whether a link of that name stays in its tree, whatever else is a link there. Pure.

    So it may climb only at its start, from the directory that really contains it: `sub/..` would climb from the target
    of `sub`.
    """
    parts = PurePosixPath(link).parts
    climbs = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if link.startswith("/") or "\0" in link or ".." in parts[climbs:]:
        return False
    return climbs < len(PurePosixPath(name).parts)


def _hash(entries: list[_Entry]) -> str:
    whole = hashlib.sha256()
    for entry in entries:
        if entry.link is not None:
            digest = hashlib.sha256(os.fsencode(entry.link))
        else:
            with _opened(entry.path) as file:
                digest = hashlib.sha256()
                while part := file.read(_PART):
                    digest.update(part)
        kind = "link" if entry.link is not None else f"{entry.mode:o}"
        whole.update(b"%s %s " % (kind.encode(), digest.hexdigest().encode()) + os.fsencode(entry.name) + b"\0")
    return f"sha256:{whole.hexdigest()}"


def _write(entries: list[_Entry], into: IO[bytes]) -> None:
    with tarfile.open(fileobj=into, mode="w") as archive:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.mode = entry.mode
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
                archive.addfile(info)
                continue
            with _opened(entry.path) as file:
                info.size = os.fstat(file.fileno()).st_size
                archive.addfile(info, file)


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    # We wrote this tar: names were checked then.
    path = into / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
        return
    source = archive.extractfile(member)
    assert source is not None  # noqa: S101 - it has files and links only
    with path.open("xb") as file:
        while part := source.read(_PART):
            file.write(part)
    path.chmod(member.mode)
