"""Requests for machines: PUT, If-Match, variables by name, and waiting for the end of a deploy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask.testing import FlaskClient

from db import history, ledger
from db.models import Deploy, Workload
from db.states import ErrorCode
from tasks.context import Context, now
from tests import ledger_steps as steps
from webapp.api import waits

SPEC = {"name": "blog", "source": {"kind": "image", "image": "blog:1"}, "secrets": {"KEY": "s3cr3t-value"}}
STALE = '"0123456789abcdef01234567"'


def test_put_adds_a_workload_and_then_replaces_its_spec(admin: FlaskClient) -> None:
    answer = admin.put("/api/workloads/blog", json=SPEC | {"env": {"A": "1", "B": "2"}, "ports": [{"container": 80}]})
    assert (answer.status_code, answer.headers["Location"]) == (201, "/api/workloads/blog")
    answer = admin.put("/api/workloads/blog", json={"source": {"kind": "image", "image": "blog:2"}, "env": {"A": "3"}})
    assert answer.status_code == 200
    found = answer.json["spec"]
    assert (found["source"]["image"], found["env"], found.get("ports", [])) == ("blog:2", {"A": "3"}, [])
    assert found["secrets"] == ["KEY"]  # nobody could read it to send it back
    answer = admin.put("/api/workloads/blog", json=SPEC | {"secrets": {"KEY": None, "NEW": "s3cr3t-value"}})
    assert answer.json["spec"]["secrets"] == ["NEW"]
    assert "s3cr3t-value" not in answer.text


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (SPEC | {"name": "other"}, "name"),
        (SPEC | {"sauce": 1}, "sauce"),
        (SPEC | {"secrets": "x"}, "secrets"),
        ({"name": "blog"}, "source"),
    ],
)
def test_put_names_the_key_that_it_refuses(admin: FlaskClient, data: dict[str, object], key: str) -> None:
    answer = admin.put("/api/workloads/blog", json=data)
    assert (answer.status_code, answer.json["code"], answer.json["key"]) == (422, "invalid_spec", key)
    assert admin.get("/api/workloads/blog").status_code == 404


def test_a_name_that_is_none_is_refused_by_put_too(admin: FlaskClient) -> None:
    answer = admin.put("/api/workloads/Not_A_Name", json={"source": SPEC["source"]})
    assert (answer.status_code, answer.json["key"]) == (422, "name")


def test_put_of_what_is_being_removed_is_a_conflict(admin: FlaskClient, shop: int, context: Context) -> None:
    with context.database.writing() as session:
        session.get_one(Workload, shop).removing_at = now()
    answer = admin.put("/api/workloads/shop", json=SPEC | {"name": "shop"})
    assert (answer.status_code, answer.json["code"]) == (409, "name_taken")


def test_the_etag_is_of_the_spec_and_not_of_what_runs(admin: FlaskClient, shop: int, context: Context) -> None:
    first = admin.get("/api/workloads/shop").headers["ETag"]
    with context.database.writing() as session:
        steps.deploy_badly(session, shop, now())
    assert admin.get("/api/workloads/shop").headers["ETag"] == first
    tags = [first]
    for change in ({"env": {"A": "1"}}, {"secrets": {"DB_PASSWORD": "other"}}, {"secrets": {"DB_PASSWORD": None}}):
        answer = admin.patch("/api/workloads/shop", json=change, headers={"If-Match": tags[-1]})
        assert answer.status_code == 200
        assert answer.headers["ETag"] == admin.get("/api/workloads/shop").headers["ETag"]
        tags.append(answer.headers["ETag"])
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("tag", [STALE, f'{STALE}, "other"', '""', "nonsense", 'W/"x"'])
def test_a_change_of_a_stale_state_changes_nothing(admin: FlaskClient, shop: int, method: str, tag: str) -> None:
    before = admin.get("/api/workloads/shop").json
    body = before["spec"] | {"env": {"MINE": "1"}, "secrets": {}} if method == "put" else {"env": {"MINE": "1"}}
    answer = admin.open("/api/workloads/shop", method=method.upper(), json=body, headers={"If-Match": tag})
    assert (answer.status_code, answer.json["code"]) == (412, "changed_meanwhile")
    assert admin.get("/api/workloads/shop").json == before


def test_a_condition_may_name_several_states_any_or_none(admin: FlaskClient, shop: int) -> None:
    tag = admin.get("/api/workloads/shop").headers["ETag"]
    for headers, status in (
        ({"If-Match": f"{STALE}, {tag}"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-None-Match": "*"}, 412),
    ):
        assert admin.patch("/api/workloads/shop", json={"env": {}}, headers=headers).status_code == status
    new = SPEC | {"name": "news"}
    assert admin.put("/api/workloads/news", json=new, headers={"If-Match": "*"}).status_code == 412
    assert admin.put("/api/workloads/news", json=new, headers={"If-None-Match": "*"}).status_code == 201
    assert admin.put("/api/workloads/news", json=new, headers={"If-None-Match": "*"}).status_code == 412


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("tag", ["", "один"])
def test_a_condition_that_cannot_be_understood_is_refused(admin: FlaskClient, shop: int, header: str, tag: str) -> None:
    answer = admin.patch("/api/workloads/shop", json={"env": {"A": "1"}}, headers={header: tag})
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert admin.get("/api/workloads/shop").json["spec"].get("env", {}) == {}


def test_variables_are_changed_by_name(admin: FlaskClient) -> None:
    admin.post("/api/workloads", json=SPEC | {"env": {"A": "1", "B": "2"}})
    for patch, env in (
        ({"C": "3"}, {"A": "1", "B": "2", "C": "3"}),
        ({"A": None, "B": "4"}, {"B": "4", "C": "3"}),
        ({"NEVER_THERE": None}, {"B": "4", "C": "3"}),
        ({}, {"B": "4", "C": "3"}),
        (None, {}),
    ):
        answer = admin.patch("/api/workloads/blog", json={"env": patch})
        assert (answer.status_code, answer.json["spec"].get("env", {})) == (200, env)
    answer = admin.patch("/api/workloads/blog", json={"env": {"KEY": "1"}})
    assert (answer.status_code, answer.json["key"]) == (422, "env.KEY")  # it is a secret


def test_what_is_not_deployed_is_named_by_key(admin: FlaskClient, shop: int) -> None:
    before = admin.get("/api/workloads/shop").json["pending"]
    assert "env.MINE" not in before
    answer = admin.patch("/api/workloads/shop", json={"env": {"MINE": "s3cr3t-value"}})
    assert answer.json["pending"] == sorted([*before, "env.MINE"])
    assert admin.post("/api/workloads", json=SPEC).json["pending"] == []  # nothing is live


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_that_discards_puts_the_spec_back_at_once(admin: FlaskClient, shop: int) -> None:
    admin.patch("/api/workloads/shop", json={"env": {"MINE": "1"}, "auto_rollback": True})
    answer = admin.post("/api/workloads/shop/rollback", json={"discard_pending": True})
    assert answer.status_code == 202
    found = admin.get("/api/workloads/shop").json
    assert "env.MINE" not in found["pending"]
    assert found["spec"].get("env", {}) == {}
    assert found["spec"]["auto_rollback"] is True  # no key of a release
    (told,) = [one for one in admin.get("/api/workloads/shop/events").json["events"] if "discarded" in one["message"]]
    assert "env.MINE" in told["message"]


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_that_is_refused_discards_nothing(admin: FlaskClient, shop: int) -> None:
    admin.patch("/api/workloads/shop", json={"env": {"MINE": "1"}})
    asked = {"discard_pending": True}
    assert admin.post("/api/workloads/shop/rollback", json=asked | {"version": 3}).status_code == 422
    assert admin.post("/api/workloads/shop/rollback", json=asked | {"expected_live": 1}).status_code == 409
    assert admin.post("/api/workloads/shop/deploys").status_code == 202
    assert admin.post("/api/workloads/shop/rollback", json=asked).json["code"] == "deploy_in_flight"
    assert "env.MINE" in admin.get("/api/workloads/shop").json["pending"]


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_discarding_is_said_by_true_or_false(admin: FlaskClient, shop: int, value: object) -> None:
    answer = admin.post("/api/workloads/shop/rollback", json={"discard_pending": value})
    assert (answer.status_code, answer.json["key"]) == (422, "discard_pending")


def test_the_question_before_a_rollback_names_what_is_not_deployed(
    logged_in: Callable[[str], FlaskClient], shop: int
) -> None:
    browser = logged_in("admin")
    browser.patch("/api/workloads/shop", json={"secrets": {"DB_PASSWORD": None}})
    assert "discard_pending" not in browser.get("/apps/shop/rollback/1?dialog=1").text
    browser.patch("/api/workloads/shop", json={"env": {"MINE": "1"}})
    asked = browser.get("/apps/shop/rollback/1?dialog=1").text
    assert "1 changed key is not deployed yet, and stays for the next deploy:" in asked
    assert "<code>env.MINE</code>" in asked
    assert 'name="discard_pending"' in asked


@contextmanager
def when_queued(context: Context, shop: int, act: Callable[[Deploy], None]) -> Iterator[None]:
    """Do something with the row that a request opens, as the engine would, from another thread."""
    stop = threading.Event()

    def engine() -> None:
        queued: list[Deploy] = []
        while not queued and not stop.wait(0.02):
            with context.database.reading() as session:
                queued = [one for one in history.unfinished(session) if one.workload_id == shop]
        for deploy in queued:
            act(deploy)

    thread = threading.Thread(target=engine)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def succeed(context: Context) -> Callable[[Deploy], None]:
    """End a row well."""

    def act(deploy: Deploy) -> None:
        with context.database.writing() as session:
            ledger.claim(session, deploy.id, "engine-1", None, now())
            ledger.record_pin(session, deploy.id, steps.pin("d"))
            ledger.succeed(session, deploy.id, [], now())

    return act


def fail(context: Context) -> Callable[[Deploy], None]:
    """End a row badly."""

    def act(deploy: Deploy) -> None:
        with context.database.writing() as session:
            ledger.fail(session, deploy.id, ErrorCode.HEALTH_TIMEOUT, "f" * 16, now())

    return act


@pytest.mark.parametrize("path", ["deploys", "rollback"])
@pytest.mark.parametrize("how", ["query", "header"])
@pytest.mark.usefixtures("prefect_answers")
def test_who_waits_gets_the_final_row(admin: FlaskClient, context: Context, shop: int, path: str, how: str) -> None:
    address = f"/api/workloads/shop/{path}"
    with when_queued(context, shop, succeed(context)):
        if how == "query":
            answer = admin.post(f"{address}?wait=60")
        else:
            answer = admin.post(address, headers={"Prefer": "respond-async, wait=60"})
    assert (answer.status_code, answer.json["status"], answer.json["version"]) == (200, "succeeded", 4)
    assert answer.headers["Location"] == "/api/workloads/shop/deploys/4"


@pytest.mark.usefixtures("prefect_answers")
def test_who_waits_for_a_deploy_that_fails_gets_a_problem_with_its_row(
    admin: FlaskClient, context: Context, shop: int
) -> None:
    with when_queued(context, shop, fail(context)):
        answer = admin.post("/api/workloads/shop/deploys?wait=60")
    assert (answer.status_code, answer.json["code"], answer.json["version"]) == (409, "deploy_failed", 4)
    row = answer.json["deploy"]
    assert (row["version"], row["status"], row["error_code"]) == (4, "failed", "health_timeout")
    assert row == admin.get("/api/workloads/shop/deploys/4").json


@pytest.mark.usefixtures("prefect_answers")
def test_when_the_time_is_over_the_row_is_answered_as_it_is(admin: FlaskClient, shop: int) -> None:
    answer = admin.post("/api/workloads/shop/deploys?wait=1")
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    again = admin.post("/api/workloads/shop/deploys?wait=1")
    assert (again.status_code, again.json["code"]) == (409, "deploy_in_flight")


@pytest.mark.usefixtures("prefect_answers")
def test_a_second_request_of_the_same_key_waits_for_the_same_row(
    admin: FlaskClient, context: Context, shop: int
) -> None:
    key = {"Idempotency-Key": "one"}
    assert admin.post("/api/workloads/shop/deploys", headers=key).status_code == 202
    with when_queued(context, shop, succeed(context)):
        answer = admin.post("/api/workloads/shop/deploys?wait=60", headers=key)
    assert (answer.status_code, answer.json["version"]) == (200, 4)


@pytest.mark.parametrize("wait", ["0", "601", "-1", "1.5", "x", ""])
def test_a_wait_that_is_none_starts_nothing(admin: FlaskClient, shop: int, wait: str) -> None:
    answer = admin.post(f"/api/workloads/shop/deploys?wait={wait}")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert admin.get("/api/workloads/shop").json["last"]["version"] == 3


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ('wait="5"', 5),
        ("WAIT = 5", 5),
        ("handling=lenient; wait=9, wait=5", 5),
        ("wait=5; foo=1", 5),
        ("wait=99999999999", 600),
        ("wait=x", 0),
        ("wait=-1", 0),
        ("wait", 0),
        ("", 0),
    ],
)
def test_a_preference_that_cannot_be_understood_is_ignored(admin: FlaskClient, prefer: str, seconds: int) -> None:
    with admin.application.test_request_context(headers={"Prefer": prefer}):
        assert waits.seconds() == seconds


@pytest.mark.usefixtures("prefect_answers")
def test_beyond_the_limit_nobody_waits(admin: FlaskClient, shop: int) -> None:
    for _ in range(waits.MOST_WAITS):
        assert waits._free.acquire(blocking=False)
    try:
        answer = admin.post("/api/workloads/shop/deploys?wait=600")
    finally:
        waits._free.release(waits.MOST_WAITS)
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
