"""What the disk, the lock and the network do to the database comes out as one error with its cause, and passes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db import migrate
from db.connection import Database, LedgerUnavailable
from tests.real_parts import free_port


@pytest.fixture
def file(home: Path, migrated_sqlite: Path) -> Path:
    """A SQLite ledger."""
    home.mkdir()
    (home / "backstay.db").write_bytes(migrated_sqlite.read_bytes())
    return home / "backstay.db"


def cause(database: Database) -> str:
    """Why it cannot be written."""
    with pytest.raises(LedgerUnavailable) as error, database.writing() as session:
        session.execute(text("DELETE FROM documents"))
    assert error.value.__suppress_context__
    return error.value.cause


def test_a_lock_that_stays_is_told_and_one_that_goes_is_waited_for(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert cause(Database(f"sqlite:///{file}", busy_timeout_ms=200)) == "locked"
        timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        timer.start()
        with Database(f"sqlite:///{file}").writing() as session:
            session.execute(text("DELETE FROM documents"))
        timer.join()


def test_a_full_database_is_told(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    fill = text("INSERT INTO documents VALUES (hex(randomblob(32)), hex(randomblob(100000)), '2026-01-01')")
    with pytest.raises(LedgerUnavailable) as error, database.writing() as session:
        session.execute(text("PRAGMA max_page_count = 100"))
        while True:
            session.execute(fill)
    assert error.value.cause == "full"
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM documents")) == 0


def test_a_directory_that_is_gone_is_told_by_every_door(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'backstay.db'}")
    assert cause(database) == "unreachable"
    for look in (migrate.upgrade, migrate.is_current):
        with pytest.raises(LedgerUnavailable):
            look(database)


def test_a_postgresql_that_does_not_answer_is_told() -> None:
    assert cause(Database(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/ledger")) == "unreachable"


def test_a_mistake_of_our_own_is_not_hidden_behind_it(file: Path) -> None:
    with pytest.raises(OperationalError), Database(f"sqlite:///{file}").reading() as session:
        session.execute(text("SELECT * FROM no_such_table"))
