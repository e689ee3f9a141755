"""The ledger's database, and its two kinds of transaction: reading and writing.

SQLite and PostgreSQL behave the same to the callers. Does not migrate (db.migrate) and keeps no global.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

BUSY_TIMEOUT_MS = 15_000


class LedgerUnavailable(Exception):  # noqa: N818 - it names what happened
    """The database cannot be used at the moment, through no fault of the request: a later retry may succeed.

    `cause`: locked, full, read_only, or unreachable. Nothing of the transaction was committed.
    """

    code = "ledger_unavailable"

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Database:
    """One database, shared by all threads of a process. Every use of it may raise LedgerUnavailable."""

    def __init__(self, url: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.engine = _engine(url, busy_timeout_ms)
        self._writer = self.engine.execution_options(backstay_writes=True)
        # PostgreSQL would otherwise take a snapshot per statement: marks of one moment, samples of another.
        one_moment = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        self._reader = self.engine.execution_options(**one_moment)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a read-only session over one snapshot of the database. Its objects stay usable after it is closed."""
        with translated(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """Open a read-only connection without a session, for plain rows: half the cost of a session."""
        with translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session in one transaction: committed at the end of the block, rolled back if it raises.

        SQLite takes its write lock at the start, so that two writers wait for each other instead of one failing
        half-way with SQLITE_BUSY.
        """
        with translated(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turn failures of the disk, the lock or the network into LedgerUnavailable; let all others pass."""
    cause = None
    try:
        yield
    except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
        cause = _cause(error)
        if cause is None:
            raise
    if cause is not None:
        raise LedgerUnavailable(cause) from None  # `with` would chain what it came from


_SQLITE_CAUSES = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "unreachable",
    sqlite3.SQLITE_IOERR: "unreachable",
}


def _cause(error: Exception) -> str | None:
    if isinstance(error, PoolTimeout):
        return "unreachable"
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        # The lower byte is the kind; the upper ones are details that we do not need.
        return _SQLITE_CAUSES.get(getattr(original, "sqlite_errorcode", 0) & 0xFF)
    return "unreachable" if isinstance(error, OperationalError) else None


def _engine(url: str, busy_timeout_ms: int) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    # `timeout` is how long sqlite3 itself waits for a lock; autocommit leaves BEGIN to the hook below.
    engine = create_engine(
        url, connect_args={"timeout": busy_timeout_ms / 1000, "check_same_thread": False}, pool_size=10, max_overflow=30
    )
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("backstay_writes")
    if writes:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    # Touches no file, so it cannot fail. Bypasses SQLAlchemy, whose overhead is larger than a small read.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")


_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def size_bytes(session: Session) -> int:
    """Return the size of the database in bytes, with the space freed by deletions, without the write-ahead log."""
    return int(session.scalar(text(_SIZES[session.get_bind().dialect.name])) or 0)
