"""What can be seen: samples, events, containers, logs, readiness, registries."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from db import event_log
from db.access import accounts
from db.messages.events import tell
from db.metrics import containers, samples
from db.models import Container, Event
from tasks.context import Context, now
from tests import ledger_steps as steps

BASE = "/api/workloads/shop"
MIB = 1024 * 1024


def sample(context: Context, workload_id: int, ts: int, *, container: str = "c1", cpu: float = 10.0) -> None:
    """Put one reading of one container into the ledger."""
    with context.database.writing() as session:
        row = Container(
            docker_id=container, owner_type="workload", owner_id=workload_id, deploy_version=1, service="main",
            name=container, image_id="sha256:a", host="local", created_at=now(),
        )  # fmt: skip
        containers.add(session, row)
        known = next(c for c in containers.present(session, workload_id) if c.docker_id == container)
        reading = {"owner_id": workload_id, "ts": ts, "container_id": known.id, "owner_type": "workload"}
        sizes = {"cpu_percent": cpu, "memory_usage": 20 * MIB, "memory_limit": 64 * MIB}
        samples.insert_tick(session, [reading | sizes])


def test_samples_of_one_moment_are_one_point(viewer: FlaskClient, context: Context, shop: int) -> None:
    moment = int(time.time()) // 15 * 15 - 60
    for container in ("c1", "c2"):
        sample(context, shop, moment, container=container)
    (point,) = viewer.get(f"{BASE}/stats/history?window=30m").json
    assert point == {"ts": moment, "cpu_percent": 20.0, "memory_usage": 40 * MIB, "memory_limit": 64 * MIB}
    assert viewer.get("/api/stats/history?window=30m").json == [point]


@pytest.mark.parametrize("window", ["30m", "2h", "6h", "24h", "7d", "30d"])
def test_without_samples_every_window_is_an_empty_list(viewer: FlaskClient, shop: int, window: str) -> None:
    for path in (f"{BASE}/stats/history", "/api/stats/history"):
        answer = viewer.get(f"{path}?window={window}")
        assert (answer.status_code, answer.json) == (200, [])


@pytest.mark.parametrize("window", ["", "1h", "30M", "30 m", "-1"])
def test_an_unknown_window_is_refused(viewer: FlaskClient, shop: int, window: str) -> None:
    for path in (f"{BASE}/stats/history", "/api/stats/history"):
        answer = viewer.get(path, query_string={"window": window})
        assert (answer.status_code, answer.json["code"]) == (400, "bad_window")


def test_a_window_leaves_out_what_is_older(viewer: FlaskClient, context: Context, shop: int) -> None:
    sample(context, shop, int(time.time()) - 3600)
    assert viewer.get(f"{BASE}/stats/history?window=30m").json == []
    assert len(viewer.get(f"{BASE}/stats/history?window=2h").json) == 1


def test_events_are_newest_first_in_utc(viewer: FlaskClient, context: Context, shop: int) -> None:
    with context.database.writing() as session:
        event_log.note(session, shop, tell("created"), datetime(2026, 11, 23, 12, tzinfo=UTC))
        told = tell("live", version=3)
        event_log.note(session, shop, told, datetime(2026, 11, 23, 13, tzinfo=UTC), level="warning", actor="alice")
    newest, oldest = viewer.get(f"{BASE}/events").json["events"][:2]
    assert newest == {
        "ts": "2026-11-23T13:00:00.000Z",
        "level": "warning",
        "message": "Version 3 is live.",
        "actor": "alice",
    }
    assert oldest["message"] == "Created."


def test_while_docker_is_down_its_part_is_missing_and_nothing_else(viewer: FlaskClient, shop: int) -> None:
    assert viewer.get(f"{BASE}/runtime-state").json == {"available": False, "containers": []}
    answer = viewer.get(f"{BASE}/logs?tail=5")
    assert (answer.status_code, answer.json["code"]) == (503, "engine_unreachable")
    assert viewer.get(f"{BASE}/deploys").status_code == 200


@pytest.mark.parametrize("tail", ["0", "x", "100000"])
def test_a_tail_is_a_number_within_reason(viewer: FlaskClient, shop: int, tail: str) -> None:
    assert viewer.get(f"{BASE}/logs?tail={tail}").json["code"] == "bad_request"


def test_healthz_looks_at_nothing(anonymous: FlaskClient) -> None:
    assert anonymous.get("/healthz").status_code == 200


def test_readyz_names_what_is_down_and_nothing_more(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json == {"down": ["prefect", "docker"]}


def test_registry_credentials_are_stored_encrypted_and_never_shown(admin: FlaskClient, context: Context) -> None:
    put = admin.put("/api/registries/127.0.0.1:5000", json={"username": "ci", "password": "s3cr3t-value"})
    assert put.status_code == 200
    listed = admin.get("/api/registries")
    assert listed.json == {"registries": [{"host": "127.0.0.1:5000", "username": "ci"}]}
    assert "s3cr3t-value" not in put.text + listed.text
    with context.database.reading() as session:
        (stored,) = accounts.registries(session)
    assert "s3cr3t-value" not in stored.password
    assert context.vault.unlock(stored.password) == "s3cr3t-value"
    assert admin.delete("/api/registries/127.0.0.1:5000").status_code == 204
    assert admin.delete("/api/registries/127.0.0.1:5000").json["code"] == "no_such_registry"


@pytest.mark.parametrize(
    ("host", "body", "key"),
    [
        ("registry.example.com", {"username": "ci"}, "password"),
        ("registry.example.com", {"username": "", "password": "s3cr3t-value"}, "username"),
        ("registry.example.com", {"username": "ci", "password": "s3cr3t-value", "more": 1}, "more"),
        ("user:s3cr3t-value@host", {"username": "ci", "password": "x"}, "host"),
    ],
)
def test_bad_registry_credentials_are_refused_by_key(admin: FlaskClient, host: str, body: dict, key: str) -> None:
    answer = admin.put(f"/api/registries/{host}", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
    assert answer.json["detail"].startswith(f"{key}:")
    assert "s3cr3t-value" not in answer.text


def test_reads_go_on_while_a_deploy_runs(viewer: FlaskClient, context: Context, shop: int) -> None:
    with context.database.writing() as session:
        steps.begin(session, shop, now())
    assert viewer.get(BASE).json["status"] == "deploying"


def test_events_are_said_in_the_language_of_the_page_and_never_in_that_of_the_json(
    logged_in: Callable[[str], FlaskClient], context: Context, shop: int
) -> None:
    told = tell("ended_serving", version=2, stage="health", code="health_timeout", live=1)
    with context.database.writing() as session:
        event_log.note(session, shop, told, datetime(2026, 11, 23, 12, tzinfo=UTC), level="error")
        session.add(Event(workload_id=shop, ts=now(), level="info", message="from before the codes", actor="x"))
        session.add(Event(workload_id=shop, ts=now(), level="info", message="of a newer one", actor="x", code="new"))
    browser = logged_in("vera")
    page = browser.get("/apps/shop?lang=ru").text
    assert "Деплой версии 2 не удался при проверке готовности: истекло время ожидания. Версия 1 продолжает" in page
    assert "from before the codes" in page
    assert "of a newer one" in page
    page = browser.get("/apps/shop?lang=en").text
    assert "Version 2 failed in the health check: not healthy in time. Version 1 keeps serving." in page
    told_as_json = [one["message"] for one in browser.get(f"{BASE}/events").json["events"]]
    assert "Version 2 failed in the health check: not healthy in time. Version 1 keeps serving." in told_as_json
