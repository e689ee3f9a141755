"""The pin of a compose release: its stored file stays as long as its row, tells releases apart, and can be compared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import diff, history, ledger, pins, workloads
from db.connection import Database
from db.models import Deploy, Document
from db.serialize import pin_short
from tests.ledger_steps import add_workload, begin

FILE = {
    "services": {"web": {"image": "shop@sha256:1", "environment": {"A": "${TOKEN}"}}, "db": {"image": "db@sha256:2"}}
}


def pin(sha256: str, **since: int) -> dict[str, Any]:
    runs = {name: {"count": 1, "once": False, "since": version, "made_of": "x"} for name, version in since.items()}
    return {"kind": "compose", "sha256": sha256, "services": {}, "runs": runs}


def deployed(session: Session, workload_id: int, file: dict[str, Any], now: datetime, **since: int) -> Deploy:
    row = begin(session, workload_id, now, source_kind="compose")
    ledger.record_pin(session, row.id, pin(workloads.keep_document(session, file, now), **since))
    return ledger.succeed(session, row.id, [], now)


def test_the_file_of_a_release_is_kept_while_a_row_names_it(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = add_workload(session, now)
        row = deployed(session, shop, FILE, now, web=1)
        workloads.keep_document(session, {"services": {"of": "nobody"}}, now)
        workloads.drop_unused_documents(session)
        assert row.pin is not None
        assert set(session.scalars(select(Document.sha256))) == {row.release_sha, row.pin["sha256"]}
        workloads.remove(session, shop)
        assert session.scalars(select(Document.sha256)).all() == []


def test_two_releases_are_the_same_when_their_file_is() -> None:
    assert history.same_pin(pin("a" * 64, web=1), pin("a" * 64, web=3))
    assert not history.same_pin(pin("a" * 64, web=1), pin("b" * 64, web=1))
    assert pin_short(pin("abcdef0123456789")) == "abcdef012345"


def test_a_container_is_of_the_live_version_when_its_service_is_what_it_was() -> None:
    live = pin("a", web=3, db=1)
    assert pins.is_of(live, 3, "web", 3)
    assert pins.is_of(live, 3, "db", 1)
    assert not pins.is_of(live, 3, "web", 1)
    assert not pins.is_of(live, 3, "gone", 3)
    assert pins.is_of({"kind": "image"}, 3, "app", 3)
    assert not pins.is_of(None, 3, "app", 2)


def test_two_releases_are_compared_service_by_service(database: Database, now: datetime) -> None:
    after = {"services": {"web": FILE["services"]["web"] | {"image": "shop@sha256:3"}, "job": {"image": "j"}}}
    with database.writing() as session:
        shop = add_workload(session, now)
        first = deployed(session, shop, FILE, now, web=1, db=1)
        second = deployed(session, shop, after, now, web=2, job=2)
        found = diff.between(session, first, second)
        new = diff.between(session, None, first)["config"]
    assert found["same_pin"] is False
    assert found["config"] == [
        {"key": "services.db.image", "from": "db@sha256:2", "to": None},
        {"key": "services.job.image", "from": None, "to": "j"},
        {"key": "services.web.image", "from": "shop@sha256:1", "to": "shop@sha256:3"},
    ]
    assert {"key": "services.web.environment.A", "from": None, "to": "${TOKEN}"} in new
