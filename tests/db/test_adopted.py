"""Containers that others started: whose they are, from when on, and until when."""

from __future__ import annotations

from datetime import UTC, datetime

from db import adopted, ledger, workloads
from db.connection import Database
from db.states import ErrorCode, Reason
from tests.ledger_steps import add_workload, ask, begin, pin

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WEB = ("c" * 64, "app", "old-web-1")


def names(database: Database, workload: str = "shop") -> list[tuple[str, int]]:
    with database.reading() as session:
        return [(one.name, one.version) for one in adopted.of_workload(session, workload)]


def adopting(database: Database, name: str = "shop") -> int:
    """An adoption under way; answers the id of its row."""
    with database.writing() as session:
        row = begin(session, add_workload(session, NOW, name), NOW, reason=Reason.ADOPT, pin=pin("a"))
        adopted.add(session, row, [WEB])
        return row.id


def test_a_container_is_the_workloads_once_its_adoption_has_succeeded(database: Database) -> None:
    row_id = adopting(database)
    assert names(database) == []
    with database.writing() as session:
        assert adopted.claimed(session, [WEB[0]]) == ["shop"]
        ledger.succeed(session, row_id, [], NOW)
    assert names(database) == [("old-web-1", 1)]
    assert names(database, "other") == []
    with database.reading() as session:
        found = adopted.find(session, WEB[0])
    assert found == (WEB[0], "shop", 1, "app", "old-web-1")


def test_a_failed_adoption_leaves_the_container_to_nobody(database: Database) -> None:
    row_id = adopting(database)
    with database.writing() as session:
        ledger.fail(session, row_id, ErrorCode.PIN_MISMATCH, "f" * 16, NOW)
        assert adopted.claimed(session, [WEB[0]]) == []
        assert adopted.find(session, WEB[0]) is None
    assert names(database) == []


def test_a_container_of_a_failed_adoption_can_be_adopted_again(database: Database) -> None:
    row_id = adopting(database)
    with database.writing() as session:
        failed = ledger.fail(session, row_id, ErrorCode.INTERRUPTED, "f" * 16, NOW)
        again = begin(session, failed.workload_id, NOW, reason=Reason.ADOPT, pin=pin("a"))
        adopted.add(session, again, [WEB])
        assert [one.version for one in adopted.of_row(session, again)] == [2]
        assert adopted.of_row(session, failed) == []
        ledger.succeed(session, again.id, [], NOW)
    assert names(database) == [("old-web-1", 2)]


def test_it_is_forgotten_when_it_is_gone_and_with_its_workload(database: Database) -> None:
    with database.writing() as session:
        ledger.succeed(session, (row_id := adopting_in(session)), [], NOW)
        adopted.forget(session, ["d" * 64])
        assert adopted.find(session, WEB[0]) is not None
        adopted.forget(session, [WEB[0]])
        assert adopted.find(session, WEB[0]) is None
        row = session.get_one(ledger.Deploy, row_id)
        adopted.add(session, row, [WEB])
        workloads.remove(session, row.workload_id)
    with database.reading() as session:
        assert adopted.find(session, WEB[0]) is None


def adopting_in(session: object) -> int:
    row = begin(session, add_workload(session, NOW), NOW, reason=Reason.ADOPT, pin=pin("a"))  # type: ignore[arg-type]
    adopted.add(session, row, [WEB])  # type: ignore[arg-type]
    return row.id


def test_an_own_deploy_does_not_touch_it(database: Database) -> None:
    row_id = adopting(database)
    with database.writing() as session:
        done = ledger.succeed(session, row_id, [], NOW)
        ask(session, done.workload_id, NOW)
    assert names(database) == [("old-web-1", 1)]
