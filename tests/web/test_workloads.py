"""Workloads over HTTP: list, create, read, change, remove."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from db import workloads
from tasks.context import Context
from tests import ledger_steps as steps
from webapp.api import workloads as api

SPEC = {"name": "blog", "source": {"kind": "image", "image": "blog:1"}, "secrets": {"KEY": "s3cr3t-value"}}


def test_a_created_workload_is_answered_with_its_address_and_without_secret_values(admin: FlaskClient) -> None:
    answer = admin.post("/api/workloads", json=SPEC)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/workloads/blog"
    assert answer.json["spec"]["secrets"] == ["KEY"]
    assert answer.json["status"] == "new"
    assert "s3cr3t-value" not in answer.text + admin.get("/api/workloads/blog").text


def test_a_taken_name_is_a_conflict(admin: FlaskClient) -> None:
    admin.post("/api/workloads", json=SPEC)
    answer = admin.post("/api/workloads", json=SPEC)
    assert (answer.status_code, answer.json["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"sauce": "s3cr3t-value"}, "sauce"),
        ({"name": "S3CR3T-VALUE"}, "name"),
        ({"ports": [{"container": "s3cr3t-value"}]}, "ports.0.container"),
        ({"source": {"kind": "image", "image": "user:s3cr3t-value@host/x y"}}, "source.image.image"),
    ],
)
def test_a_bad_spec_names_the_key_and_never_the_value(admin: FlaskClient, changes: dict, key: str) -> None:
    answer = admin.post("/api/workloads", json={**SPEC, **changes})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
    assert answer.json["detail"].split(":")[0] in {key, key.replace("source.image.", "source.")}
    assert "s3cr3t-value" not in answer.text.lower()


def test_one_workload_has_its_spec_its_live_and_its_last_row(viewer: FlaskClient, shop: int, engine_runs: None) -> None:
    found = viewer.get("/api/workloads/shop").json
    assert (found["name"], found["id"], found["status"]) == ("shop", "shop", "live")
    assert (found["live"]["version"], found["last"]["version"]) == (3, 3)
    assert found["spec"]["secrets"] == ["DB_PASSWORD"]
    assert found["held_pins"] == []


def test_the_list_has_every_workload(viewer: FlaskClient, shop: int) -> None:
    (only,) = viewer.get("/api/workloads").json["workloads"]
    assert only["name"] == "shop"
    assert only["live"]["version"] == 3


def test_a_patch_changes_the_spec_and_nothing_that_runs(admin: FlaskClient, shop: int) -> None:
    answer = admin.patch("/api/workloads/shop", json={"env": {"A": "1"}})
    assert answer.status_code == 200
    assert answer.json["spec"]["env"] == {"A": "1"}
    assert answer.json["live"]["version"] == 3


def test_a_patch_is_an_event_that_says_who_when_and_which_keys_and_no_value(admin: FlaskClient, shop: int) -> None:
    before = len(admin.get("/api/workloads/shop/events").json["events"])
    admin.patch("/api/workloads/shop", json={"env": {"A": "of env"}, "secrets": {"B": "of secrets"}})
    events = admin.get("/api/workloads/shop/events").json["events"]
    assert len(events) == before + 1
    assert "env.A" in events[0]["message"]
    assert "secrets.B" in events[0]["message"]
    assert "of env" not in events[0]["message"]
    assert "of secrets" not in events[0]["message"]
    assert events[0]["actor"] == "token:ci"
    assert abs(datetime.now(UTC) - datetime.fromisoformat(events[0]["ts"])) < timedelta(minutes=1)
    admin.patch("/api/workloads/shop", json={"env": {"A": "of env"}})  # what changes nothing is not told
    assert len(admin.get("/api/workloads/shop/events").json["events"]) == before + 1


@pytest.mark.parametrize("prefect", ["away", "here"])
def test_a_removal_that_takes_longer_is_accepted_and_shown_until_it_is_done(
    admin: FlaskClient, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, prefect: str
) -> None:
    if prefect == "here":
        request.getfixturevalue("prefect_answers")
    monkeypatch.setattr(api, "REMOVED_WITHIN_S", 0.1)  # no engine runs here
    admin.post("/api/workloads", json=SPEC)
    for _ in range(2):  # asked again, it waits again
        answer = admin.delete("/api/workloads/blog")
        assert (answer.status_code, answer.json) == (202, {"name": "blog", "status": "removing"})
    assert admin.get("/api/workloads/blog").json["status"] == "removing"
    assert [one["status"] for one in admin.get("/api/workloads").json["workloads"]] == ["removing"]
    assert admin.post("/api/workloads", json=SPEC).json["code"] == "name_taken"
    for refused in (
        admin.patch("/api/workloads/blog", json={"env": {}}),
        admin.post("/api/workloads/blog/deploys"),
        admin.get("/api/workloads/blog/events"),
    ):
        assert (refused.status_code, refused.json["code"]) == (404, "no_such_workload")


def test_a_removal_is_answered_as_soon_as_the_engine_is_done(admin: FlaskClient, context: Context) -> None:
    admin.post("/api/workloads", json=SPEC)

    def engine() -> None:
        while True:
            with context.database.writing() as session:
                for one in workloads.removing(session, "local"):
                    return workloads.remove(session, one.id)
            time.sleep(0.05)

    thread = threading.Thread(target=engine)
    thread.start()
    assert admin.delete("/api/workloads/blog").status_code == 204
    thread.join()
    assert admin.get("/api/workloads/blog").status_code == 404
    assert admin.delete("/api/workloads/blog").json["code"] == "no_such_workload"
    assert admin.post("/api/workloads", json=SPEC).status_code == 201


def test_a_workload_is_not_removed_during_a_deploy(
    admin: FlaskClient, context: Context, shop: int, now: datetime
) -> None:
    with context.database.writing() as session:
        steps.ask(session, shop, now)
    answer = admin.delete("/api/workloads/shop")
    assert (answer.status_code, answer.json["code"], answer.json["version"]) == (409, "deploy_in_flight", 4)
    assert admin.get("/api/workloads/shop").json["status"] == "deploying"


@pytest.mark.parametrize("name", ["nobody", "Not-A-Name", "x" * 60, "a%00b"])
def test_an_unknown_workload_is_not_found_whatever_its_name(viewer: FlaskClient, name: str) -> None:
    for path in ("", "/deploys", "/deploys/1", "/stats/history", "/events", "/runtime-state", "/logs"):
        answer = viewer.get(f"/api/workloads/{name}{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "no_such_workload"), path
