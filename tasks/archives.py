"""Uploaded archives, tar or zip, unpacked into an empty directory. Nothing in them is believed.

A name that leads out, a link that leads out, a device, a pipe, a hard link, a name twice, more bytes than are allowed
(counted as they come out, whatever the archive says of itself): all are refused, and the directory is then thrown away.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from db.states import ErrorCode
from tasks.content import MOST_FILES, leads_inside
from tasks.failures import Failure

_PART = 1 << 20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class _Member:
    name: str
    kind: str  # file, folder, link, other
    content: IO[bytes] | None = None
    executable: bool = False
    link: str = ""


def unpack(archive: Path, into: Path, limit: int) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or a zip; `limit` in bytes. Raises Failure(invalid_source)."""
    broken = False
    try:
        members = _of_zip(archive) if zipfile.is_zipfile(archive) else _of_tar(archive)
        _place_all(members, into, limit)
    except _BROKEN:
        broken = True
    if broken:
        raise Failure(ErrorCode.INVALID_SOURCE, "archive")


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
    # Last, so that no file was written through one of them.
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


def _of_tar(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive, "r:*") as opened:
        for member in opened:
            if member.isreg():
                yield _Member(member.name, "file", opened.extractfile(member), bool(member.mode & 0o111))
            elif member.isdir():
                yield _Member(member.name, "folder")
            elif member.issym():
                yield _Member(member.name, "link", link=member.linkname)
            else:
                yield _Member(member.name, "other")


def _of_zip(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
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
