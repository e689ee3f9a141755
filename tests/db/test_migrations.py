"""The migrations end where the models are, can be taken back, and stand two starts at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from db import event_log, ledger
from db.connection import Database
from db.messages.events import tell
from db.migrate import alembic_config, head, is_current, upgrade
from db.models import Base, Deploy
from tests.ledger_steps import add_workload, all_at_once, ask, deploy_well


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without any table."""
    database = Database(empty_url)
    yield database
    database.close()


def differences(database: Database) -> list[object]:
    """What Alembic would have to change to get from the database to the models."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back."""
    config = alembic_config()
    with database.engine.execution_options(backstay_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_an_upgrade_from_nothing_ends_where_the_models_are(empty: Database) -> None:
    assert differences(empty) != []
    assert upgrade(empty) == head()
    assert differences(empty) == []


def test_an_upgrade_of_what_is_newest_changes_nothing(empty: Database, now: datetime) -> None:
    assert is_current(empty) is False
    upgrade(empty)
    with empty.writing() as session:
        add_workload(session, now)
    assert upgrade(empty) == head()
    assert is_current(empty) is True
    with empty.writing() as session:
        assert add_workload(session, now, name="second") == 2


def test_down_and_up_again_gives_the_same_schema(empty: Database, now: datetime) -> None:
    upgrade(empty)
    with empty.writing() as session:
        deploy_well(session, add_workload(session, now), now, "a")
    downgrade(empty, "base")
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version"}
    assert is_current(empty) is False
    upgrade(empty)
    assert differences(empty) == []


def test_each_single_step_down_and_up_gives_the_same_schema(empty: Database) -> None:
    upgrade(empty)
    downgrade(empty, "-1")
    upgrade(empty)
    assert differences(empty) == []


def test_since_when_a_row_is_verified_is_found_in_what_there_was(empty: Database, now: datetime) -> None:
    upgrade(empty)
    with empty.writing() as session:
        for minute, (name, becomes) in enumerate({"shop": [], "blog": [False], "wiki": [False, True]}.items()):
            workload = add_workload(session, now, name)
            live = [deploy_well(session, workload, now, image) for image in "ab"][-1]
            for hour, verified in enumerate(becomes, start=1):
                moment = now + timedelta(hours=hour, minutes=minute)
                ledger.mark_verified(session, live.id, verified, moment)
                code = "as_pinned_again" if verified else "drifted"
                event_log.note(session, workload, tell(code, version=live.version), moment)
        known = since(session)
    downgrade(empty, "0008_hooks")
    upgrade(empty)
    with empty.reading() as session:
        assert since(session) == known
    assert len(set(known.values())) == 3


def since(session: Session) -> dict[tuple[int, int], datetime | None]:
    """Since when each row is what it is."""
    return {(row.workload_id, row.version): row.verified_since for row in session.scalars(select(Deploy))}


def test_the_partial_indexes_are_partial(empty: Database, now: datetime) -> None:
    # compare_metadata does not look at the WHERE of an index: without it a second version would be refused.
    upgrade(empty)
    with empty.writing() as session:
        workload_id = add_workload(session, now)
        deploy_well(session, workload_id, now, "a")
        deploy_well(session, workload_id, now, "b")
        assert ask(session, workload_id, now).version == 3


def test_on_sqlite_the_tables_are_kept_as_the_models_want_them(migrated_sqlite: Path) -> None:
    # Nor does it look at these.
    database = Database(f"sqlite:///{migrated_sqlite}")
    with database.reading() as session:
        tables = session.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
    database.close()
    made = {name: sql for name, sql in tables}  # noqa: C416 - dict() would not take these rows
    for table in Base.metadata.sorted_tables:
        options = table.dialect_options["sqlite"]
        assert ("AUTOINCREMENT" in made[table.name]) is bool(options["autoincrement"]), table.name
        assert ("WITHOUT ROWID" in made[table.name]) is (options["with_rowid"] is False), table.name


def test_threads_that_upgrade_at_once_all_end_at_the_newest(empty: Database) -> None:
    assert all_at_once(*[lambda: upgrade(empty)] * 4) == [head()] * 4
    assert differences(empty) == []


def test_processes_that_upgrade_at_once_all_end_at_the_newest(empty_url: str, empty: Database) -> None:
    program = "import sys; from db.connection import Database; from db.migrate import upgrade; "
    program += "sys.stdin.readline(); print(upgrade(Database(sys.argv[1])))"
    starts = [
        Popen([sys.executable, "-c", program, empty_url], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(3)
    ]
    for start in starts:
        assert start.stdin is not None
        start.stdin.write("go\n")
        start.stdin.flush()
    outcomes = [start.communicate(timeout=60) for start in starts]
    assert [(output.strip(), start.returncode) for start, (output, _) in zip(starts, outcomes, strict=True)] == [
        (head(), 0)
    ] * 3, outcomes
    assert differences(empty) == []
