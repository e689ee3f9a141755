"""A small disk for a HOME, which a test can fill, empty, and make read-only; and a lock that somebody keeps."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from db.connection import Database, LedgerUnavailable

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@dataclass(frozen=True)
class Disk:
    """A tmpfs. What does not fit is refused by the kernel, as on any disk."""

    path: Path

    def fill(self, database: Database | None = None) -> None:
        """Take the last byte; with a database also what its write-ahead log has in reserve."""
        with (self.path / "filler").open("ab", buffering=0) as file, suppress(OSError):
            for size in (65536, 4096, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass
        if database is None:
            return
        with suppress(LedgerUnavailable):
            for number in range(5000):
                with database.writing() as session:  # a number in the header of the file, which means nothing to us
                    session.execute(text(f"PRAGMA user_version = {number}"))
            raise AssertionError("the disk does not get full")

    def free(self) -> None:
        """Make room again."""
        (self.path / "filler").unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nobody, root neither, writes while the block runs."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path, megabytes: int = 6) -> Iterator[Disk]:
    """Mount one at `path`; whatever still uses it at the end does not keep it there."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)], check=True)
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextmanager
def locked(ledger: Path) -> Iterator[None]:
    """Another process keeps the write lock while the block runs."""
    command = [sys.executable, "-c", HOLD, str(ledger)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        process.communicate(b"\n")


def complaints(ledger: Path) -> list[object]:
    """What SQLite finds wrong in a database; empty when all is well."""
    with closing(sqlite3.connect(ledger)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        return [row for row in found if row != ("ok",)] + connection.execute("PRAGMA foreign_key_check").fetchall()
