"""The history of samples over HTTP: windows, versions, all workloads together, and 304 while nothing changed."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import workloads
from db.metrics import containers, samples, tiers
from db.models import Bucket, Container, Sample, TierMark
from db.settings import Settings, ensure_home
from flows.upkeep import housekeeping, rollups
from tasks.context import Context
from tests import ledger_steps as steps

BASE = "/api/workloads/shop/stats/history"
DAY = 86400
KEYS = {"ts", "cpu_percent", "memory_usage", "memory_limit"}
PEAKS = {"cpu_percent_max", "memory_usage_max"}


def sample(owner_id: int, ts: int, container_id: int, memory: int = 1000, cpu: float | None = 10.0) -> dict[str, Any]:
    """One reading of one container."""
    row = {"owner_id": owner_id, "owner_type": "workload", "ts": ts, "container_id": container_id}
    return row | {"cpu_percent": cpu, "memory_usage": memory, "memory_limit": None}


def insert(context: Context, rows: list[dict[str, Any]]) -> None:
    """Put readings into the ledger."""
    with context.database.writing() as session:
        samples.insert_tick(session, rows)


def a_container(context: Context, workload_id: int, version: int) -> int:
    """A container of a version in the index; its id."""
    with context.database.writing() as session:
        row = Container(
            docker_id=f"c{version}", owner_type="workload", owner_id=workload_id, deploy_version=version,
            service="main", name=f"c{version}", image_id="sha256:a", host="local", created_at=datetime.now(UTC),
        )  # fmt: skip
        containers.add(session, row)
        return row.id


def tidy(context: Context) -> str:
    """Housekeeping, which has nobody to give way to here."""
    return housekeeping.tidy(context, longest_way_s=0)


@dataclass
class Month:
    """A month of samples, one every ten minutes up to `newest`: as they came in, and as housekeeping left them."""

    newest: int
    before: Path
    after: Path

    def put(self, ledger: Path, context: Context) -> None:
        """Put the samples and their tiers into the ledger of a test, in place of what is there."""
        with closing(sqlite3.connect(context.settings.home / "backstay.db", timeout=10)) as connection:
            connection.execute("ATTACH ? AS month", (str(ledger),))
            for table in (Sample.__tablename__, Bucket.__tablename__, TierMark.__tablename__):
                connection.execute(f"DELETE FROM {table}")
                connection.execute(f"INSERT INTO {table} SELECT * FROM month.{table}")
            connection.commit()


@pytest.fixture(scope="module")
def kept_month(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Month:
    """The month, made and summed up once for all tests here: that takes housekeeping its time."""
    home = tmp_path_factory.mktemp("month") / "home"
    settings = Settings(home=home, docker_host=f"unix://{home}/no-docker.sock")
    ensure_home(settings)
    shutil.copy(migrated_sqlite, home / "backstay.db")
    month = Month(int(time.time()) // 600 * 600, home / "before.db", home / "backstay.db")
    context = Context.open(settings, "web", quiet=True)
    with context.database.writing() as session:
        shop = steps.add_workload(session, datetime.now(UTC))
    moments = range(month.newest - 30 * DAY, month.newest + 1, 600)
    insert(context, [sample(shop, ts, 1, memory=ts % 7919) for ts in moments])
    with closing(sqlite3.connect(month.after)) as connection:
        connection.execute("VACUUM INTO ?", (str(month.before),))
    tidy(context)
    context.close()
    return month


@pytest.fixture
def month(context: Context, shop: int, kept_month: Month) -> Month:
    """A month of samples in the ledger, not summed up yet."""
    kept_month.put(kept_month.before, context)
    return kept_month


WINDOWS = [
    ("30m", 1800, 15, 4),
    ("2h", 7200, 15, 13),
    ("6h", 6 * 3600, 15, 37),
    ("24h", DAY, 60, 145),
    ("7d", 7 * DAY, 900, 673),
    ("30d", 30 * DAY, 3600, 721),
]


def test_each_window_is_full_up_to_now_whether_housekeeping_came_by_or_not(
    viewer: FlaskClient, context: Context, month: Month
) -> None:
    for _ in range(2):
        for window, seconds, width, most in WINDOWS:
            for path in (BASE, "/api/stats/history"):
                points = viewer.get(f"{path}?window={window}").json
                stamps = [point["ts"] for point in points]
                assert most - 2 <= len(points) <= most
                assert stamps == sorted(set(stamps))
                assert stamps[-1] == (month.newest if width == 15 else month.newest // width * width)
                assert time.time() - seconds - 5 <= stamps[0] <= time.time() - seconds + 600 + width
                assert points[0].keys() == (KEYS if width == 15 else KEYS | PEAKS)
        month.put(month.after, context)
        tidy(context)


def test_a_point_of_a_long_window_has_the_average_and_beside_it_the_largest(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    minute = int(time.time()) // 3600 * 3600 - 7200
    insert(context, [sample(shop, minute, 1, 100, 5.0), sample(shop, minute, 2, 50, 5.0)])
    insert(context, [sample(shop, minute + 15, 1, 300, 30.0)])
    expected = {
        "ts": minute,
        "cpu_percent": 20.0,
        "memory_usage": 225,
        "memory_limit": None,
        "cpu_percent_max": 30.0,
        "memory_usage_max": 300,
    }
    for window in ("24h", "7d", "30d"):
        assert viewer.get(f"{BASE}?window={window}").json == [expected]
    tidy(context)
    for path in (BASE, "/api/stats/history"):
        for window in ("24h", "7d", "30d"):
            assert viewer.get(f"{path}?window={window}").json == [expected]


@pytest.mark.parametrize("window", ["2h", "24h", "30d"])
def test_by_deploy_the_overlap_of_two_versions_is_not_the_growth_of_one(
    viewer: FlaskClient, context: Context, shop: int, window: str
) -> None:
    old, new = a_container(context, shop, 1), a_container(context, shop, 3)
    start = int(time.time()) // 3600 * 3600 - 3600
    insert(context, [sample(shop, ts, old, 100) for ts in range(start, start + 120, 15)])
    insert(context, [sample(shop, ts, new, 104) for ts in range(start + 60, start + 180, 15)])
    for _ in range(2):
        together = viewer.get(f"{BASE}?window={window}").json
        assert max(point.get("memory_usage_max", point["memory_usage"]) for point in together) == 204
        points = viewer.get(f"{BASE}?window={window}&by=deploy").json
        assert {(point["version"], point["memory_usage"]) for point in points} == {(1, 100), (3, 104)}
        assert points == sorted(points, key=lambda point: (point["ts"], point["version"]))
        tidy(context)


def test_by_deploy_without_samples_is_an_empty_list_and_by_anything_else_is_refused(
    viewer: FlaskClient, shop: int
) -> None:
    assert viewer.get(f"{BASE}?by=deploy").json == []
    answer = viewer.get(f"{BASE}?by=container-s3cr3t")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert "s3cr3t" not in answer.text
    assert viewer.get("/api/workloads/nobody/stats/history?by=deploy").json["code"] == "no_such_workload"
    assert viewer.get(f"{BASE}?by=deploy&window=1h").json["code"] == "bad_window"


@pytest.mark.parametrize(
    "address", [f"{BASE}?window=24h", f"{BASE}?window=24h&by=deploy", "/api/stats/history?window=24h"]
)
def test_an_answer_that_did_not_change_is_304_until_a_sample_comes(
    viewer: FlaskClient, context: Context, shop: int, address: str
) -> None:
    container = a_container(context, shop, 1)
    at = int(time.time()) // 3600 * 3600 - 3600
    insert(context, [sample(shop, at, container)])
    first = viewer.get(address)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    tidy(context)
    again = viewer.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Vary"] == first.headers["Vary"]
    insert(context, [sample(shop, at + 15, container, 2000)])
    changed = viewer.get(address, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)
    assert changed.json != first.json


def test_an_answer_is_only_kept_by_who_may_see_it(anonymous: FlaskClient, viewer: FlaskClient, shop: int) -> None:
    tag = viewer.get(BASE).headers["ETag"]
    assert anonymous.get(BASE, headers={"If-None-Match": tag}).status_code == 401


def test_what_is_kept_is_a_setting_of_each_tier(context: Context, shop: int, month: Month) -> None:
    month.put(month.after, context)
    briefly = {"keep_raw_hours": 6, "keep_1min_days": 1, "keep_15min_days": 2, "keep_1h_days": 3}
    context.settings = context.settings.model_copy(update=briefly)
    assert tidy(context).startswith("deleted 0 deploys, ")
    with context.database.reading() as session:
        oldest = {
            width: min(row[1] for row in tiers.all_buckets(session, shop, width, 0, 2**40)) for width in (60, 900, 3600)
        }
        raw = samples.span(session, shop, 0, 2**40)[0][0]
    now = time.time()
    assert raw == pytest.approx(now - 6 * 3600, abs=605)
    for width, days in ((60, 1), (900, 2), (3600, 3)):
        assert oldest[width] == pytest.approx(now - days * DAY, abs=width + 605), width


def test_the_minute_keeps_the_sum_of_all_workloads_up_to_date(context: Context, shop: int) -> None:
    now = int(time.time())
    insert(context, [sample(shop, now // 15 * 15 - 120, 1, 70)])
    rollups.sum_up_installation(context, now)
    with context.database.reading() as session:
        assert [row[6] for row in tiers.buckets(session, 0, 1, 0, now)] == [70]


@pytest.mark.usefixtures("month")
def test_housekeeping_that_is_broken_off_deletes_nothing_that_is_not_summed_up(
    viewer: FlaskClient, context: Context
) -> None:
    before = viewer.get(f"{BASE}?window=30d").json
    context.stopping.set()
    tidy(context)
    context.stopping.clear()
    assert viewer.get(f"{BASE}?window=30d").json == before


def test_a_new_workload_after_a_removed_one_begins_without_history(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    insert(context, [sample(shop, int(time.time()) - 2 * DAY, 1)])
    tidy(context)
    with context.database.writing() as session:
        workloads.remove(session, shop)
        steps.add_workload(session, datetime.now(UTC), name="shop")
    assert viewer.get(f"{BASE}?window=30d").json == []
    assert len(viewer.get("/api/stats/history?window=30d").json) == 1  # what the installation used, it used
