"""Errors: their shape, their codes, and what they never say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.messages.refusals import RefusalCode
from tasks.context import Context
from webapp.http.headers import POLICY

KEYS = {"type", "title", "status", "code", "detail"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("POST", "/api/workloads", {"data": "{", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/api/workloads", {"data": b"\xff", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/api/workloads", {"data": "[1]", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/api/workloads", {"data": "{}", "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "/api/workloads", {"data": "{}"}, 415, "unsupported_media_type"),
        ("POST", "/api/workloads", {"data": b" " * 1_100_000, "content_type": "application/json"}, 413, "too_large"),
        ("GET", "/api/nothing", {}, 404, "not_found"),
        ("PUT", "/api/workloads", {}, 405, "method_not_allowed"),
        ("GET", "/api/workloads/nobody", {}, 404, "no_such_workload"),
    ],
)
def test_every_error_is_a_problem_with_a_stable_code(
    admin: FlaskClient, method: str, path: str, options: dict, status: int, code: str
) -> None:
    answer = admin.open(path, method=method, **options)
    assert answer.content_type == "application/problem+json"
    assert set(answer.json) == KEYS
    assert (answer.status_code, answer.json["status"], answer.json["code"]) == (status, status, code)


def test_a_405_lists_what_is_allowed(admin: FlaskClient) -> None:
    assert "POST" in admin.put("/api/workloads").headers["Allow"]


def test_an_unexpected_error_says_nothing_and_is_logged_by_its_type(
    app: Flask, admin: FlaskClient, context: Context
) -> None:
    def explode() -> str:
        raise RuntimeError("s3cr3t-value")

    app.view_functions["workloads.list_all"] = explode
    answer = admin.get("/api/workloads")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    log = (context.settings.logs / "web.jsonl").read_text()
    assert "RuntimeError" in log
    assert "s3cr3t-value" not in log + answer.text


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status_a_title_and_a_sentence(code: RefusalCode) -> None:
    assert 400 <= code.http_status < 600
    assert code.heading
    assert code.sentence.endswith(".")
    assert RefusalCode.of(str(code)) is code


def test_every_refusal_is_one_that_something_raises() -> None:
    root = Path(__file__).parents[2]
    files = [
        *(root / "flows").rglob("*.py"),
        *(root / "tasks" / "adoption").glob("*.py"),
        *(root / "webapp" / "http").glob("*.py"),
    ]
    files += [*(root / "webapp" / "api").glob("*.py"), *(root / "webapp" / "pages").glob("*.py")]
    raised = {code for file in files for code in re.findall(r"RefusalCode\.([A-Z_]+)\b", file.read_text())}
    # By RefusalCode.of: what db.history.refused_by says, and what Docker has to do with.
    others = {"ALREADY_LIVE", "NOT_A_SUCCESS", "NOT_ROLLBACK_CAPABLE", "ENGINE_UNREACHABLE"}
    assert raised | others == {code.name for code in RefusalCode}


def test_a_code_from_elsewhere_that_is_no_refusal_is_an_internal_error() -> None:
    assert RefusalCode.of("start_failed") is RefusalCode.INTERNAL


def test_a_browser_gets_an_error_as_a_page(admin: FlaskClient) -> None:
    answer = admin.get("/apps/nobody", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "No such workload" in answer.text


def test_every_answer_carries_the_policy(admin: FlaskClient, anonymous: FlaskClient) -> None:
    answers = [
        admin.get("/apps"),
        admin.get("/api/workloads"),
        admin.get("/api/nothing"),
        anonymous.get("/login"),
        anonymous.get("/static/css/backstay.css"),
        anonymous.get("/static/nothing"),
    ]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answers[0].headers["Cache-Control"] == "no-store"
