"""What the panels add to the rows: filters, more rows, flow runs that are gone, refusals, the log, CSV, the stream."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db import ledger
from db.models import Deploy
from db.states import ErrorCode, PinFound, Reason
from tasks.context import Context, now
from tests import ledger_steps as steps
from tests.web.test_observations import sample
from webapp.api import streams
from webapp.api.csv_export import table
from webapp.checks.prefect_runs import ASK_AGAIN_S, PAUSE_S, Runs
from webapp.forms.spec import inputs_of
from webapp.presenters import rollback_preview
from webapp.presenters.sparkline import SPAN_S, polylines
from webapp.presenters.spec_lines import lines, port_links, port_text

Browser = Callable[[str], FlaskClient]


def versions(page: str) -> list[int]:
    """The versions of the rows on a page."""
    return [int(found) for found in re.findall(r'data-key="v(\d+)"', page)]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", [4, 3, 2, 1]),
        ("?status=&reason=", [4, 3, 2, 1]),
        ("?status=failed", [2]),
        ("?reason=rollback", [4]),
        ("?status=failed&reason=rollback", []),
        ("?limit=2", [4, 3]),
        ("?before=3&limit=1", [2]),
    ],
)
def test_the_history_shows_the_rows_that_were_asked_for(
    logged_in: Browser, context: Context, shop: int, query: str, shown: list[int]
) -> None:
    with context.database.writing() as session:
        steps.roll_back(session, shop, now(), Deploy(version=1, pin=steps.pin("a")))
    page = logged_in("admin").get(f"/apps/shop{query}").text
    assert versions(page) == shown
    assert ("No deploy matches this filter" in page) == (not shown)


@pytest.mark.parametrize("query", ["?status=nope", "?reason=x", "?limit=0", "?limit=201"])
def test_a_filter_that_makes_no_sense_is_refused(logged_in: Browser, shop: int, query: str) -> None:
    assert logged_in("admin").get(f"/apps/shop{query}").status_code == 400


def test_more_rows_are_a_link_that_keeps_the_filter(logged_in: Browser, context: Context) -> None:
    with context.database.writing() as session:
        workload = steps.add_workload(session, now())
        for _ in range(3):
            steps.deploy_badly(session, workload, now())
    page = logged_in("admin").get("/apps/shop?limit=2&status=failed&window=6h").text
    assert 'href="/apps/shop?limit=52&amp;status=failed&amp;window=6h#history-panel"' in page
    assert "data-more" not in logged_in("admin").get("/apps/shop").text


def test_a_refused_rollback_answers_with_the_page_and_its_fresh_rows(logged_in: Browser, shop: int) -> None:
    browser = logged_in("admin")
    answer = browser.post("/apps/shop/rollback", data={"version": "1", "expected_live": "2"})
    assert answer.status_code == 409
    assert "Nothing was done." in answer.text
    assert versions(answer.text) == [3, 2, 1]
    assert 'href="/apps/shop?lang=ru"' in answer.text
    as_json = browser.post("/apps/shop/rollback", data={"version": "2"}, headers={"Accept": "application/json"})
    assert (as_json.status_code, as_json.json["code"]) == (422, "not_a_success")


def test_the_confirmation_names_each_key_that_changes(logged_in: Browser, context: Context, shop: int) -> None:
    release = {**steps.RELEASE, "env": {"LOG_LEVEL": "debug"}, "ports": [{"container": 80, "host": 8080}]}
    with context.database.writing() as session:
        sha = steps.workloads.keep_document(session, release, now())
        steps.deploy_well(session, shop, now(), "c", release_sha=sha)
    page = logged_in("admin").get("/apps/shop/rollback/3").text
    assert "env.LOG_LEVEL" in page
    assert "debug" in page
    assert "2 keys change" in page
    assert "v4 is blocked from automatic deploys" in re.sub(r"\s+", " ", page).replace("The image of ", "")


@pytest.mark.parametrize(
    ("kind", "found", "step"),
    [
        ("image", PinFound.HOST, "ready"),
        ("image", PinFound.REGISTRY, "pull"),
        ("image", PinFound.NOWHERE, "gone"),
        ("image", None, "unknown"),
        ("git", PinFound.HOST, "ready"),
        ("git", None, "rebuild"),
        ("git", PinFound.SOURCE, "rebuild"),
        ("git", PinFound.NOWHERE, "gone"),
    ],
)
def test_how_an_image_comes_back_depends_on_where_it_is(kind: str, found: PinFound | None, step: str) -> None:
    assert rollback_preview.image_step(Deploy(source_kind=kind, pin_found=found)) == step


@pytest.mark.parametrize(
    ("before", "after", "gap"),
    [
        (None, {"ports": [{"container": 1, "host": 80, "address": "127.0.0.1"}]}, False),
        ({}, {}, False),
        (
            {"ports": [{"container": 1, "host": 80, "address": "127.0.0.1"}]},
            {"ports": [{"container": 2, "host": 80, "address": "0.0.0.0"}]},
            True,
        ),
        ({"volumes": [{"name": "data"}]}, {"volumes": [{"name": "data"}]}, True),
        ({}, {"source": {"kind": "compose"}}, True),
    ],
)
def test_a_gap_is_foretold_by_the_rule_of_the_rollout(before: dict | None, after: dict, gap: bool) -> None:
    assert rollback_preview.has_gap(before, after) is gap


def test_a_run_that_prefect_forgot_is_a_plain_word(logged_in: Browser, context: Context, app: Flask, shop: int) -> None:
    with context.database.writing() as session:
        for version in (1, 3):
            row = steps.ledger.history.find(session, shop, version)
            ledger.attach_flow_run(session, row.id, f"run-{version}")
    app.extensions["backstay.runs"] = Runs(context, lambda wanted: set(wanted) & {"run-3"}, patience_s=30)
    page = logged_in("admin").get("/apps/shop").text
    assert page.count("run deleted") == 1
    assert "/runs/flow-run/run-3" in page
    assert "/runs/flow-run/run-1" not in page


def test_who_forgot_a_run_is_asked_seldom_and_silence_is_no_answer(context: Context) -> None:
    asked: list[list[str]] = []

    def answer(wanted: list[str]) -> set[str]:
        asked.append(wanted)
        if len(asked) == 1:
            raise OSError
        return {"a"}

    runs = Runs(context, answer, patience_s=30)
    assert runs.gone(["a", "b"], 0) == set()
    assert runs.gone(["a", "b"], PAUSE_S / 2) == set()
    assert runs.gone(["a", "b"], PAUSE_S + 1) == {"b"}
    assert runs.gone(["a", "b"], PAUSE_S + 2) == {"b"}
    assert asked == [["a", "b"], ["a", "b"]]
    runs.gone(["a", "b"], PAUSE_S + 2 + ASK_AGAIN_S)
    assert asked[2:] == [["a"]]


def test_while_docker_is_down_the_log_page_says_so(logged_in: Browser, shop: int) -> None:
    answer = logged_in("vera").get("/apps/shop/log")
    assert answer.status_code == 200
    assert "Docker does not respond" in answer.text


def test_samples_come_as_csv_with_the_points_of_the_json(viewer: FlaskClient, context: Context, shop: int) -> None:
    moment = int(time.time()) // 15 * 15 - 60
    sample(context, shop, moment)
    for path in ("/api/workloads/shop/stats/history", "/api/stats/history"):
        (point,) = viewer.get(f"{path}?window=2h").json
        answer = viewer.get(f"{path}.csv?window=2h")
        assert answer.mimetype == "text/csv"
        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert row["time"] == datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert {key: float(row[key]) for key in point} == point
    assert viewer.get("/api/workloads/shop/stats/history.csv?window=1h").json["code"] == "bad_window"
    assert viewer.get("/api/workloads/nobody/stats/history.csv").status_code == 404


def test_csv_has_a_column_for_whatever_a_point_has_and_empties_for_nothing() -> None:
    text = table([{"ts": 0, "cpu_percent": None, "memory_usage": 1, "memory_limit": None, "cpu_percent_max": 2.5}])
    assert text.splitlines() == [
        "ts,time,cpu_percent,memory_usage,memory_limit,cpu_percent_max",
        "0,1970-01-01T00:00:00Z,,1,,2.5",
    ]
    assert table([]).splitlines() == ["ts,time,cpu_percent,memory_usage,memory_limit"]


def test_a_stream_says_where_the_newest_row_stands_and_each_change(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    lines = iter(viewer.get("/api/workloads/shop/stream", buffered=False).response)
    assert b"retry" in next(lines)
    assert b'data: {"version":3,"status":"succeeded","stage":"pin","live":3}' in next(lines)
    with context.database.writing() as session:
        row = steps.begin(session, shop, now())
    assert b'"version":4,"status":"running"' in next(lines)
    with context.database.writing() as session:
        ledger.fail(session, row.id, ErrorCode.PORT_IN_USE, "f" * 16, now())
    assert b'"status":"failed"' in next(lines)


def test_there_are_only_so_many_streams_and_one_that_ends_makes_room(
    app: Flask, viewer: FlaskClient, shop: int
) -> None:
    app.extensions["backstay.seats"] = streams.StreamLimit(1)
    first = viewer.get("/api/workloads/shop/stream", buffered=False)
    assert viewer.get("/api/workloads/shop/stream").json["code"] == "too_many_streams"
    first.close()
    again = viewer.get("/api/workloads/shop/stream", buffered=False)
    assert again.status_code == 200
    again.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["blog", "shop"]),
        ("?q=BLO", ["blog"]),
        ("?q=shop:1", ["blog", "shop"]),
        ("?q=image", []),
        ("?status=new", ["blog"]),
        ("?q=zzz", []),
    ],
)
def test_apps_are_found_by_name_image_and_status(
    logged_in: Browser, context: Context, shop: int, query: str, found: list[str]
) -> None:
    with context.database.writing() as session:
        steps.add_workload(session, now(), "blog")
    page = logged_in("vera").get(f"/apps{query}").text
    assert re.findall(r'data-key="(\w+)"', page) == found
    assert ("No app matches this search" in page) == (not found)


def test_the_list_says_who_deployed_last_and_how_and_draws_a_line(
    logged_in: Browser, context: Context, shop: int
) -> None:
    for ago in (60, 120):
        sample(context, shop, int(time.time()) - ago)
    page = logged_in("vera").get("/apps").text
    assert "alice · API" in page
    assert "<polyline points=" in page
    assert "New app" not in page


def test_a_line_breaks_where_minutes_are_missing_and_sums_containers() -> None:
    now_s = 1_800_000_000 // 60 * 60
    rows = [(7, now_s - ago, container, 50.0, 0, None) for ago in (600, 540, 60) for container in (1, 2)]
    rows += [(8, now_s - SPAN_S - 60, 1, 50.0, 0, None), (9, now_s - 60, 1, None, 0, None)]
    lines = polylines(rows, now_s)
    assert set(lines) == {7}
    first, second = lines[7]
    assert [point.split(",")[1] for point in first.split()] == ["1.0", "1.0"]  # 100 % is the most, so the top
    assert len(set(second.split())) == 1


@pytest.mark.parametrize(
    ("port", "own", "url"),
    [
        ({"container": 80, "host": 8080, "address": "127.0.0.1"}, "ops.example:8000", "http://127.0.0.1:8080/"),
        ({"container": 80, "host": 8080, "address": "0.0.0.0"}, "ops.example:8000", "http://ops.example:8080/"),
        ({"container": 80, "host": 8080, "address": "::"}, "[::1]", "http://[::1]:8080/"),
        ({"container": 80, "host": 8080, "address": "::1"}, "ops.example", "http://[::1]:8080/"),
        ({"container": 80}, "ops.example", None),
        ({"container": 53, "host": 53, "protocol": "udp"}, "ops.example", None),
        ({"container": 80, "to": 90, "host": 80}, "ops.example", None),
    ],
)
def test_a_port_is_a_link_to_where_it_can_be_reached(port: dict, own: str, url: str | None) -> None:
    (found,) = port_links([port], own)
    assert found["url"] == url


def test_a_port_is_written_with_its_range_and_protocol() -> None:
    port = {"container": 8000, "to": 8010, "host": 9000, "address": "::1", "protocol": "udp"}
    assert port_text(port) == "[::1]:9000-9010 → 8000-8010/udp"
    assert port_text({"container": 53, "protocol": "udp"}) == "53/udp"
    assert port_text({"container": 80, "host": 8080, "protocol": "tcp"}) == "127.0.0.1:8080 → 80"


def test_the_settings_say_what_the_next_deploy_would_change(admin: FlaskClient, logged_in: Browser, shop: int) -> None:
    admin.patch("/api/workloads/shop", json={"env": {"LOG_LEVEL": "debug"}, "ports": [{"container": 80}]})
    page = logged_in("vera").get("/apps/shop").text
    assert "<code>LOG_LEVEL=debug</code>" in page
    assert "<code>DB_PASSWORD</code>" in page
    assert "env.LOG_LEVEL" in page
    assert "s3cr3t-value" not in page


def test_settings_are_written_as_a_person_would_write_them() -> None:
    source = {"kind": "compose", "file": ["compose.yaml", "live.yaml"], "url": "https://git.example/shop.git"}
    spec = {"source": source, "health": {"http": "/", "timeout_s": 4.0}, "resources": {"cpus": 0.5}}
    told = dict(lines({**spec, "auto_rollback": True, "watch_s": 60}))
    assert told["source.file"] == ["compose.yaml", "live.yaml"]
    assert (told["health.timeout_s"], told["resources.cpus"], told["auto_rollback"]) == ("4", "0.5", "true")
    assert inputs_of({"name": "shop", **spec})["health.timeout_s"] == "4"
    assert [rollback_preview.shown(value) for value in (4.0, [1], None, "a")] == ["4", "[1]", "", "a"]


def test_an_automatic_rollback_is_named_as_one(logged_in: Browser, context: Context, shop: int) -> None:
    with context.database.writing() as session:
        steps.deploy_well(session, shop, now(), "a", reason=Reason.AUTO_ROLLBACK, rollback_of=1)
    assert "Automatic rollback to v1" in logged_in("vera").get("/apps/shop").text
