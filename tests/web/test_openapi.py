"""The description of the API: whole, true to the answers, and the one that is checked in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from db.messages.refusals import RefusalCode
from webapp.http import permissions
from webapp.openapi.calls import CALLS
from webapp.openapi.document import described, whole

ROOT = Path(__file__).parents[2]
STORED: dict[str, Any] = orjson.loads((ROOT / "docs" / "openapi.json").read_bytes())
HOW = "say in webapp/openapi/calls/ what it takes and answers; see CONTRIBUTING.md, Adding an endpoint"


def test_every_call_of_the_api_is_described(app: Flask) -> None:
    missing = {endpoint for endpoint, _, _ in described(app.url_map)} - CALLS.keys()
    assert not missing, f"{sorted(missing)}: {HOW}"


def test_every_call_that_is_described_exists_and_has_its_role(app: Flask) -> None:
    assert CALLS.keys() <= {endpoint for endpoint, _, _ in described(app.url_map)}
    assert CALLS.keys() <= permissions.PERMISSIONS.keys()


def test_every_refusal_that_is_described_is_a_code() -> None:
    assert {code for call in CALLS.values() for code in call.refuses} <= set(RefusalCode)


def test_the_document_that_is_checked_in_is_the_one_that_is_served(app: Flask, viewer: FlaskClient) -> None:
    assert whole(app.url_map) == STORED, "run `python -m webapp.write_openapi`"
    assert viewer.get("/openapi.json").json == STORED


def test_the_document_is_for_those_who_may_read(anonymous: FlaskClient) -> None:
    assert anonymous.get("/openapi.json").status_code == 401


def test_every_call_of_the_page_is_in_the_document_and_the_other_way_round() -> None:
    text = (ROOT / "docs" / "api.md").read_text().replace("{id}", "{name}")
    told = {
        (method, path.partition("?")[0])
        for line in text.splitlines()
        if line.startswith("| `")
        for methods, path in re.findall(r"`((?:[A-Z]+`?,? ?`?)+) (/[^`]+)`", line.split("|")[1])
        for method in re.findall(r"[A-Z]+", methods)
    }
    known = {
        (method.upper(), path)
        for path, methods in STORED["paths"].items()
        for method in methods
        if path not in {"/login", "/logout"}
    }
    assert told == known


@pytest.mark.parametrize(
    "path",
    [
        "/api/workloads",
        "/api/workloads/shop",
        "/api/workloads/shop/deploys",
        "/api/workloads/shop/deploys/2",
        "/api/workloads/shop/deploys/1/diff",
        "/api/workloads/shop/deploys/3/impact",
        "/api/workloads/shop/deploys/3/build-log",
        "/api/workloads/shop/events",
        "/api/workloads/shop/runtime-state",
        "/api/workloads/shop/marks",
        "/api/workloads/shop/hooks",
        "/api/registries",
        "/api/git-credentials",
        "/api/system",
        "/healthz",
    ],
)
def test_answers_have_the_shape_that_is_described(viewer: FlaskClient, shop: int, path: str) -> None:
    rule = re.sub(r"/shop\b", "/{name}", re.sub(r"/deploys/\d+", "/deploys/{version}", path))
    schema = STORED["paths"][rule]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.validator_for({**schema, "components": STORED["components"]})
    assert [error.message for error in validator.iter_errors(viewer.get(path).json)] == []


# What schemathesis found; each of these answered otherwise once.


@pytest.mark.parametrize("version", ["2147483648", "9" * 30])
@pytest.mark.parametrize("path", ["", "/diff", "/impact"])
def test_a_version_that_no_column_holds_is_no_version(viewer: FlaskClient, shop: int, version: str, path: str) -> None:
    answer = viewer.get(f"/api/workloads/shop/deploys/{version}{path}")
    assert (answer.status_code, answer.json["code"]) == (404, "no_such_version")


def test_a_whole_number_may_be_written_with_a_point(admin: FlaskClient, shop: int) -> None:
    answer = admin.post("/api/workloads/shop/rollback", json={"version": 9.0})
    assert answer.json["code"] == "no_such_version"
    assert admin.post("/api/workloads/shop/rollback", json={"version": 9.5}).json["code"] == "bad_request"


def test_a_program_that_is_not_logged_in_is_not_sent_to_a_form(anonymous: FlaskClient) -> None:
    assert anonymous.post("/logout", headers={"Accept": "*/*"}).status_code == 401
    assert anonymous.post("/logout", headers={"Accept": "text/html"}).status_code == 303


def test_a_refusal_speaks_of_mappings_and_not_of_our_classes(admin: FlaskClient) -> None:
    spec = {"name": "x", "source": {"kind": "image", "image": "x"}}
    for key, wrong in (("resources", 1), ("env", []), ("ports", [1]), ("health", "x")):
        detail = admin.post("/api/workloads", json={**spec, key: wrong}).json["detail"]
        assert detail.endswith("must be a mapping of keys to values"), detail


Browser = Callable[[str], FlaskClient]
