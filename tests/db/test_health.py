"""The status of a workload: what is stored of it, and how it is read together with the rows of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from db import workloads
from db.connection import Database
from db.health import status
from db.health.codes import Judgement, StatusReason, WorkloadStatus
from db.health.status import Standing, standing
from db.metrics import container_events
from db.models import ContainerEvent, Deploy, Workload, WorkloadHealth
from db.states import Status
from tests.ledger_steps import deploy_badly, deploy_well

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
FAILED = Deploy(status=Status.FAILED, error_code="health_timeout", finished_at=NOON)
QUEUED = Deploy(status=Status.QUEUED, queued_at=NOON)
RUNNING = Deploy(status=Status.RUNNING, queued_at=NOON)
LIVE = Deploy(id=7, status=Status.SUCCEEDED, verified=True, finished_at=NOON)
DRIFTED = Deploy(id=7, status=Status.SUCCEEDED, verified=False, finished_at=NOON, verified_since=NOON)
NO_CHANGE = Deploy(id=8, status=Status.SUCCEEDED, finished_at=NOON)
DOWN = Judgement(WorkloadStatus.DOWN, StatusReason.CRASHED, exit_code=3, services=("db",), restarts_10m=1)


def stored(of: int = 7, state: str = "down", cause: str | None = "crashed") -> WorkloadHealth:
    """What a look at the containers of a deploy came to."""
    return WorkloadHealth(
        workload_id=1, deploy_id=of, state=state, cause=cause, since=NOON, exit_code=3, services=["db"], restarts_10m=1
    )


@pytest.mark.parametrize(
    ("live", "last", "looked", "expected"),
    [
        (None, None, None, ("new", None)),
        (None, FAILED, None, ("failed", "health_timeout")),
        (None, QUEUED, None, ("deploying", None)),
        (LIVE, RUNNING, stored(), ("deploying", None)),
        (LIVE, LIVE, None, ("live", None)),
        (LIVE, FAILED, None, ("live", None)),
        (LIVE, NO_CHANGE, None, ("live", None)),
        (LIVE, LIVE, stored(), ("down", "crashed")),
        (LIVE, FAILED, stored(), ("down", "crashed")),
        (LIVE, LIVE, stored(state="live", cause=None), ("live", None)),
        (LIVE, LIVE, stored(of=6), ("live", None)),  # of the version before it
        (DRIFTED, DRIFTED, None, ("drifted", "not_as_pinned")),
        (DRIFTED, DRIFTED, stored(), ("down", "crashed")),
    ],
)
def test_a_status_follows_from_the_rows_and_the_last_look(
    live: Deploy | None, last: Deploy | None, looked: WorkloadHealth | None, expected: tuple[str, str | None]
) -> None:
    workload = Workload(created_at=NOON, removing_at=None)
    found = standing(workload, live, last, looked, watched=True)
    assert (found.status, found.reason) == expected
    assert found.since == NOON
    removing = Workload(created_at=NOON, removing_at=NOON)
    assert standing(removing, live, last, looked, watched=True) == Standing(WorkloadStatus.REMOVING, NOON)


@pytest.mark.parametrize("looked", [None, stored(), stored(state="live", cause=None)])
def test_without_its_engine_nobody_knows_how_a_live_version_is(looked: WorkloadHealth | None) -> None:
    workload = Workload(created_at=NOON, removing_at=None)
    found = standing(workload, LIVE, LIVE, looked, watched=False)
    assert found == Standing(WorkloadStatus.UNKNOWN, None, "engine_away")
    assert standing(workload, None, FAILED, None, watched=False).status == "failed"


def looked_at(database: Database, workload_id: int, live: Deploy, found: Judgement, at: datetime) -> Standing:
    """The status after a look."""
    with database.writing() as session:
        status.put(session, workload_id, live, found, at)
    with database.reading() as session:
        workload = workloads.by_id(session, workload_id)
        return standing(workload, live, live, status.find(session, workload_id), watched=True)


def test_a_status_keeps_its_moment_while_it_lasts(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        live = deploy_well(session, shop, now, "a")
    one, two, three, four = (now + timedelta(minutes=minute) for minute in (1, 2, 3, 4))
    first = looked_at(database, shop, live, DOWN, one)
    assert first == Standing(WorkloadStatus.DOWN, one, "crashed", 3, ("db",), 1)
    taken = Judgement(WorkloadStatus.DOWN, StatusReason.PORT_IN_USE)
    assert looked_at(database, shop, live, taken, two) == Standing(WorkloadStatus.DOWN, one, "port_in_use")
    well = Judgement(WorkloadStatus.LIVE)
    assert looked_at(database, shop, live, well, three) == Standing(WorkloadStatus.LIVE, three)
    caused = Judgement(WorkloadStatus.CRASHING, StatusReason.CRASHED, since=three + timedelta(seconds=5))
    assert looked_at(database, shop, live, caused, four).since == three + timedelta(seconds=5)


def test_a_cause_from_before_it_went_live_is_not_when_it_began(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        live = deploy_well(session, shop, now, "a")
    old = Judgement(WorkloadStatus.DOWN, StatusReason.CRASHED, since=now - timedelta(hours=1))
    assert looked_at(database, shop, live, old, now + timedelta(minutes=1)).since == live.finished_at


def test_a_deploy_that_succeeds_leaves_nothing_of_the_version_before_it(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        first = deploy_well(session, shop, now, "a")
        status.put(session, shop, first, DOWN, now)
        assert standing_of(session, shop).status == "down"
        deploy_badly(session, shop, now)
        assert standing_of(session, shop).status == "down"
        deploy_well(session, shop, now, "b")
        assert standing_of(session, shop).status == "live"


def standing_of(session: Any, workload_id: int) -> Standing:
    """The status, from all that is stored."""
    from db import history

    live, last = history.live(session, workload_id), history.latest(session, workload_id)
    found = status.every(session).get(workload_id)
    return standing(workloads.by_id(session, workload_id), live, last, found, watched=True)


@pytest.mark.parametrize(
    ("looked", "found", "told"),
    [
        (None, Judgement(WorkloadStatus.LIVE), True),
        (None, Judgement(WorkloadStatus.LIVE, restarts_10m=1), False),
        (None, DOWN, False),
        (stored(), DOWN, True),
        (stored(of=6), DOWN, False),
        (stored(of=6), Judgement(WorkloadStatus.LIVE), True),
        (stored(), Judgement(WorkloadStatus.LIVE), False),
        (stored(), Judgement(WorkloadStatus.DOWN, StatusReason.CRASHED, None, 4, ("db",), 1), False),
    ],
)
def test_what_is_stored_already_is_not_written_again(
    looked: WorkloadHealth | None, found: Judgement, told: bool
) -> None:
    assert status.is_told(looked, LIVE, found) is told


def test_it_goes_with_its_workload(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        status.put(session, shop, deploy_well(session, shop, now, "a"), DOWN, now)
    with database.writing() as session:
        workloads.remove(session, shop)
    with database.reading() as session:
        assert session.scalars(select(WorkloadHealth)).all() == []


def test_the_ends_of_a_version_are_found_by_cause_and_time(database: Database, shop: int, now: datetime) -> None:
    told = [  # minutes before now, container, version, kind, cause
        (11, "a", 2, "exit", "crash"),
        (9, "a", 2, "exit", "crash"),
        (8, "a", 2, "restart", "crash"),
        (7, "a", 1, "exit", "crash"),
        (6, "b", 2, "exit", "by_hand"),
        (5, "a", 2, "exit", "oom"),
    ]
    with database.writing() as session:
        for minutes, docker_id, version, kind, cause in told:
            moment = now - timedelta(minutes=minutes)
            container_events.record(
                session,
                ContainerEvent(
                    workload_id=shop, host="local", docker_id=docker_id, container="c", deploy_version=version,
                    at_ns=container_events.ns(moment), ts=moment, kind=kind, cause=cause, exit_code=1,
                ),
            )  # fmt: skip
    with database.reading() as session:
        since = now - timedelta(minutes=10)
        recent = container_events.exits_since(session, shop, 2, since, ["crash", "oom"])
        assert [row.cause for row in recent] == ["crash", "oom"]
        last = container_events.last_exits(session, ["a", "b", "c"])
        assert {one: row.cause for one, row in last.items()} == {"a": "oom", "b": "by_hand"}
        assert container_events.last_exits(session, []) == {}
