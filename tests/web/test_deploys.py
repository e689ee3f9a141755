"""Deploys over HTTP: the history, the requests that start, stop or take one back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tasks.context import Context, now
from tests import ledger_steps as steps

BASE = "/api/workloads/shop"


def test_the_history_is_newest_first_with_whole_rows(viewer: FlaskClient, shop: int) -> None:
    rows = viewer.get(f"{BASE}/deploys").json["deploys"]
    assert [row["version"] for row in rows] == [3, 2, 1]
    assert [row["rollback_blocked_by"] for row in rows] == ["already_live", "not_a_success", None]
    assert set(rows[0]) >= {"id", "workload", "pin", "pin_short", "stages", "duration_ms", "flow_run_url", "verified"}


def test_a_page_of_the_history_links_to_the_next(viewer: FlaskClient, shop: int) -> None:
    first = viewer.get(f"{BASE}/deploys?limit=2")
    assert [row["version"] for row in first.json["deploys"]] == [3, 2]
    target = first.headers["Link"].split(">")[0].lstrip("<")
    assert 'rel="next"' in first.headers["Link"]
    rest = viewer.get(target)
    assert [row["version"] for row in rest.json["deploys"]] == [1]
    assert "Link" not in rest.headers


def test_the_history_can_be_narrowed(viewer: FlaskClient, shop: int) -> None:
    failed = viewer.get(f"{BASE}/deploys?status=failed").json["deploys"]
    assert [row["version"] for row in failed] == [2]
    assert viewer.get(f"{BASE}/deploys?reason=rollback").json["deploys"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=²", "before=0", "status=good", "reason=because"]
)
def test_bad_arguments_are_refused_by_name(viewer: FlaskClient, shop: int, query: str) -> None:
    answer = viewer.get(f"{BASE}/deploys?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert answer.json["detail"].startswith(query.split("=", maxsplit=1)[0])


def test_one_row_is_found_by_its_version(viewer: FlaskClient, shop: int) -> None:
    assert viewer.get(f"{BASE}/deploys/2").json["error_code"] == "health_timeout"


@pytest.mark.parametrize("version", ["0", "99", "2147483647"])
def test_a_missing_version_says_so(viewer: FlaskClient, shop: int, version: str) -> None:
    assert viewer.get(f"{BASE}/deploys/{version}").json["code"] == "no_such_version"


@pytest.mark.usefixtures("prefect_answers")
def test_a_deploy_is_accepted_with_its_row_and_its_address(admin: FlaskClient, shop: int) -> None:
    answer = admin.post(f"{BASE}/deploys", json={"image": "shop:4"})
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{BASE}/deploys/4"
    row = answer.json
    assert (row["version"], row["status"], row["requested"]) == (4, "queued", "shop:4")
    assert (row["trigger"], row["actor"]) == ("api", "token:ci")
    again = admin.post(f"{BASE}/deploys")
    assert (again.status_code, again.json["code"], again.json["version"]) == (409, "deploy_in_flight", 4)


@pytest.mark.usefixtures("prefect_answers")
def test_a_deploy_needs_no_body(admin: FlaskClient, shop: int) -> None:
    assert admin.post(f"{BASE}/deploys").status_code == 202


@pytest.mark.usefixtures("prefect_answers")
def test_the_same_idempotency_key_gives_the_same_row(admin: FlaskClient, shop: int) -> None:
    keyed = {"Idempotency-Key": "build-77"}
    first, second = (admin.post(f"{BASE}/deploys", headers=keyed) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["id"] == second.json["id"]


@pytest.mark.usefixtures("prefect_answers")
def test_an_idempotency_key_stands_for_its_first_request_whatever_comes_with_it_later(
    admin: FlaskClient, shop: int
) -> None:
    keyed = {"Idempotency-Key": "build-78"}
    first = admin.post(f"{BASE}/deploys", json={"image": "shop:4"}, headers=keyed).json
    for path, body in (("deploys", {"image": "shop:5"}), ("rollback", {"version": 1}), ("rollback", {"version": 77})):
        again = admin.post(f"{BASE}/{path}", json=body, headers=keyed)
        assert (again.status_code, again.json["id"], again.json["requested"]) == (202, first["id"], "shop:4")
        assert again.headers["Location"] == f"{BASE}/deploys/4"


def test_an_overlong_idempotency_key_is_refused(admin: FlaskClient, shop: int) -> None:
    answer = admin.post(f"{BASE}/deploys", headers={"Idempotency-Key": "x" * 300})
    assert answer.json["code"] == "bad_request"


@pytest.mark.usefixtures("prefect_answers")
def test_a_deploy_from_a_browser_says_ui_and_who(logged_in: Callable[[str], FlaskClient], shop: int) -> None:
    row = logged_in("admin").post(f"{BASE}/deploys", headers={"Origin": "http://localhost"}).json
    assert (row["trigger"], row["actor"]) == ("ui", "admin")


def test_without_prefect_a_deploy_is_refused_and_leaves_a_failed_row(admin: FlaskClient, shop: int) -> None:
    answer = admin.post(f"{BASE}/deploys")
    assert (answer.status_code, answer.json["code"]) == (503, "orchestrator_unreachable")
    row = admin.get(f"{BASE}/deploys/{answer.json['version']}").json
    assert (row["status"], row["error_code"]) == ("failed", "orchestrator_unreachable")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"image": 7}, 422, "invalid_spec"),
        ({"image": "not an image"}, 422, "invalid_spec"),
        ({"imaje": "shop:4"}, 422, "invalid_spec"),
        ([], 400, "bad_request"),
    ],
)
def test_a_bad_deploy_is_refused(admin: FlaskClient, shop: int, body: object, status: int, code: str) -> None:
    answer = admin.post(f"{BASE}/deploys", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_is_accepted_with_the_row_of_a_rollback(admin: FlaskClient, shop: int) -> None:
    answer = admin.post(f"{BASE}/rollback", json={"version": 1, "expected_live": 3})
    assert answer.status_code == 202
    row = answer.json
    assert (row["reason"], row["rollback_of"], row["version"]) == ("rollback", 1, 4)
    assert row["pin"] == steps.pin("a")


@pytest.mark.usefixtures("prefect_answers")
def test_a_rollback_without_a_version_finds_one(admin: FlaskClient, shop: int) -> None:
    assert admin.post(f"{BASE}/rollback").json["rollback_of"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": 3}, 422, "already_live"),
        ({"version": 2}, 422, "not_a_success"),
        ({"version": 99}, 404, "no_such_version"),
        ({"version": 0}, 404, "no_such_version"),
        ({"version": 10**12}, 404, "no_such_version"),
        ({"version": 1, "expected_live": 2}, 409, "live_changed"),
        ({"version": "1"}, 400, "bad_request"),
        ({"version": True}, 400, "bad_request"),
        ({"version": 1.5}, 400, "bad_request"),
        ({"versio": 1}, 422, "invalid_spec"),
    ],
)
def test_a_rollback_is_refused_with_the_code_that_fits(
    admin: FlaskClient, shop: int, body: object, status: int, code: str
) -> None:
    answer = admin.post(f"{BASE}/rollback", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_there_may_be_nothing_to_roll_back_to(admin: FlaskClient, context: Context) -> None:
    with context.database.writing() as session:
        steps.deploy_well(session, steps.add_workload(session, now()), now(), "a")
    answer = admin.post(f"{BASE}/rollback")
    assert (answer.status_code, answer.json["code"]) == (422, "nothing_to_roll_back_to")


def test_a_running_deploy_can_be_asked_to_stop_and_a_finished_one_cannot(
    admin: FlaskClient, context: Context, shop: int
) -> None:
    with context.database.writing() as session:
        steps.begin(session, shop, now())
    assert admin.post(f"{BASE}/deploys/4/cancel").status_code == 202
    answer = admin.post(f"{BASE}/deploys/3/cancel")
    assert (answer.status_code, answer.json["code"]) == (409, "not_cancellable")


def test_a_difference_names_pins_and_keys_and_no_secret(viewer: FlaskClient, shop: int) -> None:
    found = viewer.get(f"{BASE}/deploys/1/diff").json
    assert (found["from"], found["to"], found["same_pin"]) == (3, 1, False)
    assert found["pin"]["to"] == steps.pin("a")
    assert found["config"] == []
    assert viewer.get(f"{BASE}/deploys/1/diff?against=1").json["same_pin"] is True
    assert viewer.get(f"{BASE}/deploys/1/diff?against=77").json["code"] == "no_such_version"
    assert viewer.get(f"{BASE}/deploys/1/diff?against=then").json["code"] == "bad_request"
