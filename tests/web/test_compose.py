"""A compose workload in the window: its pin, what a rollback changes service by service, its pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from db import ledger, workloads
from flows import workloads as kept
from tasks.context import Context
from tests.ledger_steps import new_deploy

TEXT = "services: {web: {image: shop:1, environment: {A: '${TOKEN}'}}, db: {image: db}}"


@pytest.fixture
def stack(context: Context, now: datetime) -> None:
    """Two releases: the web service changed."""
    spec = {"name": "stack", "source": {"kind": "compose", "text": TEXT}, "secrets": {"TOKEN": "s3cr3t-value"}}
    kept.create(context, spec, "ann")
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
    web = {"image": f"shop@sha256:{version}", "environment": {"A": "${TOKEN}"}}
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
