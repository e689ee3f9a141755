"""Backup and restore of an installation: the ledger, the key of its secrets, the login of Prefect, the files of apps.

A backup is made while everything runs. A restore needs HOME exclusively, checks everything before it changes anything,
and keeps the earlier state aside. Containers, images, volumes and Prefect's own database are never included.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from cryptography.fernet import Fernet
from sqlalchemy import func, select

from db import history, migrate
from db.backup import archive, snapshot
from db.backup import files as app_files
from db.backup.archive import BackupRefused, Manifest, MemberName
from db.connection import Database
from db.models import Workload
from db.settings import Settings, ensure_home
from flows import home_locks
from tasks.failures import translated

LEDGER = "backstay.db"
# Prefect's database is moved aside as well: its runs name rows of the earlier ledger.
STATE = [
    *(f"{name}{end}" for name in (LEDGER, "prefect.db") for end in ("", "-wal", "-shm")),
    *("secret.key", "prefect-auth"),
]
OF_HOME = {"secret.key", "prefect-auth"}  # the members that are files of HOME as they are
MADE_BY_LOOKING = {"prefect-auth"}  # written by any verb that logs: a random password of a Prefect that never ran


@dataclass(frozen=True)
class Restored:
    """The outcome of a restore. `kept` is where the earlier state went; the next engine ends `unfinished` deploys.

    `files` are the apps whose files were restored, `files_left` those that have files in HOME, which were not touched.
    """

    manifest: Manifest
    revision: str
    workloads: int
    unfinished: int
    kept: Path | None
    files: list[str]
    files_left: list[str]


def back_up(settings: Settings, file: Path, now: datetime, *, force: bool = False, with_files: bool = True) -> Manifest:
    """Write a complete backup to `file`, or nothing. `with_files`: with those of apps.

    Raises BackupRefused, LedgerUnavailable, OSError.

    BackupRefused: ledger_elsewhere, backup_exists, nothing_to_back_up, ledger_damaged.
    """
    _only_in_home(settings)
    _not_there(file, force)
    if not (settings.home / LEDGER).exists():
        raise BackupRefused("nothing_to_back_up")
    file.parent.stat()  # raises with the directory's name if it is missing
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backstay-backup-") as directory:
        draft = Path(directory)
        revision = _copy_ledger(settings, draft / "ledger.db")
        members: dict[MemberName, Path] = {"ledger.db": draft / "ledger.db"}
        if with_files and app_files.names(settings.files):
            app_files.pack(settings.files, draft / "files.tar")
            members["files.tar"] = draft / "files.tar"
        for name in get_args(MemberName):
            if name in OF_HOME and (settings.home / name).exists():
                members[name] = settings.home / name
        manifest = archive.pack(draft / "archive", members, revision, now)
        _not_there(file, force)
        (draft / "archive").replace(file)
        _sync(file.parent)
    return manifest


def restore(settings: Settings, file: Path, now: datetime, *, force: bool = False) -> Restored:
    """Restore a backup into HOME, migrated to the newest schema. Raises BackupRefused, OSError, leaving HOME unchanged.

    BackupRefused: ledger_elsewhere, backup_foreign, backup_damaged, backup_newer, home_in_use, home_not_empty.
    """
    _only_in_home(settings)
    archive.read_manifest(file)
    ensure_home(settings)

    def restored() -> Restored:
        with home_locks.hold_whole_home(settings):
            return _restore(settings, file, now, force)

    return translated(restored, home_locks.HomeInUse, into=BackupRefused("home_in_use"))


def _restore(settings: Settings, file: Path, now: datetime, force: bool) -> Restored:
    home = settings.home
    before = [name for name in STATE if (home / name).exists()]
    is_empty = set(before) <= MADE_BY_LOOKING
    if not is_empty and not force:
        raise BackupRefused("home_not_empty")
    with tempfile.TemporaryDirectory(dir=home, prefix=".restoring-") as directory:
        staged = Path(directory)
        manifest = archive.unpack(file, staged)
        revision, workloads, unfinished = _prepare(staged, manifest)
        files = _unpack_files(staged) if "files.tar" in manifest.members else []
        kept = None if is_empty else _put_aside(home, before, now)
        left = _place_files(settings, staged / "files", files)
        # The ledger comes last: without it nothing starts on half a restore.
        members = [name for name in manifest.members if name != "files.tar"]
        for name in sorted(members, key=lambda member: member == "ledger.db"):
            (staged / name).replace(home / (LEDGER if name == "ledger.db" else name))
        _sync(home)
    restored = [name for name in files if name not in left]
    return Restored(manifest, revision, workloads, unfinished, kept, restored, left)


def _unpack_files(staged: Path) -> list[str]:
    def unpacked() -> list[str]:
        return app_files.unpack(staged / "files.tar", staged / "files")

    return translated(unpacked, app_files.Damaged, into=BackupRefused("backup_damaged"))


def _place_files(settings: Settings, staged: Path, files: list[str]) -> list[str]:
    """Move the files of apps to HOME; return the names of apps that have some there: they are newer, and in use."""
    left = []
    for name in files:
        place, record = settings.files / name, Path(app_files.COPIES, f"{name}.json")
        if place.exists():
            left.append(name)
            continue
        place.parent.mkdir(mode=0o700, exist_ok=True)
        (staged / name).rename(place)
        if (staged / record).is_file():
            (settings.files / record).parent.mkdir(mode=0o700, exist_ok=True)
            (staged / record).replace(settings.files / record)
    return left


def _prepare(staged: Path, manifest: Manifest) -> tuple[str, int, int]:
    """Check the unpacked ledger and key and migrate it; return its revision and its row counts."""
    ledger, key = staged / "ledger.db", staged / "secret.key"
    if _sound(ledger, "backup_damaged") != manifest.revision or not _opens(key):
        raise BackupRefused("backup_damaged")
    if not migrate.knows(manifest.revision):
        raise BackupRefused("backup_newer")
    database = Database(f"sqlite:///{ledger}")
    try:
        revision = migrate.upgrade(database)
        with database.reading() as session:
            workloads = session.scalar(select(func.count()).select_from(Workload)) or 0
            return revision, workloads, len(history.unfinished(session))
    finally:
        database.close()  # closing the last connection merges the write-ahead log into the file


def _copy_ledger(settings: Settings, target: Path) -> str:
    database = Database(settings.ledger_url)
    try:
        translated(lambda: snapshot.take(database, target), snapshot.Unsound, into=BackupRefused("ledger_damaged"))
    finally:
        database.close()
    return _sound(target, "ledger_damaged")


def _sound(ledger: Path, otherwise: str) -> str:
    return translated(lambda: snapshot.examine(ledger), snapshot.Unsound, into=BackupRefused(otherwise))


def _opens(key: Path) -> bool:
    try:
        return not key.exists() or bool(Fernet(key.read_bytes()))
    except ValueError:
        return False


def _only_in_home(settings: Settings) -> None:
    if settings.ledger_url != f"sqlite:///{settings.home / LEDGER}":
        raise BackupRefused("ledger_elsewhere")


def _not_there(file: Path, force: bool) -> None:
    if file.exists() and not force:
        raise BackupRefused("backup_exists")


def _put_aside(home: Path, names: list[str], now: datetime) -> Path:
    kept = home / f"before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"
    kept.mkdir(mode=0o700)
    for name in names:
        (home / name).rename(kept / name)
    return kept


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
