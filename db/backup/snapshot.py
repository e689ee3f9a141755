"""A copy of a ledger in use, and a check of such a copy. SQLite only: PostgreSQL has pg_dump."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from db.connection import Database, translated


class Unsound(Exception):  # noqa: N818 - it names what happened
    """The file is not a ledger, or SQLite finds it damaged."""


def take(database: Database, target: Path) -> None:
    """Copy the ledger as it is at this moment into a new file. Raises LedgerUnavailable, Unsound.

    One read transaction of the write-ahead log: concurrent writers continue, and are not in the copy. Free pages are
    omitted, and with them deleted data.
    """
    with translated(), _damage_as_unsound(), database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - the connection is open
        # Bypasses SQLAlchemy, which would open a transaction first: VACUUM refuses to run in one.
        driver.execute("VACUUM INTO ?", (str(target),))


def examine(path: Path) -> str:
    """Return the revision of a copy after checking pages, indexes, constraints and references. Raises Unsound."""
    with _damage_as_unsound(), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        dangling = connection.execute("PRAGMA foreign_key_check").fetchall()
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if found != [("ok",)] or dangling or revision is None:
        raise Unsound
    return str(revision[0])


_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})


@contextmanager
def _damage_as_unsound() -> Iterator[None]:
    damaged = False
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        damaged = getattr(original, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
        if not damaged:
            raise
    if damaged:
        raise Unsound from None
