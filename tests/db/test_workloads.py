"""Workloads, their documents, their events, and their containers in the index."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from db import event_log, ledger, workloads
from db.connection import Database
from db.messages.events import tell
from db.metrics import containers
from db.models import Container, Document
from db.workloads import NameTaken
from tests.ledger_steps import RELEASE, Meanwhile, add_workload, all_at_once, deploy_badly, new_deploy


def index(session: Session, workload_id: int, docker_id: str, now: datetime, host: str = "local") -> None:
    """Put a container of a workload into the index."""
    containers.add(
        session,
        Container(
            docker_id=docker_id,
            owner_type=workloads.OWNER,
            owner_id=workload_id,
            deploy_version=1,
            service="app",
            name=docker_id,
            image_id="sha256:a",
            host=host,
            created_at=now,
        ),
    )


def test_a_name_is_taken_once(database: Database, now: datetime) -> None:
    with database.writing() as session:
        first = add_workload(session, now, name="shop")
    with pytest.raises(NameTaken), database.writing() as session:
        add_workload(session, now, name="shop")
    with database.reading() as session:
        assert [workload.id for workload in workloads.every(session)] == [first]


def test_of_ten_that_take_a_name_at_once_one_gets_it(database: Database, now: datetime) -> None:
    def take() -> int:
        with database.writing() as session:
            return add_workload(session, now, name="shop")

    outcomes = all_at_once(*[take] * 10)
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NameTaken) for outcome in outcomes) == 9


def test_workloads_are_listed_by_name_and_host(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_workload(session, now, name="shop")
        add_workload(session, now, name="blog")
        workloads.create(session, {"name": "away", "host": "second"}, {}, now)
    with database.reading() as session:
        assert [workload.name for workload in workloads.every(session)] == ["away", "blog", "shop"]
        assert [workload.name for workload in workloads.every(session, host="local")] == ["blog", "shop"]
        assert workloads.find(session, "shop").name == "shop"  # type: ignore[union-attr]
        assert workloads.find(session, "sho") is None
        assert workloads.id_of(session, "shop") == workloads.find(session, "shop").id  # type: ignore[union-attr]
        assert workloads.id_of(session, "sho") is None


def test_a_change_replaces_spec_and_secrets(database: Database, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with database.writing() as session:
        workload_id = add_workload(session, now, name="shop", secrets={"A": "locked"})
        workloads.change(session, workload_id, {"name": "shop", "env": {"B": "1"}}, {"C": "locked too"}, later)
    with database.reading() as session:
        workload = workloads.by_id(session, workload_id)
    assert (workload.spec, workload.secrets) == ({"name": "shop", "env": {"B": "1"}}, {"C": "locked too"})
    assert (workload.created_at, workload.updated_at) == (now, later)


def test_a_workload_under_removal_is_out_of_sight_until_it_is_gone(database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload_id = add_workload(session, now, name="shop")
        workloads.begin_removal(session, workload_id, now)
    with database.reading() as session:
        assert workloads.find(session, "shop") is None
        assert workloads.id_of(session, "shop") is None
        assert workloads.every(session) == []
        assert [workload.id for workload in workloads.removing(session, "local")] == [workload_id]
        assert workloads.removing(session, "second") == []
    with database.writing() as session:
        workloads.remove(session, workload_id)
    with database.reading() as session, pytest.raises(NoResultFound):
        workloads.by_id(session, workload_id)


def test_an_unsettled_workload_is_found_by_its_host_until_it_is_settled(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop, blog = add_workload(session, now, name="shop"), add_workload(session, now, name="blog")
        assert workloads.needing_reconcile(session, "local") == []
        workloads.set_needs_reconcile(session, shop, True)
        assert [workload.id for workload in workloads.needing_reconcile(session, "local")] == [shop]
        assert workloads.needing_reconcile(session, "second") == []
        workloads.set_needs_reconcile(session, blog, True)
        workloads.set_needs_reconcile(session, shop, False)
        assert [workload.id for workload in workloads.needing_reconcile(session, "local")] == [blog]


def test_a_document_is_stored_once_under_its_hash(database: Database, now: datetime) -> None:
    with database.writing() as session:
        first = workloads.keep_document(session, {"a": 1, "b": {"ü": [1, 2]}}, now)
        again = workloads.keep_document(session, {"b": {"ü": [1, 2]}, "a": 1}, now)
        other = workloads.keep_document(session, {"a": 1}, now)
    assert first == again != other
    with database.reading() as session:
        assert set(session.scalars(select(Document.sha256))) == {first, other}
        assert workloads.document(session, first) == {"a": 1, "b": {"ü": [1, 2]}}


def test_ten_that_store_a_document_at_once_share_it(database: Database, now: datetime) -> None:
    def keep() -> str:
        with database.writing() as session:
            return workloads.keep_document(session, RELEASE, now)

    (sha,) = set(all_at_once(*[keep] * 10))
    with database.reading() as session:
        assert session.scalars(select(Document.sha256)).all() == [sha]


def test_documents_that_no_row_names_are_collected(database: Database, now: datetime) -> None:
    with database.writing() as session:
        deploy_badly(session, add_workload(session, now), now)
        used = workloads.keep_document(session, RELEASE, now)
        workloads.keep_document(session, {"of": "nobody"}, now)
        workloads.drop_unused_documents(session)
    with database.reading() as session:
        assert session.scalars(select(Document.sha256)).all() == [used]


def test_a_document_that_a_request_is_about_to_name_is_not_collected(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = add_workload(session, now)
        workloads.keep_document(session, RELEASE, now)

    def collect() -> None:
        with database.writing() as session:
            workloads.drop_unused_documents(session)

    with database.writing() as session:
        new = new_deploy(session, now)
        collecting = Meanwhile(collect)
        collecting.waits_or_ends(database)
        assert ledger.open_deploy(session, shop, new, now).version == 1
    assert collecting.outcome() is None
    with database.reading() as session:
        assert session.scalars(select(Document.sha256)).all() == [new.release_sha]


def test_events_are_listed_newest_first_and_pruned_to_the_newest(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop, blog = add_workload(session, now, name="shop"), add_workload(session, now, name="blog")
        for number in range(5):
            event_log.note(session, shop, tell("live", version=number), now, level="warning", actor="alice")
        event_log.note(session, blog, tell("created"), now)
        event_log.prune(session, shop, keep=2)
    with database.reading() as session:
        lines = event_log.page(session, shop)
        assert [(line.message, line.level, line.actor) for line in lines] == [
            ("Version 4 is live.", "warning", "alice"),
            ("Version 3 is live.", "warning", "alice"),
        ]
        assert [line.message for line in event_log.page(session, shop, limit=1)] == ["Version 4 is live."]
        assert [line.message for line in event_log.page(session, blog)] == ["Created."]


def test_a_removed_container_leaves_the_present_ones_and_stays_in_the_index(database: Database, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with database.writing() as session:
        shop, blog = add_workload(session, now, name="shop"), add_workload(session, now, name="blog")
        index(session, shop, "c1", now)
        index(session, shop, "c1", now)  # seen twice
        index(session, shop, "c2", now)
        index(session, blog, "c3", now, host="second")
        containers.mark_removed(session, ["c1", "c9"], later)
        containers.mark_removed(session, ["c1"], later + timedelta(minutes=1))
    with database.reading() as session:
        assert [container.docker_id for container in containers.present(session, shop)] == ["c2"]
        assert [container.docker_id for container in containers.all_present(session, "second")] == ["c3"]
        everything = {container.docker_id: container.removed_at for container in session.scalars(select(Container))}
        assert everything == {"c1": later, "c2": None, "c3": None}
