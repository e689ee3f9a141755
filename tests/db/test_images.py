"""What Backstay brought, what its releases still need, and what a row knows of its image."""

from __future__ import annotations

from datetime import datetime, timedelta

from db import history, images, ledger, workloads
from db.connection import Database
from db.models import Deploy
from db.states import PinFound
from flows.shapes.deploys import row
from tests.ledger_steps import (
    Meanwhile,
    add_workload,
    all_at_once,
    ask,
    begin,
    deploy_badly,
    deploy_well,
    pin,
    roll_back,
)


def wanted(database: Database, keep_images: int = 2, host: str = "local") -> dict[str, set[tuple[str, int]]]:
    """What is needed on a host, ids without their algorithm."""
    with database.reading() as session:
        found = images.wanted(session, host, keep_images)
    assert {service for releases in found.values() for _, _, service in releases} <= {""}
    return {
        image_id.removeprefix("sha256:"): {(name, version) for name, version, _ in releases}
        for image_id, releases in found.items()
    }


def test_of_a_compose_release_each_image_is_needed_for_its_first_service(database: Database, now: datetime) -> None:
    services = {name: pin(of) for name, of in (("web", "a"), ("job", "a"), ("db", "b"))}
    with database.writing() as session:
        row = begin(session, add_workload(session, now), now)
        ledger.record_pin(session, row.id, {"kind": "compose", "services": services})
        ledger.succeed(session, row.id, [], now)
    with database.reading() as session:
        assert images.wanted(session, "local", 2) == {"sha256:a": {("shop", 1, "job")}, "sha256:b": {("shop", 1, "db")}}


def test_an_image_is_remembered_once_a_host_until_it_is_forgotten(database: Database, now: datetime) -> None:
    with database.writing() as session:
        images.remember(session, "local", "sha256:a", now, "shop", "sha256:d")
        images.remember(session, "local", "sha256:a", now)
        images.remember(session, "other", "sha256:b", now)
        assert images.brought(session, "local") == {"sha256:a": now}
        images.forget(session, "local", {"sha256:a": now, "sha256:b": now})
        assert images.brought(session, "local") == {}
        assert images.brought(session, "other") == {"sha256:b": now}


def test_an_image_that_was_brought_again_is_not_forgotten_for_what_was_seen_before(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        images.remember(session, "local", "sha256:a", now)
        seen = images.brought(session, "local")
        images.remember(session, "local", "sha256:a", now + timedelta(microseconds=1))
        images.forget(session, "local", seen)
        assert images.brought(session, "local") == {"sha256:a": now + timedelta(microseconds=1)}


def test_two_deploys_that_bring_the_same_image_at_once_both_go_on(database: Database, now: datetime) -> None:
    with database.writing() as session:
        images.remember(session, "local", "sha256:a", now)
        other = Meanwhile(lambda: bring(database, now))
        other.waits_or_ends(database)
    assert other.outcome() is None
    assert all_at_once(*[lambda: bring(database, now)] * 4) == [None] * 4
    with database.reading() as session:
        assert images.brought(session, "local") == {"sha256:a": now}


def bring(database: Database, now: datetime) -> None:
    """Remember one image, and write something else after it, as a deploy does."""
    with database.writing() as session:
        images.remember(session, "local", "sha256:a", now)
        images.brought(session, "local")


def test_needed_are_the_newest_releases_the_live_one_and_the_default_target(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        for image in "abcd":
            deploy_well(session, shop, now, image)
        deploy_badly(session, shop, now)
    assert wanted(database, 2) == {"d": {("shop", 4)}, "c": {("shop", 3)}}
    assert set(wanted(database, 3)) == set("bcd")
    with database.writing() as session:
        for _ in range(5):
            deploy_well(session, shop, now, "d")
    assert wanted(database, 2) == {"d": {("shop", 10), ("shop", 9)}, "c": {("shop", 3)}}


def test_a_rollback_makes_its_target_needed_again(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        first = deploy_well(session, shop, now, "a")
        for image in "bcd":
            deploy_well(session, shop, now, image)
        roll_back(session, shop, now, first)
    assert wanted(database, 2) == {"a": {("shop", 5)}, "d": {("shop", 4)}, "c": {("shop", 3)}}


def test_each_workload_needs_its_own_and_a_removed_one_nothing(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        blog = add_workload(session, now, name="blog")
        deploy_well(session, shop, now, "a")
        deploy_well(session, blog, now, "a")
    assert wanted(database) == {"a": {("shop", 1), ("blog", 1)}}
    with database.writing() as session:
        workloads.begin_removal(session, blog, now)
    assert wanted(database) == {"a": {("shop", 1)}}
    assert wanted(database, host="other") == {}


def test_what_an_unfinished_deploy_needs_is_needed_and_until_it_says_what_all_is_undecided(
    database: Database, shop: int, now: datetime
) -> None:
    def undecided() -> bool:
        with database.reading() as session:
            return images.undecided(session, "local")

    assert not undecided()
    with database.writing() as session:
        deploy = begin(session, shop, now)
    assert undecided()
    with database.writing() as session:
        ledger.record_pin(session, deploy.id, pin("a") | {"image_id": None, "digest": "sha256:d"})
    assert undecided()
    with database.writing() as session:
        ledger.record_pin(session, deploy.id, pin("a"))
    assert not undecided()
    assert wanted(database) == {"a": set()}


def test_a_rollback_needs_its_image_from_the_request_on(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        old = deploy_well(session, shop, now, "a")
        for image in "bcd":
            deploy_well(session, shop, now, image)
        ask(session, shop, now, rollback_of=old.version, pin=old.pin)
        assert not images.undecided(session, "local")
    assert wanted(database)["a"] == set()


def test_a_lost_image_blocks_beforehand_and_what_is_not_known_does_not(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        deploys = [deploy_well(session, shop, now, image) for image in "abcd"]
        for deploy, found in zip(deploys, (PinFound.NOWHERE, PinFound.REGISTRY, None, PinFound.NOWHERE), strict=True):
            ledger.mark_pin(session, deploy.id, found, now)
    with database.reading() as session:
        live = history.live(session, shop)
        rows = [row(one, "shop", live, "") for one in history.page(session, shop)]
        assert [one["rollback_blocked_by"] for one in rows] == ["already_live", None, None, "pin_unavailable"]
        assert [one["can_rollback"] for one in rows] == [False, True, True, False]
        lost = session.get_one(Deploy, deploys[0].id)
        assert history.refused_by(lost, live) is None


def test_pruning_keeps_the_rows_whose_images_are_kept(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        for image in "abcdefg":
            deploy_well(session, shop, now, image)
        for _ in range(200):
            deploy_badly(session, shop, now)
        kept = [one.version for one in history.kept_to_go_back_to(session, shop, 5)]
        assert kept == [7, 6, 5, 4, 3]
        ledger.prune(session, shop, keep=3, keep_images=5)
        assert [one.version for one in history.page(session, shop, limit=200)] == [207, 206, 205, *kept]
