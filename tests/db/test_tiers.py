"""Tiers of samples: whatever was summed up, pruned or late, a read answers what the samples say."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from db import workloads
from db.connection import Database
from db.metrics import containers, samples, tiers
from db.metrics.bucket_widths import HOUR, INSTALLATION, MINUTE, QUARTER, SAMPLES, TICK, TIERS
from db.models import Bucket, Container, Sample, TierMark
from db.settings import Settings
from tasks.metrics import history, rollup
from tasks.metrics.aggregate import per_timestamp
from tests.ledger_steps import add_workload

NOW = 1_764_000_000 // HOUR * HOUR + 1234
WINDOWS = {1800: SAMPLES, 6 * 3600: SAMPLES, 86400: MINUTE, 7 * 86400: QUARTER, 30 * 86400: HOUR}
Row = dict[str, Any]


def sample(owner_id: int, ts: int, container_id: int, **values: Any) -> Row:
    """One reading of one container."""
    row = {"owner_id": owner_id, "owner_type": workloads.OWNER, "ts": ts, "container_id": container_id}
    return row | {"cpu_percent": 12.5, "memory_usage": 1000, "memory_limit": None} | values


def insert(database: Database, rows: Iterable[Row]) -> None:
    """Insert samples as the collector does, a tick at a time."""
    ticks = defaultdict(list)
    for row in rows:
        ticks[row["ts"]].append(row)
    with database.writing() as session:
        for tick in ticks.values():
            samples.insert_tick(session, tick)


def sum_up(database: Database, now: int, *owners: int) -> None:
    """What housekeeping does for these owners, and then for the installation."""
    for owner in (*owners, INSTALLATION):
        with database.writing() as session:
            rollup.find_older(session, owner)
        for width in TIERS:
            advance(database, owner, width, now)


def advance(database: Database, owner: int, width: int, now: int) -> None:
    """One tier of one owner, step by step to its end."""
    more = True
    while more:
        with database.writing() as session:
            more = rollup.advance(session, owner, width, now)


def read(database: Database, settings: Settings, owner: int, window_s: int, now: int = NOW) -> list[dict[str, Any]]:
    """Points of a window."""
    with database.reading() as session:
        return history.history(session, settings, owner, window_s, now)


def index(database: Database, owner: int, versions: dict[int, int]) -> None:
    """Containers of these versions, by id, in the index."""
    with database.writing() as session:
        for container, version in versions.items():
            row = Container(
                id=container, docker_id=f"c{container}", owner_type=workloads.OWNER, owner_id=owner,
                deploy_version=version, service="main", name=f"c{container}", image_id="sha256:a", host="local",
                created_at=datetime.now(UTC),
            )  # fmt: skip
            session.add(row)


def expected(rows: Iterable[Row], window_s: int, now: int = NOW) -> list[dict[str, Any]]:
    """Points of a window, added up in plain Python from every sample that there ever was."""
    width = WINDOWS[window_s]
    since = now - window_s + -(now - window_s) % (width or 15)
    moments: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if since <= row["ts"] <= now:
            moments[row["ts"]].append(row)
    buckets: dict[int, list[tuple[float | None, int, int | None]]] = defaultdict(list)
    for ts, its in sorted(moments.items()):
        cpus = [row["cpu_percent"] for row in its if row["cpu_percent"] is not None]
        limit = max((row["memory_limit"] for row in its if row["memory_limit"] is not None), default=None)
        moment = (sum(cpus) if cpus else None, sum(row["memory_usage"] for row in its), limit)
        buckets[ts if not width else ts // width * width].append(moment)
    return [point(ts, its, peaks=bool(width)) for ts, its in buckets.items()]


def point(ts: int, its: list[tuple[float | None, int, int | None]], *, peaks: bool) -> dict[str, Any]:
    """A bucket of moments (cpu, memory, limit) as a point."""
    cpus = [cpu for cpu, _, _ in its if cpu is not None]
    memory = [memory for _, memory, _ in its]
    found = {
        "ts": ts,
        "cpu_percent": sum(cpus) / len(cpus) if cpus else None,
        "memory_usage": sum(memory) / len(memory),
        "memory_limit": max((limit for _, _, limit in its if limit is not None), default=None),
    }
    largest = {"cpu_percent_max": max(cpus, default=None), "memory_usage_max": max(memory)}
    return found | largest if peaks else found


def agree(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> bool:
    """Equal to the decimals that are shown: 2 of CPU, none of bytes."""
    assert [point.keys() for point in found] == [point.keys() for point in wanted]
    pairs = [(name, one[name], other[name]) for one, other in zip(found, wanted, strict=True) for name in one]
    return [pair for pair in pairs if not close(*pair)] == []


def close(name: str, one: float | None, other: float | None) -> bool:
    """None only to None; else not further apart than rounding makes them."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= (0.00501 if name.startswith("cpu") else 0.5)


