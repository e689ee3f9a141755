"""The two kinds of transaction behave the same on both databases."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from db import event_log, workloads
from db.connection import Database, size_bytes
from db.messages.events import tell
from db.models import Event, Workload
from db.settings import Settings
from tests.ledger_steps import add_workload, all_at_once


def test_a_block_that_raises_leaves_nothing(database: Database, now: datetime) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        add_workload(session, now)
        raise RuntimeError
    with database.reading() as session:
        assert workloads.every(session) == []


def test_writers_that_read_before_they_write_wait_for_each_other(database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload_id = add_workload(session, now)

    def count_up() -> None:
        for _ in range(5):
            with database.writing() as session:
                seen = session.get_one(Workload, workload_id, with_for_update=True).last_version
                session.execute(update(Workload).where(Workload.id == workload_id).values(last_version=seen + 1))

    assert all_at_once(*[count_up] * 8) == [None] * 8
    with database.reading() as session:
        assert session.get_one(Workload, workload_id).last_version == 40


def test_a_reader_is_not_held_up_by_a_writer_and_sees_what_is_committed(database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload_id = add_workload(session, now)
    with database.writing() as writer:
        event_log.note(writer, workload_id, tell("created"), now)
        with database.reading() as reader:
            assert event_log.page(reader, workload_id) == []
    with database.reading() as reader:
        assert [event.message for event in event_log.page(reader, workload_id)] == ["Created."]


def test_all_that_a_reader_asks_is_of_one_moment(database: Database, now: datetime) -> None:
    with database.writing() as writer:
        add_workload(writer, now, name="first")
    with database.reading() as reader:
        assert [one.name for one in workloads.every(reader)] == ["first"]
        with database.writing() as writer:
            add_workload(writer, now, name="second")
        assert [one.name for one in workloads.every(reader)] == ["first"]
    with database.reading() as reader:
        assert [one.name for one in workloads.every(reader)] == ["first", "second"]


def test_objects_stay_usable_after_their_session(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_workload(session, now, name="shop")
    with database.reading() as session:
        workload = workloads.find(session, "shop")
    assert workload is not None
    assert workload.spec["name"] == "shop"


def test_a_moment_comes_back_as_the_same_moment_in_utc(database: Database, now: datetime) -> None:
    in_tokyo = now.astimezone(timezone(timedelta(hours=9)))
    with database.writing() as session:
        event_log.note(session, add_workload(session, now), tell("created"), in_tokyo)
    with database.reading() as session:
        (moment,) = session.scalars(select(Event.ts)).all()
    assert moment == now
    assert moment.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(database: Database, now: datetime) -> None:
    with pytest.raises(StatementError, match="time zone"), database.writing() as session:
        event_log.note(session, add_workload(session, now), tell("created"), now.replace(tzinfo=None))


def test_foreign_keys_are_enforced(database: Database, now: datetime) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        event_log.note(session, 4711, tell("created"), now)


def test_sqlite_writes_ahead_and_syncs_each_commit(settings: Settings, migrated_sqlite: Path) -> None:
    shutil.copy(migrated_sqlite, settings.home / "backstay.db")
    database = Database(settings.ledger_url)
    with database.reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        # A page of a mapped file that the disk does not give ends the process, where a read would raise.
        assert session.scalar(text("PRAGMA mmap_size")) == 0
    database.close()


def test_the_ledger_knows_its_size(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_workload(session, now)
    with database.reading() as session:
        assert size_bytes(session) > 10_000
