"""What happened to containers: recorded, counted and pruned by workload; totals outlive the rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from db.connection import Database
from db.metrics import container_events, counters
from db.models import ContainerEvent
from db.states import ErrorCode
from tests import ledger_steps as steps


def event(workload_id: int, at: datetime, kind: str = "exit", cause: str = "crash", version: int = 1) -> ContainerEvent:
    """An event of the one container of a version."""
    return ContainerEvent(
        workload_id=workload_id, host="local", docker_id=f"{workload_id}-{version}", container="shop-v1",
        deploy_version=version, at_ns=container_events.ns(at), ts=at, kind=kind, cause=cause, exit_code=None,
    )  # fmt: skip


def test_events_are_counted_by_version_and_time_and_known_by_their_moment(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = steps.add_workload(session, now)
        for minute, kind, version in ((0, "exit", 1), (1, "restart", 1), (2, "exit", 1), (3, "exit", 2)):
            container_events.record(session, event(shop, now + timedelta(minutes=minute), kind, version=version))
    until = now + timedelta(minutes=2)
    with database.reading() as session:
        assert container_events.count(session, shop, 1, now, until) == {"exit:crash": 2, "restart:crash": 1}
        assert container_events.count(session, shop, 2, now, until) == {}
        assert [row.kind for row in container_events.between(session, shop, now, until, limit=2)] == ["restart", "exit"]
        assert container_events.newest_ns(session, "local") == container_events.ns(now + timedelta(minutes=3))
        assert container_events.newest_ns(session, "elsewhere") is None
        assert container_events.is_known(session, f"{shop}-1", container_events.ns(now))
        assert not container_events.is_known(session, f"{shop}-2", container_events.ns(now))
        last = container_events.last_of(session, f"{shop}-1", ("restart",))
        assert last is not None
        assert last.ts == now + timedelta(minutes=1)
        assert container_events.last_of(session, "nobody", ("exit",)) is None


def test_rows_are_pruned_by_workload_and_totals_stay(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop, other = steps.add_workload(session, now), steps.add_workload(session, now, "other")
        for minute in range(5):
            container_events.record(session, event(shop, now + timedelta(minutes=minute)))
        container_events.record(session, event(other, now))
        container_events.prune(session, shop, keep=2)
    with database.reading() as session:
        rows = container_events.between(session, shop, now, now + timedelta(hours=1))
        assert [row.ts.minute for row in rows] == [3, 4]
        assert len(container_events.between(session, other, now, now)) == 1
        assert counters.list_all(session) == {(shop, "exits", "crash"): 5, (other, "exits", "crash"): 1}


def test_every_deploy_that_ends_is_counted_with_its_duration(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = steps.add_workload(session, now)
        steps.deploy_well(session, shop, now, "a")
        steps.deploy_badly(session, shop, now, ErrorCode.HEALTH_TIMEOUT)
        slow = steps.begin(session, shop, now)
        steps.ledger.succeed(session, slow.id, [], now + timedelta(seconds=7))
        never_begun = steps.ask(session, shop, now)
        steps.ledger.fail(session, never_begun.id, ErrorCode.CANCELLED, "f" * 16, now)
    with database.reading() as session:
        assert counters.list_all(session) == {
            (shop, "deploys", "succeeded"): 2,
            (shop, "deploys", "failed"): 1,
            (shop, "deploys", "cancelled"): 1,
            (shop, "deploy_ms", ""): 7000,
            (shop, "deploy_bucket", "0.5"): 2,
            (shop, "deploy_bucket", "10"): 1,
        }


def test_a_total_that_two_begin_at_once_has_both(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = steps.add_workload(session, now)

    def add() -> None:
        with database.writing() as session:
            counters.add(session, shop, "exits", "crash")

    assert steps.all_at_once(*[add] * 4) == [None] * 4
    with database.reading() as session:
        assert counters.list_all(session) == {(shop, "exits", "crash"): 4}


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, "0.5"), (0.51, "1"), (600, "600"), (601, "+Inf")])
def test_a_duration_falls_into_the_first_bucket_that_holds_it(seconds: float, expected: str) -> None:
    assert counters.bucket(seconds) == expected


def test_with_its_workload_all_of_it_goes(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = steps.add_workload(session, now)
        container_events.record(session, event(shop, now))
        steps.workloads.remove(session, shop)
        assert counters.list_all(session) == {}
        assert container_events.newest_ns(session, "local") is None
