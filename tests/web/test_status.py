"""The status of an app in list, header, title, API, stream and metrics: one word everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from db import history
from db.health import status
from db.health.codes import NOT_WELL, Judgement, StatusReason, WorkloadStatus
from flows.home_locks import hold_engine_lock
from tasks.context import Context, now
from tests.web.test_metrics import scraped
from webapp.i18n.catalog import stored
from webapp.i18n.words import STATUS_REASONS, WORKLOAD_HINTS, WORKLOAD_STATUSES

Browser = Callable[[str], FlaskClient]
CRASHING = Judgement(WorkloadStatus.CRASHING, StatusReason.CRASHED, exit_code=4, services=("db", "web"), restarts_10m=3)


def looked_at(context: Context, workload_id: int, found: Judgement) -> None:
    """The engine has looked at the containers of the live version."""
    with context.database.writing() as session:
        live = history.live(session, workload_id)
        assert live is not None
        status.put(session, workload_id, live, found, now())


def plain(page: str) -> str:
    """The words of a page, each gap as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def badges(page: str) -> list[str]:
    """The statuses that a page shows."""
    return re.findall(r'class="badge badge-(\w+)"', page)


def test_an_app_that_is_not_well_says_so_everywhere(
    logged_in: Browser, viewer: FlaskClient, context: Context, shop: int, engine_runs: None
) -> None:
    looked_at(context, shop, CRASHING)
    found = viewer.get("/api/workloads/shop").json
    expected = ("crashing", "crashed", 4, ["db", "web"], 3)
    keys = ("status", "status_reason", "status_exit_code", "status_services", "restarts_10m")
    assert tuple(found[key] for key in keys) == expected
    assert tuple(viewer.get("/api/workloads").json["workloads"][0][key] for key in keys) == expected
    page = logged_in("vera").get("/apps/shop").text
    assert "<title>shop · Crashing · Backstay</title>" in page
    assert badges(page)[0] == "crashing"
    assert "crashed · exit code 4 · db, web · 3 times in 10 min · began" in plain(page)
    listed = logged_in("vera").get("/apps").text
    assert badges(listed)[0] == "crashing"
    assert "Crashing crashed · 3 times in 10 min" in plain(listed)
    metrics = scraped(viewer)
    now_it_is = {key[1]: value for key, value in metrics.items() if key[0] == "backstay_workload_status"}
    assert {one for one, value in now_it_is.items() if value == 1} == {"crashing"}
    assert now_it_is.keys() == set(WorkloadStatus)


def test_the_list_is_filtered_by_it(logged_in: Browser, context: Context, shop: int, engine_runs: None) -> None:
    looked_at(context, shop, CRASHING)
    browser = logged_in("vera")
    assert "/apps/shop" in browser.get("/apps?status=crashing").text
    assert "/apps/shop" not in browser.get("/apps?status=live").text


def test_verified_is_not_green_beside_a_status_that_is_not_well(
    logged_in: Browser, context: Context, shop: int, engine_runs: None
) -> None:
    browser = logged_in("vera")
    page = browser.get("/apps/shop").text
    assert page.count("mark-good") == 3  # in the header, at the live row, and at one that was replaced
    assert "mark-plain" not in page
    looked_at(context, shop, CRASHING)
    page = browser.get("/apps/shop").text
    assert (page.count("mark-good"), page.count("mark-plain")) == (1, 2)


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (StatusReason.STOPPED_BY_HAND, "It stays down until it is started or deployed again."),
        (StatusReason.PORT_IN_USE, "Backstay keeps trying to start it."),
    ],
)
def test_an_app_that_is_down_says_why_and_what_happens_next(
    logged_in: Browser, context: Context, shop: int, engine_runs: None, reason: StatusReason, advice: str
) -> None:
    looked_at(context, shop, Judgement(WorkloadStatus.DOWN, reason))
    words = plain(logged_in("vera").get("/apps/shop").text)
    assert STATUS_REASONS[reason] in words
    assert advice in words


def test_a_stream_tells_of_a_change_of_the_status(
    viewer: FlaskClient, context: Context, shop: int, engine_runs: None
) -> None:
    lines = iter(viewer.get("/api/workloads/shop/stream", buffered=False).response)
    assert b"retry" in next(lines)
    assert b"event: change" in next(lines)
    looked_at(context, shop, CRASHING)
    assert b"event: change" in next(lines)


def test_while_its_engine_is_away_a_live_version_is_unknown(
    viewer: FlaskClient, logged_in: Browser, context: Context, shop: int
) -> None:
    found = viewer.get("/api/workloads/shop").json
    assert (found["status"], found["status_reason"], found["status_since"]) == ("unknown", "engine_away", None)
    assert "the engine of its host is not running" in plain(logged_in("vera").get("/apps/shop").text)
    with hold_engine_lock(context.settings):
        assert viewer.get("/api/workloads/shop").json["status"] == "live"


def test_every_status_and_every_reason_has_its_words_in_both_languages() -> None:
    assert WORKLOAD_STATUSES.keys() == WORKLOAD_HINTS.keys() == set(WorkloadStatus)
    assert STATUS_REASONS.keys() >= set(StatusReason)
    texts = [*WORKLOAD_STATUSES.values(), *WORKLOAD_HINTS.values(), *(STATUS_REASONS[one] for one in StatusReason)]
    translated = {one.id: one.string for one in stored("ru")}
    assert [text for text in texts if not translated.get(text)] == []
    assert set(list(WORKLOAD_STATUSES)[: len(NOT_WELL)]) == NOT_WELL