@pytest.fixture
def shop(database: Database, now: datetime) -> int:
    """A workload."""
    with database.writing() as session:
        return add_workload(session, now)


def a_day_of(owner: int, random: Random, *, until: int = NOW, hours: int = 26) -> list[Row]:
    """Samples of 1 to 3 containers each 5 minutes, with a gap of two hours, a reading without CPU now and then."""
    ticks = range((until - hours * 3600) // 15 * 15, until, 300)
    gap = range(until - 9 * 3600, until - 7 * 3600)
    return [
        sample(
            owner,
            ts,
            owner * 10 + container,
            cpu_percent=random.choice([None, random.uniform(0, 90), random.uniform(0, 90)]),
            memory_usage=random.randrange(2**30),
            memory_limit=random.choice([None, 2**29]),
        )
        for ts in ticks
        if ts not in gap
        for container in range(1, random.randint(1, 3) + 1)
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_read_is_what_the_samples_say_however_far_they_are_summed_up(
    database: Database, settings: Settings, shop: int, seed: int
) -> None:
    random = Random(seed)
    rows = a_day_of(shop, random)
    late = [row for row in rows if random.random() < 0.1]
    in_time = [row for row in rows if row not in late]
    middle = len(in_time) // 2
    insert(database, in_time[:middle])
    sum_up(database, in_time[middle]["ts"], shop)
    insert(database, in_time[middle:])
    sum_up(database, NOW - random.randrange(5000), shop)
    insert(database, late)  # into what is summed up, and into the gap that a missing tick left
    for window_s in WINDOWS:
        assert agree(read(database, settings, shop, window_s), expected(rows, window_s)), window_s
        assert agree(read(database, settings, INSTALLATION, window_s), expected(rows, window_s)), window_s
    sum_up(database, NOW, shop)
    for window_s in WINDOWS:
        assert agree(read(database, settings, shop, window_s), expected(rows, window_s)), window_s
        assert agree(read(database, settings, INSTALLATION, window_s), expected(rows, window_s)), window_s


def test_all_workloads_together_are_their_sum_in_every_window(
    database: Database, settings: Settings, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        other = add_workload(session, now, name="other")
    rows = a_day_of(shop, Random(3)) + a_day_of(other, Random(4))
    insert(database, rows)
    for moment in (NOW - 4000, NOW):
        sum_up(database, moment, shop, other)
        for window_s in WINDOWS:
            assert agree(read(database, settings, INSTALLATION, window_s), expected(rows, window_s)), window_s


def test_the_database_adds_up_a_moment_as_pandas_does(database: Database, shop: int) -> None:
    insert(database, a_day_of(shop, Random(5), hours=4))
    with database.reading() as session:
        sums, rows = samples.sums(session, shop, 0, NOW), samples.span(session, shop, 0, NOW)
        of_all = samples.sums_of_all(session, 0, NOW)
    wanted = per_timestamp(rows)
    assert agree([dict(zip(samples.SUMS, row, strict=True)) for row in sums], wanted)
    assert agree([dict(zip(samples.SUMS, row, strict=True)) for row in of_all], wanted)
    assert all(isinstance(row[2], int) for row in sums)


def stored(database: Database, owner: int) -> list[tuple[Any, ...]]:
    """All buckets of an owner."""
    with database.reading() as session:
        return [row for width in TIERS for row in tiers.all_buckets(session, owner, width, 0, 2**40)]


def test_summing_up_again_changes_nothing(database: Database, shop: int) -> None:
    insert(database, a_day_of(shop, Random(6), hours=5))
    sum_up(database, NOW, shop)
    before = stored(database, shop), stored(database, INSTALLATION)
    sum_up(database, NOW, shop)
    sum_up(database, NOW + 5, shop)
    assert (stored(database, shop), stored(database, INSTALLATION)) == before
    assert before[0]
    assert before[1]


def test_a_crash_in_a_step_leaves_the_tier_as_it_was_and_the_next_round_makes_up_for_it(
    database: Database, settings: Settings, shop: int
) -> None:
    rows = a_day_of(shop, Random(7), hours=5)
    insert(database, rows)
    for width in (TICK, MINUTE):
        advance(database, shop, width, NOW - 7200)
        with pytest.raises(ZeroDivisionError), database.writing() as session:
            rollup.advance(session, shop, width, NOW)
            raise ZeroDivisionError
    assert agree(read(database, settings, shop, 86400), expected(rows, 86400))
    sum_up(database, NOW, shop)
    assert agree(read(database, settings, shop, 30 * 86400), expected(rows, 30 * 86400))


def test_steps_are_short_and_reach_the_end(
    database: Database, settings: Settings, shop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "MOST_ROWS", 20)
    rows = a_day_of(shop, Random(8), hours=4)
    insert(database, rows)
    with database.writing() as session:
        assert rollup.advance(session, shop, TICK, NOW) is True
    sum_up(database, NOW, shop)
    with database.reading() as session:
        assert tiers.marks(session, shop)[MINUTE][1] == (NOW - rollup.SETTLE_S) // 60 * 60
        assert tiers.marks(session, INSTALLATION)[TICK][1] == NOW - rollup.SETTLE_S
    for owner in (shop, INSTALLATION):
        assert agree(read(database, settings, owner, 86400), expected(rows, 86400))


def test_history_that_is_put_in_later_is_found_and_summed_up(database: Database, settings: Settings, shop: int) -> None:
    rows = a_day_of(shop, Random(9), hours=2)
    insert(database, rows)
    sum_up(database, NOW, shop)
    older = a_day_of(shop, Random(10), until=NOW - 3 * 3600, hours=20)
    with database.writing() as session:  # past the collector, as an import would
        session.execute(Sample.__table__.insert(), older)
    assert agree(read(database, settings, shop, 7 * 86400), expected([*older, *rows], 7 * 86400))
    sum_up(database, NOW, shop)
    assert agree(read(database, settings, shop, 7 * 86400), expected([*older, *rows], 7 * 86400))
    with database.reading() as session:
        assert tiers.marks(session, shop)[HOUR][0] <= older[0]["ts"]


def test_a_deploy_is_read_version_by_version(database: Database, settings: Settings, shop: int) -> None:
    start = NOW // HOUR * HOUR - 3 * HOUR
    old = [sample(shop, ts, 1, memory_usage=100) for ts in range(start, start + 1830, 15)]
    new = [sample(shop, ts, 2, memory_usage=300) for ts in range(start + 1800, start + 3600, 15)]
    lost = [sample(shop, start + 1800, 3, memory_usage=7)]
    index(database, shop, {1: 4, 2: 5})
    insert(database, [*old, *new, *lost])
    for _ in range(2):
        for window_s in WINDOWS:
            with database.reading() as session:
                points = history.history_by_deploy(session, settings, shop, window_s, NOW)
            for version, rows in ((4, old), (5, new)):
                own = [
                    {key: value for key, value in point.items() if key != "version"}
                    for point in points
                    if point["version"] == version
                ]
                assert agree(own, expected(rows, window_s)), window_s
            assert [(point["ts"], point["version"]) for point in points] == sorted(
                (point["ts"], point["version"]) for point in points
            )
            assert agree(read(database, settings, shop, window_s), expected([*old, *new, *lost], window_s))
        sum_up(database, NOW, shop)


def test_an_hour_of_one_version_is_one_row(database: Database, shop: int) -> None:
    start = NOW // HOUR * HOUR - 2 * HOUR
    index(database, shop, {1: 4})
    insert(database, [sample(shop, ts, 1) for ts in range(start, start + HOUR, 15)])
    sum_up(database, NOW, shop)
    with database.reading() as session:
        counts = dict(
            session.execute(
                select(Bucket.width, func.count()).where(Bucket.owner_id == shop).group_by(Bucket.width)
            ).all()  # type: ignore[arg-type]
        )
        assert counts == {TICK: 240, MINUTE: 60, QUARTER: 4, HOUR: 1}
        (row,) = tiers.all_buckets(session, shop, HOUR, 0, NOW)
        assert (row[0], row[-1]) == (4, 1)


def prune_samples(database: Database, owner: int, before: int) -> None:
    """As housekeeping does, as far as it may."""
    gone = -1
    while gone:
        with database.writing() as session:
            gone = samples.prune(session, owner, rollup.deletable(session, owner, SAMPLES, before))


def count_samples(database: Database) -> int:
    """All samples."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Sample)) or 0


def test_samples_stay_until_they_are_summed_up_for_both_the_workload_and_the_installation(
    database: Database, settings: Settings, shop: int
) -> None:
    rows = a_day_of(shop, Random(11), hours=6)
    insert(database, rows)
    prune_samples(database, shop, NOW)
    advance(database, shop, TICK, NOW)
    prune_samples(database, shop, NOW)
    assert count_samples(database) == len(rows)
    sum_up(database, NOW, shop)
    prune_samples(database, shop, NOW)
    assert count_samples(database) < len(rows) / 10
    for owner in (shop, INSTALLATION):
        for window_s in (86400, 7 * 86400, 30 * 86400):
            assert agree(read(database, settings, owner, window_s), expected(rows, window_s)), window_s


def test_a_reader_keeps_the_samples_that_are_deleted_while_it_reads(
    database: Database, settings: Settings, shop: int
) -> None:
    rows = a_day_of(shop, Random(14), hours=6)
    insert(database, rows)
    with database.reading() as reader:
        assert tiers.marks(reader, shop) == {}  # so all of the answer is to come from the samples
        sum_up(database, NOW, shop)
        prune_samples(database, shop, NOW)
        assert count_samples(database) < len(rows) / 10
        assert len(samples.span(reader, shop, 0, NOW)) == len(rows)
        assert agree(history.history(reader, settings, shop, 86400, NOW), expected(rows, 86400))


def test_a_sample_that_comes_after_its_neighbours_are_deleted_leaves_their_buckets_alone(
    database: Database, settings: Settings, shop: int
) -> None:
    rows = a_day_of(shop, Random(12), hours=6)
    insert(database, rows)
    sum_up(database, NOW, shop)
    prune_samples(database, shop, NOW - 2 * 3600)
    insert(database, [sample(shop, NOW // 15 * 15 - 4 * 3600, 99, memory_usage=2**40)])
    sum_up(database, NOW, shop)
    for owner in (shop, INSTALLATION):
        assert agree(read(database, settings, owner, 86400), expected(rows, 86400))


def test_buckets_are_pruned_in_steps_and_only_when_the_next_tier_has_them(
    database: Database, shop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "MOST_PRUNED", 10)
    insert(database, [sample(shop, NOW // 60 * 60 - 7200 + ts, 1) for ts in range(0, 3600, 60)])
    for width in (TICK, MINUTE):
        advance(database, shop, width, NOW)
    with database.writing() as session:
        assert rollup.deletable(session, shop, MINUTE, NOW) == 0
    sum_up(database, NOW, shop)
    steps = [-1]
    while steps[-1]:
        with database.writing() as session:
            steps.append(tiers.prune(session, shop, MINUTE, rollup.deletable(session, shop, MINUTE, NOW)))
    assert (sum(steps) + 1, max(steps)) == (60, 10)
    with database.reading() as session:
        assert tiers.all_buckets(session, shop, MINUTE, 0, NOW) == []
        assert sum(row[2] for row in tiers.all_buckets(session, shop, QUARTER, 0, NOW)) == 60


def test_a_removed_workload_takes_its_tiers_along_and_the_sum_of_all_keeps_its_part(
    database: Database, settings: Settings, shop: int
) -> None:
    rows = a_day_of(shop, Random(13), hours=5)
    insert(database, rows)
    sum_up(database, NOW, shop)
    with database.writing() as session:
        workloads.begin_removal(session, shop, datetime.now(UTC))
    insert(database, [sample(shop, NOW // 15 * 15 - 3600, 77)])
    with database.writing() as session:
        assert rollup.advance(session, shop, TICK, NOW) is False  # nothing is made of what is being removed
    with database.writing() as session:
        workloads.remove(session, shop)
        assert session.scalars(select(TierMark.width).where(TierMark.owner_id == shop)).all() == []
    assert stored(database, shop) == []
    with database.writing() as session:
        assert rollup.advance(session, shop, TICK, NOW) is False
    oldest = expected(rows, 30 * 86400)[0]
    assert agree(read(database, settings, INSTALLATION, 30 * 86400)[:1], [oldest])


def test_a_tick_on_its_way_is_waited_for(database: Database, shop: int) -> None:
    at = NOW // 60 * 60 - 600
    insert(database, [sample(shop, at, 1)])
    with database.writing() as session:
        samples.insert_tick(session, [sample(shop, at, 2)])
        summing = threading.Thread(target=advance, args=(database, shop, TICK, NOW))
        summing.start()
        summing.join(0.3)  # it would be done by now, without the second container
    summing.join()
    with database.reading() as session:
        (row,) = tiers.buckets(session, shop, TICK, 0, NOW)
        assert dict(zip(tiers.COLUMNS, row, strict=True))["memory_sum"] == 2000


def test_the_index_forgets_containers_that_were_removed_long_ago(database: Database, shop: int) -> None:
    index(database, shop, {1: 1, 2: 2, 3: 3})
    with database.writing() as session:
        containers.mark_removed(session, ["c1"], datetime.fromtimestamp(NOW - 5000, UTC))
        containers.mark_removed(session, ["c2"], datetime.fromtimestamp(NOW - 1000, UTC))
        containers.forget_removed(session, shop, NOW - 3000)
        assert containers.versions(session, shop) == {2: 2, 3: 3}


def test_owners_are_found_one_by_one_in_a_table_of_many(database: Database) -> None:
    insert(database, [sample(owner, 15 * owner, owner) for owner in (2, 3, 50, 51, 2**40)])
    with database.reading() as session:
        assert {row[0] for row in samples.last_of_each(session, 45)} == {3, 50, 51, 2**40}
        assert samples.first_of_all(session, 0) == 30
        assert samples.first_of_all(session, 46) == 750
        assert samples.first_of_all(session, 2**50) is None
        assert samples.count_of_all(session, 30, 765) == 4
        assert sorted(row[1] for row in samples.span_of_all(session, 30, 765)) == [2, 3, 50, 51]
