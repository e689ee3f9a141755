"""What the installation says of itself at /api/system and /metrics: health, the collector, who uses most."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from db.metrics import collectors
from db.metrics.collectors import Sweep
from flows.home_locks import hold_engine_lock
from tasks.context import Context, now
from tasks.docker.records import EngineFacts
from tests import ledger_steps as steps
from tests.web.test_metrics import scraped
from tests.web.test_observations import MIB, sample
from webapp.api.system import disks
from webapp.presenters.top_consumers import top
from webapp.shapes.installation import Usage

SWEEP = Sweep("local", 0, 15, "cgroup", containers=3, gaps=1, missed=0, sweep_ms=4.0, cpu_s=0.003)
MACHINE = EngineFacts("20.10.24", cpus=2, memory_bytes=1000 * MIB, root="/var/lib/docker", running=3)


def report(context: Context, sweep: Sweep) -> None:
    """The collector stores what it says of itself."""
    with context.database.writing() as session:
        collectors.record(session, sweep)


def test_everything_of_the_system_is_in_one_answer(
    viewer: FlaskClient, anonymous: FlaskClient, context: Context, shop: int, prefect_answers: None
) -> None:
    with context.database.writing() as session:
        blog = steps.add_workload(session, now(), name="blog")
        steps.begin(session, blog, now())
    tick = int(time.time()) // 15 * 15
    for container in ("c1", "c2"):
        sample(context, shop, tick, container=container, cpu=30.0)
    sample(context, blog, tick, container="c3", cpu=20.0)
    report(context, replace(SWEEP, ts=tick))
    with hold_engine_lock(context.settings):
        found = viewer.get("/api/system").json
    assert {one["name"]: one["up"] for one in found["services"]} == {
        "engine": True,
        "database": True,
        "prefect": True,
        "docker": False,
    }
    assert found["prefect_ui_url"] == context.settings.prefect_ui_url
    assert found["machine"] is None
    assert [(disk["what"], disk["low"]) for disk in found["disks"]] == [("home", False)]
    assert found["collector"]["state"] == "collecting"
    assert found["totals"] == {"workloads": 2, "containers": 3, "cpu_percent": 80.0, "memory_usage": 60 * MIB}
    assert [(one["name"], one["containers"], one["cpu_percent"]) for one in found["workloads"]] == [
        ("blog", 1, 20.0),
        ("shop", 2, 60.0),
    ]
    assert found["top"]["cpu"][0] == {"name": "shop", "cpu_percent": 60.0, "part": 0.75, "of_machine": None}
    assert [one["name"] for one in found["top"]["memory"]] == ["shop", "blog"]
    assert [(row["workload"], row["status"]) for row in found["under_way"]] == [("blog", "running")]
    assert viewer.get("/api/system").json["services"][0]["up"] is False  # the engine has ended
    assert anonymous.get("/api/system").status_code == 401


def test_the_collector_reports_its_newest_sweep_and_totals_over_all(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    assert viewer.get("/api/system").json["collector"]["state"] == "late"  # something is live and nothing ever came
    tick = int(time.time()) // 15 * 15
    report(context, replace(SWEEP, ts=tick - 45))
    report(context, replace(SWEEP, ts=tick, gaps=0, missed=2, sweep_ms=8.0, path="api"))
    found = viewer.get("/api/system").json["collector"]
    (host,) = found["hosts"]
    assert found["last"] == host["last"]
    assert (host["path"], host["containers"], host["gaps"], host["sweep_ms"], host["sweep_ms_average"]) == (
        *("api", 3, 0, 8.0),
        6.0,
    )
    assert host["cpu_percent"] == 0.02
    assert host["totals"] == {"ticks": 2, "missed": 2, "samples": 5, "gaps": 1, "cpu_seconds": 0.006}
    prometheus = scraped(viewer)
    assert prometheus["backstay_collector_sweep_seconds", "local"] == 0.008
    assert prometheus["backstay_collector_containers", "local"] == 3
    assert prometheus["backstay_collector_gaps", "local"] == 0
    assert prometheus["backstay_collector_gaps_total", "local"] == 1
    assert prometheus["backstay_collector_missed_ticks_total", "local"] == 2
    assert prometheus["backstay_collector_cpu_seconds_total", "local"] == 0.006


def test_the_page_shows_what_the_json_says_and_leads_to_prefect(
    logged_in: Callable[[str], FlaskClient], context: Context, shop: int, prefect_answers: None
) -> None:
    sample(context, shop, int(time.time()) // 15 * 15, cpu=30.0)
    report(context, replace(SWEEP, ts=int(time.time())))
    page = re.sub(r"\s+", " ", logged_in("vera").get("/system").text)
    assert f'href="{context.settings.prefect_ui_url}"' in page
    assert page.count("does not respond") == 2  # the engine and Docker
    assert re.search(r"Last sample .*? · 4 ms · 3 containers · 1 gap · 3 ms of CPU per sample", page)
    assert re.search(r"Disk for the ledger</strong> .*? free of ", page)
    assert re.search(r'consumers-cpu"><li data-key="cpu-shop">.*?30%<', page)
    assert 'rect width="100' in page


@pytest.mark.parametrize(("age_s", "state"), [(0, "collecting"), (100, "collecting"), (600, "late")])
def test_a_collector_that_is_silent_for_long_is_late(
    viewer: FlaskClient, context: Context, age_s: int, state: str
) -> None:
    report(context, replace(SWEEP, ts=int(time.time()) - age_s))
    assert viewer.get("/api/system").json["collector"]["state"] == state


def test_an_empty_installation_has_an_empty_answer(viewer: FlaskClient) -> None:
    found = viewer.get("/api/system").json
    assert found["collector"] == {"state": "idle", "interval_s": 15, "last": None, "hosts": []}
    assert found["totals"] == {"workloads": 0, "containers": 0, "cpu_percent": None, "memory_usage": None}
    assert (found["workloads"], found["top"], found["under_way"]) == ([], {"cpu": [], "memory": []}, [])


def test_the_largest_users_come_first_with_their_part_of_the_machine() -> None:
    known = {"host": "local", "containers": 1, "ts": 0, "memory_limit": None}
    used = [Usage(name=f"w{n}", cpu_percent=float(n), memory_usage=n * MIB, **known) for n in range(8)]
    found = top(used, MACHINE).model_dump()
    assert [one["name"] for one in found["cpu"]] == ["w7", "w6", "w5", "w4", "w3"]
    assert found["cpu"][0] == {"name": "w7", "cpu_percent": 7.0, "part": 0.25, "of_machine": 0.035}
    assert found["memory"][0] == {"name": "w7", "memory_usage": 7 * MIB, "part": 0.25, "of_machine": 0.007}


def test_the_disk_of_the_images_counts_only_where_they_are(context: Context, tmp_path: Path) -> None:
    here = replace(MACHINE, root=str(tmp_path))
    assert [disk.what for disk in disks(context.settings, here)] == ["home", "docker"]
    elsewhere = context.settings.model_copy(update={"docker_host": "tcp://10.0.0.9:2375"})
    assert [disk.what for disk in disks(elsewhere, here)] == ["home"]
    gone = replace(here, root=str(tmp_path / "gone"))
    assert [disk.what for disk in disks(context.settings, gone)] == ["home"]
