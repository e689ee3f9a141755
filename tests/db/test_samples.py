"""Samples: a tick goes in as a whole, a span comes out, the old goes in small steps."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from db.connection import Database
from db.metrics import samples
from db.models import OWNER


def reading(owner_id: int, ts: int, container_id: int = 1, **values: Any) -> dict[str, Any]:
    """One reading of one container."""
    row = {"owner_id": owner_id, "owner_type": OWNER, "ts": ts, "container_id": container_id}
    return row | {"cpu_percent": 12.5, "memory_usage": 1000, "memory_limit": None} | values


def test_a_span_gives_one_workload_with_both_ends_included(database: Database) -> None:
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, 30, 2, memory_limit=64), reading(1, 30, 1), reading(2, 30, 3)])
        samples.insert_tick(session, [reading(1, 15, 1, cpu_percent=None)])
        samples.insert_tick(session, [reading(1, 45, 1), reading(1, 60, 1)])
    with database.reading() as session:
        rows = samples.span(session, 1, since=15, until=45)
        assert samples.COLUMNS == ("ts", "container_id", "cpu_percent", "memory_usage", "memory_limit")
        assert sorted(rows, key=lambda row: row[:2]) == [
            (15, 1, None, 1000, None),
            (30, 1, 12.5, 1000, None),
            (30, 2, 12.5, 1000, 64),
            (45, 1, 12.5, 1000, None),
        ]
        assert [row[0] for row in rows] == [15, 30, 30, 45]
        assert samples.span(session, 3, since=0, until=100) == []


def test_an_empty_tick_is_no_row(database: Database) -> None:
    with database.writing() as session:
        samples.insert_tick(session, [])
    with database.reading() as session:
        assert samples.last_of_each(session, since=0) == []


def test_a_tick_is_in_whole_or_not_at_all(database: Database) -> None:
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, 15)])
    with pytest.raises(IntegrityError), database.writing() as session:
        samples.insert_tick(session, [reading(1, 30), reading(1, 15)])
    with database.reading() as session:
        assert [row[0] for row in samples.span(session, 1, 0, 100)] == [15]


def test_bytes_beyond_32_bits_come_back_whole(database: Database) -> None:
    terabytes = 3 * 2**40
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, 2**32, memory_usage=terabytes, network_rx=terabytes)])
    with database.reading() as session:
        assert samples.span(session, 1, 0, 2**33) == [(2**32, 1, 12.5, terabytes, None)]


def test_the_newest_of_each_workload_come_with_their_owner(database: Database) -> None:
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, 15), reading(1, 30), reading(2, 30, 7), reading(3, 15)])
    with database.reading() as session:
        assert [(row[0], row[1]) for row in samples.last_of_each(session, since=30)] == [(1, 30), (2, 30)]


def test_pruning_goes_by_steps_of_an_hour_and_stops_at_the_limit(database: Database) -> None:
    start, hours = 1_000_000, 3
    ticks = range(start, start + hours * 3600, 300)
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, ts) for ts in ticks] + [reading(2, start)])
    limit, steps = start + 2 * 3600 + 600, []
    while True:
        with database.writing() as session:
            gone = samples.prune(session, 1, before=limit)
        if gone == 0:
            break
        steps.append(gone)
    assert steps == [12, 12, 2]
    with database.reading() as session:
        assert [row[0] for row in samples.span(session, 1, 0, 2**40)] == [ts for ts in ticks if ts >= limit]
        assert len(samples.span(session, 2, 0, 2**40)) == 1


def test_pruning_over_a_gap_goes_on_behind_it(database: Database) -> None:
    with database.writing() as session:
        samples.insert_tick(session, [reading(1, 0), reading(1, 1_000_000), reading(1, 2_000_000)])
        assert [samples.prune(session, 1, before=1_500_000) for _ in range(3)] == [1, 1, 0]
