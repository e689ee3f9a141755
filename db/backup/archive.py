"""The file of a backup: a tar with a manifest, which has a hash of each member, then the ledger and the keys.

Packs and unpacks, and trusts nothing that it reads. The contents and the location are chosen in flows.backups.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

FORMAT: Literal[2] = 2  # 1 had no files of apps
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 64 * 1024
CHUNK = 1024 * 1024
PROGRAM = "backstay"

MemberName = Literal["ledger.db", "secret.key", "prefect-auth", "files.tar"]


class BackupRefused(Exception):  # noqa: N818 - it names what happened
    """A backup or a restore that was refused and changed nothing; `code` is one of db.messages.errors.BACKUPS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Member(BaseModel):
    """One member in the manifest: its size in bytes, and SHA-256 in hex."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """The description of a backup, stored in it. `revision` is the schema of its ledger."""

    program: Literal["backstay"] = "backstay"
    format: Literal[1, 2] = 1
    revision: str
    created_at: datetime
    members: dict[MemberName, Member]


def pack(file: Path, members: Mapping[MemberName, Path], revision: str, now: datetime) -> Manifest:
    """Write a new archive of these files, readable by its owner only and synced to disk. Raises OSError."""
    described = {name: _describe(path) for name, path in members.items()}
    # An older version can restore what it knows all of.
    form: Literal[1, 2] = FORMAT if "files.tar" in members else 1
    manifest = Manifest(format=form, revision=revision, created_at=now, members=described)
    words = manifest.model_dump_json(indent=2).encode()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(_entry(MANIFEST, len(words), now), io.BytesIO(words))
            for name, path in members.items():
                with path.open("rb") as content:
                    tar.addfile(_entry(name, described[name].size, now), content)
        output.flush()
        os.fsync(output.fileno())
    return manifest


def read_manifest(file: Path) -> Manifest:
    """Return the manifest alone. Raises BackupRefused (backup_foreign, backup_newer, backup_damaged) and OSError."""
    with _opened(file) as tar:
        return _manifest(tar)


def unpack(file: Path, directory: Path) -> Manifest:
    """Write every member, 0600, into an empty directory, checking each against the manifest.

    Members are written under the names that this module knows, never under a path from the tar. Raises BackupRefused
    (backup_foreign, backup_newer, backup_damaged) and OSError.
    """
    with _opened(file) as tar:
        manifest = _manifest(tar)
        missing = dict(manifest.members)
        while (entry := tar.next()) is not None:
            name = next((known for known in missing if known == entry.name), None)
            if name is None or not _is_plain(entry) or entry.size != missing[name].size:
                raise BackupRefused("backup_damaged")
            content = tar.extractfile(entry)
            if content is None or _copy(content, directory / name) != missing.pop(name).sha256:
                raise BackupRefused("backup_damaged")
        if missing:
            raise BackupRefused("backup_damaged")
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    code = "backup_foreign"
    with file.open("rb") as raw:
        try:
            with tarfile.open(fileobj=raw, mode="r:") as tar:
                code = "backup_damaged"
                yield tar
                return
        except (tarfile.TarError, EOFError, ValueError):
            pass
    raise BackupRefused(code)


def _manifest(tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    if entry is None or entry.name != MANIFEST or not _is_plain(entry) or entry.size > LARGEST_MANIFEST:
        raise BackupRefused("backup_foreign")
    content = tar.extractfile(entry)
    words = _json(content.read() if content else b"")
    if not isinstance(words, dict) or words.get("program") != PROGRAM:
        raise BackupRefused("backup_foreign")
    if isinstance(words.get("format"), int) and words["format"] > FORMAT:
        raise BackupRefused("backup_newer")
    manifest = _validated(words)
    if manifest is None or "ledger.db" not in manifest.members:
        raise BackupRefused("backup_damaged")
    return manifest


def _json(words: bytes) -> object:
    try:
        found: object = json.loads(words)
    except ValueError:
        return None
    return found


def _validated(words: dict[str, object]) -> Manifest | None:
    try:
        return Manifest.model_validate(words)
    except ValidationError:
        return None


def _is_plain(entry: tarfile.TarInfo) -> bool:
    return entry.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and not entry.issparse()


def _entry(name: str, size: int, now: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(now.timestamp())
    return entry


def _describe(path: Path) -> Member:
    with path.open("rb") as content:
        return Member(size=path.stat().st_size, sha256=hashlib.file_digest(content, "sha256").hexdigest())


def _copy(content: IO[bytes], target: Path) -> str:
    """Write a new file and sync it to disk; return the SHA-256 of its content."""
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            output.write(chunk)
        output.flush()
        os.fsync(output.fileno())
    return digest.hexdigest()
