"""Uploaded archives, tar or zip, unpacked into an empty directory. Nothing in them is trusted.

A name that leads out, a link that leads out, a device, a pipe, a hard link, a duplicate name, more bytes than allowed
(counted as they come out, whatever the archive claims): all are refused, and the directory is then discarded. The
metadata of an archive is read into memory as a whole, so its size is checked before.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from db.states import ErrorCode
from tasks.content.store import MOST_FILES, leads_inside
from tasks.failures import Failure, translated

_PART = 1 << 20
# Bytes that come before the content of one member: its names, owners and times, and global headers.
_MOST_OF_A_HEADER = 1 << 20
_USUAL_HEADER = 4096
_MOST_OF_A_LIST = 1 << 25  # bytes of a zip's directory
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, ArithmeticError, RuntimeError),
)
_OPENERS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x5d\x00\x00": lzma.LZMAFile,
}


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # file, folder, link, other
    content: IO[bytes] | None = None
    executable: bool = False
    link: str = ""


def unpack(archive: Path, into: Path, limit: int) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or a zip; `limit` in bytes. Raises Failure(invalid_source)."""

    def unpacked() -> None:
        with archive.open("rb") as file:
            members = _of_zip(file) if zipfile.is_zipfile(file) else _of_tar(file, limit)
            _place_all(members, into, limit)

    translated(unpacked, *_BROKEN, into=Failure(ErrorCode.INVALID_SOURCE, "archive"))


def _place_all(members: Iterator[_Member], into: Path, left: int) -> None:
    links: list[tuple[Path, str]] = []
    for number, member in enumerate(members):
        name = _checked(member.name)
        if number >= MOST_FILES or member.kind == "other":
            raise Failure(ErrorCode.INVALID_SOURCE, "archive")
        if name == PurePosixPath():
            continue
        path = into / name
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == "link":
            if not leads_inside(str(name), member.link):
                raise Failure(ErrorCode.INVALID_SOURCE, "link")
            links.append((path, member.link))
        else:
            left = _write(member, path, left)
    # Last, so that no file is written through a link.
    for path, target in links:
        path.symlink_to(target)


def _write(member: _Member, path: Path, left: int) -> int:
    assert member.content is not None  # noqa: S101 - a file has content
    with path.open("xb") as file:
        while part := member.content.read(_PART):
            left -= len(part)
            if left < 0:
                raise Failure(ErrorCode.INVALID_SOURCE, "size")
            file.write(part)
    if member.executable:
        path.chmod(0o755)
    return left


def _checked(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or "\\" in name:
        raise Failure(ErrorCode.INVALID_SOURCE, "name")
    return path


class _Measured:
    """A file that yields at most `room` bytes until `room` is set again, and at most `left` bytes overall, including
    skipped ones. Archive readers trust the lengths that an archive states."""

    def __init__(self, file: Any, room: float, left: float = math.inf) -> None:
        self._file, self.room, self._left, self._at = file, room, left, 0
        self.seekable = file.seekable

    def read(self, size: int) -> bytes:
        """Read the next bytes. Raises ValueError when it is too much."""
        if not 0 <= size <= self.room:
            raise ValueError
        part: bytes = self._file.read(size)
        self.room -= len(part)
        self._count(len(part))
        return part

    def seek(self, offset: int) -> int:
        """Seek forward only: going back in a compressed stream means starting over. Raises ValueError."""
        self._count(offset - self._at)
        return int(self._file.seek(offset))

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._at

    def _count(self, size: int) -> None:
        self._left -= size
        self._at += size
        if size < 0 or self._left < 0:
            raise ValueError


def _of_tar(file: IO[bytes], limit: int) -> Iterator[_Member]:
    file.seek(0)
    begin = file.read(6)
    file.seek(0)
    opener = next((one for magic, one in _OPENERS.items() if begin.startswith(magic)), lambda plain: plain)
    measured = _Measured(opener(file), _MOST_OF_A_HEADER, limit + MOST_FILES * _USUAL_HEADER)
    with tarfile.open(fileobj=measured, mode="r:") as opened:  # type: ignore[call-overload]
        while (member := opened.next()) is not None:
            opened.members.clear()  # each keeps its header, which may be large
            measured.room = math.inf
            yield _of_tar_member(opened, member)
            measured.room = _MOST_OF_A_HEADER


def _of_tar_member(opened: tarfile.TarFile, member: tarfile.TarInfo) -> _Member:
    if member.isreg():
        return _Member(member.name, "file", opened.extractfile(member), bool(member.mode & 0o111))
    if member.isdir():
        return _Member(member.name, "folder")
    return _Member(member.name, "link" if member.issym() else "other", link=member.linkname)


class _InParts:
    """A file that refuses large reads: the directory of a zip is read at once, and kept in memory as a whole."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes. Raises ValueError when it is too much."""
        if size > _MOST_OF_A_LIST:
            raise ValueError
        return self._file.read(size)


def _of_zip(file: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(_InParts(file)) as opened:
        for info in opened.infolist():
            mode = info.external_attr >> 16
            if info.is_dir():
                yield _Member(info.filename, "folder")
            elif stat.S_ISLNK(mode):
                with opened.open(info) as target:
                    yield _Member(info.filename, "link", link=target.read(4096).decode(errors="replace"))
            elif stat.S_IFMT(mode) in {0, stat.S_IFREG} and not info.flag_bits & 1:
                with opened.open(info) as content:
                    yield _Member(info.filename, "file", content, bool(mode & 0o111))
            else:
                yield _Member(info.filename, "other")
