"""HOME/files in a backup: a tar of what apps store in relative mounts, packed while they run, unpacked with distrust.

Files, directories and links keep their owners and modes. Devices, sockets, pipes and overlong paths are left out.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

CHUNK = 1024 * 1024
LONGEST_PATH = 3000  # what is longer could not be restored below a HOME of any length
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
COPIES = ".copies"  # beside the apps' directories: what was copied from repositories


class Damaged(Exception):  # noqa: N818 - it names what happened
    """The tar is none that `pack` writes."""


def names(directory: Path) -> list[str]:
    """Return the names of the apps that have files."""
    if not directory.is_dir():
        return []
    return sorted(one.name for one in directory.iterdir() if one.is_dir() and not one.name.startswith("."))


def pack(directory: Path, target: Path) -> None:
    """Write a tar of all apps' files. A file that changes meanwhile is written as it was read. Raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    root = os.open(directory, _READ | os.O_DIRECTORY)
    try:
        with os.fdopen(descriptor, "wb") as output, tarfile.open(fileobj=output, mode="w") as tar:
            _Walk(root).into(tar, [*names(directory), COPIES])
    finally:
        os.close(root)


def unpack(file: Path, target: Path) -> list[str]:
    """Write the content of a tar into a new directory; return the names of the apps. Raises Damaged, OSError.

    Links are made last and lead nowhere while files are written.
    """
    target.mkdir(mode=0o700)
    links: dict[Path, tarfile.TarInfo] = {}
    modes: list[tuple[Path, tarfile.TarInfo]] = []
    with _opened(file) as tar:
        for entry in _entries(tar):
            path = target / _plain(entry.name)
            if not path.parent.is_dir() or path.exists() or path in links:
                raise Damaged
            if entry.isdir():
                path.mkdir(mode=0o700)
                modes.append((path, entry))
            elif entry.isfile():
                _write(tar, entry, path)
            elif entry.islnk():
                original = target / _plain(entry.linkname)
                if not original.is_file() or original.is_symlink():
                    raise Damaged
                path.hardlink_to(original)
            elif entry.issym():
                links[path] = entry
            else:
                raise Damaged
    for path, entry in links.items():
        path.symlink_to(entry.linkname)
        _own(path, entry)
    for path, entry in reversed(modes):
        _own(path, entry)
        path.chmod(entry.mode)
    return names(target)


class _Walk:
    """What lies in the apps' directories, directories before their content. Each step is taken from the directory above
    and follows no link: apps run meanwhile, and may put a link in the place of a directory."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._seen: dict[tuple[int, int], str] = {}  # of files with several names

    def into(self, tar: tarfile.TarFile, first: list[str]) -> None:
        """Add everything below these names."""
        waiting: list[tuple[str, ...]] = [(name,) for name in reversed(first)]
        while waiting:
            parts = waiting.pop()
            if len(os.fsencode("/".join(parts))) > LONGEST_PATH:
                continue
            with suppress(FileNotFoundError, NotADirectoryError), self._directory(parts[:-1]) as above:
                waiting += [(*parts, name) for name in self._add(tar, parts, above)]
            _forget(tar)

    def _add(self, tar: tarfile.TarFile, parts: tuple[str, ...], above: int) -> list[str]:
        """Add one entry; return the names in it, if it is a directory."""
        name, at = parts[-1], os.stat(parts[-1], dir_fd=above, follow_symlinks=False)
        if stat.S_ISLNK(at.st_mode):
            link = _entry(parts, at, tarfile.SYMTYPE)
            link.linkname = os.readlink(name, dir_fd=above)
            tar.addfile(link)
        elif stat.S_ISDIR(at.st_mode):
            with _opened_at(name, above, os.O_DIRECTORY) as directory:
                tar.addfile(_entry(parts, os.fstat(directory), tarfile.DIRTYPE))
                return sorted(os.listdir(directory), reverse=True)  # noqa: PTH208 - of a descriptor
        elif stat.S_ISREG(at.st_mode):
            with _opened_at(name, above, os.O_NONBLOCK) as file:
                self._add_file(tar, parts, file)
        return []

    def _add_file(self, tar: tarfile.TarFile, parts: tuple[str, ...], file: int) -> None:
        at = os.fstat(file)
        if not stat.S_ISREG(at.st_mode):
            return
        key = (at.st_dev, at.st_ino)
        if key in self._seen:
            link = _entry(parts, at, tarfile.LNKTYPE)
            link.linkname = self._seen[key]
            tar.addfile(link)
            return
        if at.st_nlink > 1:
            self._seen[key] = "/".join(parts)
        entry = _entry(parts, at, tarfile.REGTYPE)
        entry.size = at.st_size
        with os.fdopen(os.dup(file), "rb") as content:
            tar.addfile(entry, _Exactly(content, entry.size))  # type: ignore[arg-type]

    @contextmanager
    def _directory(self, parts: tuple[str, ...]) -> Iterator[int]:
        current = os.dup(self._root)
        try:
            for part in parts:
                below = os.open(part, _READ | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = below
            yield current
        finally:
            os.close(current)


@contextmanager
def _opened_at(name: str, above: int, flags: int) -> Iterator[int]:
    """Open an entry of a directory. Raises FileNotFoundError also for what has become a link meanwhile."""
    try:
        descriptor = os.open(name, _READ | flags, dir_fd=above)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise FileNotFoundError from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _entry(parts: tuple[str, ...], at: os.stat_result, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo("/".join(parts))
    entry.type, entry.mode, entry.mtime = kind, stat.S_IMODE(at.st_mode), int(at.st_mtime)
    entry.uid, entry.gid = at.st_uid, at.st_gid
    return entry


class _Exactly:
    """A file that yields as many bytes as it had when its header was written: what it has lost since, as zeros."""

    def __init__(self, content: IO[bytes], size: int) -> None:
        self._content, self._left = content, size

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        wanted = min(size, self._left)
        self._left -= wanted
        return self._content.read(wanted).ljust(wanted, b"\0")


def _opened(file: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(file, mode="r:")
    except tarfile.TarError:
        pass
    raise Damaged


def _entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while True:
        try:
            entry = tar.next()
        except (tarfile.TarError, EOFError, ValueError):
            break
        if entry is None:
            return
        yield entry
        _forget(tar)
    raise Damaged


def _forget(tar: tarfile.TarFile) -> None:
    """Drop the list of entries that a tar keeps: apps may have millions of files."""
    tar.members.clear()  # type: ignore[attr-defined]


def _plain(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise Damaged
    return path


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(entry)
    if content is None:
        raise Damaged
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        while chunk := content.read(CHUNK):
            output.write(chunk)
    _own(path, entry)
    path.chmod(entry.mode)
    os.utime(path, (entry.mtime, entry.mtime))


def _own(path: Path, entry: tarfile.TarInfo) -> None:
    if os.geteuid() == 0:
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
