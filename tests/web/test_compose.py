"""A compose workload in the window: its pin, what a rollback changes service by service, its pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import ledger, workloads
from flows.workloads import lifecycle
from tasks.context import Context
from tests.ledger_steps import new_deploy
from webapp.presenters.spec_lines import compose_ports

TEXT = "services: {web: {image: shop:1, environment: {A: '${TOKEN}'}}, db: {image: db}}"


@pytest.fixture
def stack(context: Context, now: datetime) -> None:
    """Two releases: the web service changed."""
    spec = {"name": "stack", "source": {"kind": "compose", "text": TEXT}, "secrets": {"TOKEN": "s3cr3t-value"}}
    lifecycle.create(context, spec, "ann")
    for version in (1, 2):
        with context.database.writing() as session:
            workload = workloads.find(session, "stack")
            assert workload is not None
            release = workloads.keep_document(session, {"source": workload.spec["source"], "secrets": ["TOKEN"]}, now)
            new = new_deploy(session, now, source_kind="compose", requested="text 0123", release_sha=release)
            row = ledger.open_deploy(session, workload.id, new, now)
        with context.database.writing() as session:
            ledger.claim(session, row.id, "engine", None, now)
            ledger.record_pin(session, row.id, pin(session, version, now))
            ledger.succeed(session, row.id, [], now)


def pin(session: Any, version: int, now: datetime) -> dict[str, Any]:
    """The pin of a version, its file stored."""
    ports = [{"mode": "ingress", "host_ip": "127.0.0.1", "target": 8080, "published": "18080", "protocol": "tcp"}]
    web = {"image": f"shop@sha256:{version}", "environment": {"A": "${TOKEN}"}, "ports": ports}
    file = {"services": {"web": web, "db": {"image": "db@sha256:d"}}}
    services = {
        name: {"image": name, "repository": name, "digest": f"sha256:{name}{version}", "image_id": f"sha256:{name}"}
        for name in ("web", "db")
    }
    runs = {name: {"count": 1, "once": False, "since": 1, "made_of": "x"} for name in services}
    sha = workloads.keep_document(session, file, now)
    return {"kind": "compose", "sha256": sha, "services": services, "runs": runs}


@pytest.mark.usefixtures("stack")
def test_what_a_rollback_changes_is_said_service_by_service(viewer: FlaskClient) -> None:
    found = viewer.get("/api/workloads/stack/deploys/1/diff?against=live").json
    assert found["config"] == [{"key": "services.web.image", "from": "shop@sha256:2", "to": "shop@sha256:1"}]
    rows = viewer.get("/api/workloads/stack/deploys").json["deploys"]
    assert [(row["pin_short"], row["can_rollback"]) for row in rows] == [
        (rows[0]["pin"]["sha256"][:12], False),
        (rows[1]["pin"]["sha256"][:12], True),
    ]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("path", ["", "/rollback/1", "/edit", "/deploy"])
def test_its_pages_are_there(logged_in: Callable[[str], FlaskClient], path: str) -> None:
    page = logged_in("admin").get(f"/apps/stack{path}")
    assert page.status_code == 200
    assert "s3cr3t-value" not in page.text
    if path == "/rollback/1":
        assert "services.web.image" in page.text
    if path == "":
        assert re.search(r'<a href="http://127.0.0.1:18080/"[^>]*>127.0.0.1:18080</a> → web:8080', page.text)
        assert "<dt>volumes</dt>" not in page.text  # they are in the file
    if path == "/edit":
        assert '<input type="hidden" name="kind" value="compose">' in page.text
        assert "image.image" not in page.text


def test_before_the_first_deploy_nobody_knows_its_ports(
    logged_in: Callable[[str], FlaskClient], context: Context
) -> None:
    lifecycle.create(context, {"name": "stack", "source": {"kind": "compose", "text": TEXT}}, "ann")
    page = logged_in("vera").get("/apps/stack")
    assert page.status_code == 200
    assert re.search(r"<dt>Ports</dt><dd>\s*<span class=\"muted\">—</span>", page.text)


def test_of_a_compose_file_every_port_is_told_and_no_udp() -> None:
    web = {"ports": [{"target": 80}, {"target": 443, "published": "8443"}, {"target": 53, "protocol": "udp"}]}
    found = compose_ports({"services": {"web": web, "db": {}}})
    assert found == [
        {"container": "web:80", "host": None, "address": "0.0.0.0"},
        {"container": "web:443", "host": 8443, "address": "0.0.0.0"},
    ]


@pytest.mark.usefixtures("stack")
def test_the_question_of_a_removal_names_the_files(logged_in: Callable[[str], FlaskClient]) -> None:
    browser = logged_in("admin")
    assert "Its files in HOME/files/stack" in browser.get("/apps/stack/remove?dialog=1").text
    assert "HOME/files/stack" in browser.post("/apps/stack/remove?lang=ru", data={"name": "x"}).text
