"""A tick is taken at its moment or not at all, and what was left out is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from db.connection import Database
from db.metrics import collectors
from db.models import Collector
from db.settings import Settings
from flows.engine.prefect_flows import Engine, collect_tick
from tasks.context import Context
from tasks.metrics.collector import Sampler


@pytest.fixture
def engine(settings: Settings, database: Database) -> Iterator[Engine]:
    """An engine that samples each second; there is nothing to sample."""
    context = Context.open(settings.model_copy(update={"stats_interval": 1}), quiet=True)
    yield Engine(context, "test", Sampler(context), threading.BoundedSemaphore(1))
    context.close()


def reports(engine: Engine) -> list[Collector]:
    """What the collector has said."""
    with engine.context.database.reading() as session:
        return list(collectors.every(session))


def taken(engine: Engine, earliest: int) -> int:
    """A moment from then on at which a tick was taken: the next one that the machine is in time for."""
    while True:
        ts = max(earliest, int(time.time()) + 1)
        collect_tick(engine, ts)
        assert time.time() >= ts
        if any(report.ts == ts for report in reports(engine)):
            return ts


def test_a_moment_that_has_passed_is_left_out_and_counted_as_missed(engine: Engine) -> None:
    assert collect_tick(engine, int(time.time()) - 1) == 0
    assert reports(engine) == []
    first = taken(engine, 0)
    last = taken(engine, first + 3)
    (report,) = reports(engine)
    assert (report.ts, report.ticks_total, report.missed_total) == (last, 2, last - first - 1)
    assert last - first - 1 >= 2


def test_an_engine_that_stops_takes_no_further_tick(engine: Engine) -> None:
    engine.context.stopping.set()
    began = time.monotonic()
    assert collect_tick(engine, int(time.time()) + 60) == 0
    assert time.monotonic() - began < 30
    assert reports(engine) == []
