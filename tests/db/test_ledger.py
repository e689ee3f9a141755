"""The ledger: one unfinished deploy per workload, versions without gaps, endings that stay, a way back that stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError, NoResultFound

from db import history, ledger, workloads
from db.connection import Database
from db.ledger import DeployInFlight
from db.messages.events import tell
from db.metrics import impacts
from db.models import Deploy
from db.states import FINAL, ErrorCode, IllegalTransition, Reason, Stage, Status, status_for
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


def versions(database: Database, workload_id: int) -> list[int]:
    """What the ledger holds of a workload, oldest first."""
    with database.reading() as session:
        return [row.version for row in reversed(history.page(session, workload_id, limit=10_000))]


def row(database: Database, workload_id: int, version: int) -> Deploy:
    """One row as it is now."""
    with database.reading() as session:
        found = history.find(session, workload_id, version)
        assert found is not None
        return found


# Opening


def test_a_deploy_opens_as_queued_with_all_that_is_known(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        ask(session, shop, now, reason=Reason.ROLLBACK, rollback_of=7, pin=pin("a"), idempotency_key="k")
    opened = row(database, shop, 1)
    assert (opened.status, opened.reason, opened.rollback_of, opened.pin) == ("queued", "rollback", 7, pin("a"))
    assert (opened.actor, opened.trigger, opened.queued_at, opened.idempotency_key) == ("alice", "api", now, "k")
    assert (opened.live, opened.cancel_requested, opened.stages) == (False, False, [])
    assert (opened.started_at, opened.finished_at, opened.error_code) == (None, None, None)


def test_versions_count_from_one_without_gaps_also_after_refusals(database: Database, shop: int, now: datetime) -> None:
    for _ in range(3):
        with database.writing() as session:
            running = begin(session, shop, now)
        for _ in range(2):
            with pytest.raises(DeployInFlight), database.writing() as session:
                ask(session, shop, now)
        with database.writing() as session:
            ledger.fail(session, running.id, ErrorCode.INTERNAL, "f", now)
    assert versions(database, shop) == [1, 2, 3]


def test_each_workload_counts_for_itself(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        blog = add_workload(session, now, name="blog")
        deploy_well(session, shop, now, "a")
        deploy_well(session, shop, now, "b")
        deploy_well(session, blog, now, "a")
    assert (versions(database, shop), versions(database, blog)) == ([1, 2], [1])


def test_of_twenty_that_open_at_once_exactly_one_gets_it(database: Database, shop: int, now: datetime) -> None:
    def open_one() -> int:
        with database.writing() as session:
            return ask(session, shop, now).version

    outcomes = all_at_once(*[open_one] * 20)
    assert [outcome for outcome in outcomes if outcome == 1] == [1]
    assert sum(isinstance(outcome, DeployInFlight) for outcome in outcomes) == 19
    assert versions(database, shop) == [1]


def test_twenty_workloads_that_open_at_once_do_not_hinder_each_other(database: Database, now: datetime) -> None:
    with database.writing() as session:
        ids = [add_workload(session, now, name=f"w{number}") for number in range(20)]

    def open_for(workload_id: int) -> int:
        with database.writing() as session:
            return ask(session, workload_id, now).version

    assert all_at_once(*[lambda workload_id=each: open_for(workload_id) for each in ids]) == [1] * 20


def test_the_lock_is_in_the_database_itself(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        first = deploy_badly(session, shop, now)
        ask(session, shop, now)
    with pytest.raises(IntegrityError), database.writing() as session:
        session.execute(update(Deploy).where(Deploy.id == first.id).values(status="running"))


def test_two_live_rows_are_refused_by_the_database_itself(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        first = deploy_well(session, shop, now, "a")
        deploy_well(session, shop, now, "b")
    with pytest.raises(IntegrityError), database.writing() as session:
        session.execute(update(Deploy).where(Deploy.id == first.id).values(live=True))


def test_an_id_is_never_used_again(database: Database, now: datetime) -> None:
    # Prefect remembers runs by an idempotency key made of the row's id, samples remember the workload's.
    def one_life() -> tuple[int, int]:
        with database.writing() as session:
            workload_id = add_workload(session, now, name="shop")
            return workload_id, deploy_well(session, workload_id, now, "a").id

    first = one_life()
    with database.writing() as session:
        workloads.remove(session, first[0])
    second = one_life()
    assert second[0] > first[0]
    assert second[1] > first[1]


# Claiming and the way through the stages


def test_a_claim_makes_it_running_for_one_engine(database: Database, shop: int, now: datetime) -> None:
    later = now + timedelta(seconds=3)
    with database.writing() as session:
        ledger.claim(session, ask(session, shop, now).id, "engine-1", "run-1", later)
    claimed = row(database, shop, 1)
    assert (claimed.status, claimed.engine_id, claimed.flow_run_id) == ("running", "engine-1", "run-1")
    assert (claimed.started_at, claimed.stage) == (later, Stage.PIN)


def test_of_ten_engines_that_claim_at_once_one_gets_it(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_id = ask(session, shop, now).id

    def claim_as(engine: str) -> str | None:
        with database.writing() as session:
            claimed = ledger.claim(session, deploy_id, engine, None, now)
            return claimed.engine_id if claimed else None

    outcomes = all_at_once(*[lambda engine=f"engine-{number}": claim_as(engine) for number in range(10)])
    winners = [outcome for outcome in outcomes if outcome is not None]
    assert len(winners) == 1
    assert row(database, shop, 1).engine_id == winners[0]


@pytest.mark.parametrize("code", [ErrorCode.INTERNAL, ErrorCode.CANCELLED, ErrorCode.INTERRUPTED])
def test_what_is_over_cannot_be_claimed(database: Database, shop: int, now: datetime, code: ErrorCode) -> None:
    with database.writing() as session:
        deploy = ask(session, shop, now)
        ledger.fail(session, deploy.id, code, "f", now)
        assert ledger.claim(session, deploy.id, "engine-1", None, now) is None


def test_a_claim_without_a_run_keeps_the_run_that_is_attached(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy = ask(session, shop, now)
        ledger.attach_flow_run(session, deploy.id, "run-7")
        ledger.claim(session, deploy.id, "engine-1", None, now)
    assert row(database, shop, 1).flow_run_id == "run-7"


def test_entering_a_stage_records_it_and_those_that_are_done(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy = begin(session, shop, now)
        assert ledger.enter_stage(session, deploy.id, Stage.PREPARE, [{"name": "pin", "ms": 12}]) is False
        ledger.record_pin(session, deploy.id, pin("a"))
    under_way = row(database, shop, 1)
    assert (under_way.stage, under_way.stages) == ("prepare", [{"name": "pin", "ms": 12}])
    assert under_way.pin == pin("a")


def test_a_wish_to_cancel_is_heard_at_the_next_stage(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy = begin(session, shop, now)
        assert ledger.request_cancel(session, deploy.id) is True
        assert ledger.enter_stage(session, deploy.id, Stage.PREPARE, []) is True


def test_a_queued_deploy_can_be_asked_to_stop(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy = ask(session, shop, now)
        assert ledger.request_cancel(session, deploy.id) is True
        ledger.claim(session, deploy.id, "engine-1", None, now)
        assert ledger.enter_stage(session, deploy.id, Stage.PREPARE, []) is True


@pytest.mark.parametrize("good", [True, False])
def test_what_is_over_cannot_be_asked_to_stop(database: Database, shop: int, now: datetime, good: bool) -> None:
    with database.writing() as session:
        over = deploy_well(session, shop, now, "a") if good else deploy_badly(session, shop, now)
        assert ledger.request_cancel(session, over.id) is False
    assert row(database, shop, 1).cancel_requested is False


def test_a_deploy_in_its_last_stage_cannot_be_asked_to_stop(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy = begin(session, shop, now)
        ledger.enter_stage(session, deploy.id, Stage.FINISH, [])
        assert ledger.request_cancel(session, deploy.id) is False
        assert ledger.succeed(session, deploy.id, [], now).cancel_requested is False


def test_a_step_that_comes_after_the_end_changes_nothing(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        over = deploy_badly(session, shop, now)
    with pytest.raises(NoResultFound), database.writing() as session:
        ledger.enter_stage(session, over.id, Stage.VERIFY, [{"name": "health", "ms": 1}])
    with database.writing() as session:
        ledger.record_pin(session, over.id, pin("late"))
    after = row(database, shop, 1)
    assert (after.stage, after.stages, after.pin) == (Stage.PIN, [], None)


# Endings


def test_a_success_becomes_live_and_says_what_it_replaced(database: Database, shop: int, now: datetime) -> None:
    done = [{"name": "pin", "ms": 3}, {"name": "finish", "ms": 1}]
    with database.writing() as session:
        first = deploy_well(session, shop, now, "a")
        second = begin(session, shop, now)
        ledger.succeed(session, second.id, done, now)
    first, second = row(database, shop, 1), row(database, shop, 2)
    assert (first.live, first.replaced, first.verified) == (False, None, True)
    assert (second.live, second.replaced, second.verified, second.stages) == (True, 1, True, done)
    assert (first.status, second.status) == ("succeeded", "succeeded")


def test_a_failure_leaves_the_live_one_live(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "a")
        deploy_badly(session, shop, now, ErrorCode.HEALTH_TIMEOUT)
        live = history.live(session, shop)
        assert live is not None
        assert live.version == 1
    failed = row(database, shop, 2)
    assert (failed.status, failed.error_code, failed.error_fingerprint) == ("failed", "health_timeout", "f" * 16)
    assert (failed.live, failed.replaced, failed.verified) == (False, None, None)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_ends_a_deploy_in_its_status(
    database: Database, shop: int, now: datetime, code: ErrorCode
) -> None:
    with database.writing() as session:
        ledger.fail(session, begin(session, shop, now).id, code, "f", now, stages=[{"name": "pin", "ms": 1}])
    ended = row(database, shop, 1)
    assert (ended.status, ended.error_code) == (status_for(code), code)
    assert Status(ended.status) in FINAL
    assert (ended.finished_at, ended.stages) == (now, [{"name": "pin", "ms": 1}])


@pytest.mark.parametrize("first", ["succeed", ErrorCode.INTERNAL, ErrorCode.INTERRUPTED, ErrorCode.CANCELLED])
@pytest.mark.parametrize("second", ["succeed", ErrorCode.INTERNAL, ErrorCode.INTERRUPTED, ErrorCode.CANCELLED])
def test_what_has_ended_cannot_end_again(database: Database, shop: int, now: datetime, first: str, second: str) -> None:
    def end(session: Any, deploy_id: int, how: str) -> None:
        if how == "succeed":
            ledger.succeed(session, deploy_id, [], now)
        else:
            ledger.fail(session, deploy_id, ErrorCode(how), "f", now)

    with database.writing() as session:
        deploy_id = begin(session, shop, now).id
        end(session, deploy_id, first)
    before = row(database, shop, 1)
    with pytest.raises(IllegalTransition), database.writing() as session:
        end(session, deploy_id, second)
    after = row(database, shop, 1)
    assert (after.status, after.error_code, after.live) == (before.status, before.error_code, before.live)


def test_a_queued_deploy_cannot_succeed(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        live = deploy_well(session, shop, now, "a")
        queued = ask(session, shop, now)
    with pytest.raises(IllegalTransition), database.writing() as session:
        ledger.succeed(session, queued.id, [], now)
    assert row(database, shop, live.version).live is True


def test_of_two_endings_at_once_the_first_counts(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "a")
        deploy_id = begin(session, shop, now).id

    def interrupt() -> None:
        with database.writing() as session:
            ledger.fail(session, deploy_id, ErrorCode.INTERRUPTED, "f", now)

    with database.writing() as session:
        ledger.succeed(session, deploy_id, [], now)
        interruption = Meanwhile(interrupt)
        interruption.waits_or_ends(database)
    assert isinstance(interruption.outcome(), IllegalTransition)
    assert (row(database, shop, 2).status, row(database, shop, 2).live) == ("succeeded", True)
    assert row(database, shop, 1).live is False


def test_a_clock_that_is_set_back_does_not_end_a_deploy_before_its_start(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        ledger.succeed(session, begin(session, shop, now).id, [], now - timedelta(hours=1))
        ledger.fail(session, ask(session, shop, now).id, ErrorCode.INTERNAL, "f", now - timedelta(hours=1))
    assert row(database, shop, 1).finished_at == now
    assert row(database, shop, 2).finished_at == now


def test_verified_is_news_only_when_it_changes_and_only_on_the_live_row(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        old, live = deploy_well(session, shop, now, "a"), deploy_well(session, shop, now, "b")
        seen: list[tuple[bool, datetime | None]] = []
        for minute, (of, verified) in enumerate(
            [(live, True), (live, False), (live, False), (live, True), (old, False)], start=1
        ):
            news = ledger.mark_verified(session, of.id, verified, now + timedelta(minutes=minute))
            session.refresh(of)
            assert of.verified is (verified or of is old)
            seen.append((news, of.verified_since))
    since = [now + timedelta(minutes=minute) for minute in (0, 2, 2, 4, 0)]
    assert seen == list(zip([False, True, False, True, False], since, strict=True))


def test_a_row_says_since_when_it_is_verified_or_known_not_to_be(database: Database, shop: int, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with database.writing() as session:
        ledger.succeed(session, begin(session, shop, now).id, [], later)
        deploy_badly(session, shop, now)
        ledger.fail(session, begin(session, shop, now).id, ErrorCode.PIN_MISMATCH, "f", later, verified=False)
    assert [row(database, shop, version).verified_since for version in (1, 2, 3)] == [later, None, later]


def test_equal_failures_have_equal_fingerprints_and_others_have_others() -> None:
    base = ledger.fingerprint(ErrorCode.PORT_IN_USE, "roll_out", "APIError")
    assert base == ledger.fingerprint(ErrorCode.PORT_IN_USE, "roll_out", "APIError")
    assert len(base) == 16
    others = {
        ledger.fingerprint(ErrorCode.START_FAILED, "roll_out", "APIError"),
        ledger.fingerprint(ErrorCode.PORT_IN_USE, "prepare", "APIError"),
        ledger.fingerprint(ErrorCode.PORT_IN_USE, "roll_out", "Timeout"),
    }
    assert len(others | {base}) == 4


# Pruning


def test_pruning_keeps_the_newest(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        for image in "abcdef":
            deploy_well(session, shop, now, image)
        assert ledger.prune(session, shop, keep=3, keep_images=2) == 3
        assert ledger.prune(session, shop, keep=3, keep_images=2) == 0
    assert versions(database, shop) == [4, 5, 6]


def test_after_two_hundred_failures_the_way_back_is_still_there(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        for image in "abc":
            deploy_well(session, shop, now, image)
        for _ in range(200):
            deploy_badly(session, shop, now)
        assert ledger.prune(session, shop, keep=10, keep_images=2) == 191
        assert history.default_rollback_target(session, shop).version == 2  # type: ignore[union-attr]
    assert versions(database, shop) == [2, 3, *range(194, 204)]
    assert row(database, shop, 3).live is True


def test_pruning_keeps_the_default_target_behind_many_deploys_of_the_same_image(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "old")
        for _ in range(20):
            deploy_well(session, shop, now, "new")
        ledger.prune(session, shop, keep=5, keep_images=2)
        assert history.default_rollback_target(session, shop).version == 1  # type: ignore[union-attr]
    assert versions(database, shop) == [1, 17, 18, 19, 20, 21]


def test_pruning_keeps_as_many_pins_behind_many_deploys_of_the_same_image(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        for image in ("a", "b", "c", "c", "d", *["e"] * 20):
            deploy_well(session, shop, now, image)
        ledger.prune(session, shop, keep=2, keep_images=3)
    assert versions(database, shop) == [4, 5, 23, 24, 25]  # the newest row of c, of d and of e, and two more


def test_pruning_never_takes_the_live_one_whatever_is_to_be_kept(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "a")
        deploy_badly(session, shop, now)
        deploy_badly(session, shop, now)
        assert ledger.prune(session, shop, keep=1, keep_images=0) == 1
    assert versions(database, shop) == [1, 3]


@pytest.mark.parametrize("claimed", [True, False])
def test_pruning_never_takes_the_unfinished(database: Database, shop: int, now: datetime, claimed: bool) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "a")
        (begin if claimed else ask)(session, shop, now)
        assert ledger.prune(session, shop, keep=0, keep_images=0) == 0
    assert versions(database, shop) == [1, 2]


def test_pruning_does_not_bring_a_condemned_version_back_as_target(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        good = deploy_well(session, shop, now, "good")
        deploy_well(session, shop, now, "bad")
        roll_back(session, shop, now, good)
        for _ in range(10):
            deploy_badly(session, shop, now)
        ledger.prune(session, shop, keep=2, keep_images=2)
        assert history.default_rollback_target(session, shop) is None
    assert versions(database, shop) == [2, 3, 12, 13]


def test_pruning_leaves_other_workloads_alone(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        blog = add_workload(session, now, name="blog")
        for image in "abc":
            deploy_well(session, shop, now, image)
            deploy_well(session, blog, now, image)
        ledger.prune(session, shop, keep=1, keep_images=2)
    assert (versions(database, shop), versions(database, blog)) == ([2, 3], [1, 2, 3])


# Removal


def test_a_removed_workload_leaves_nothing_anywhere_and_others_keep_all(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        blog = add_workload(session, now, name="blog")
        for workload_id in (shop, blog):
            _fill_every_table(session, workload_id, now)
    with database.writing() as session:
        workloads.remove(session, shop)
    owned = {"deploy_history": 3, "event_log": 2, "containers": 1, "container_stats_samples": 2, "workloads": 1}
    with database.reading() as session:
        assert {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in owned} == owned
        assert session.scalar(select(func.count()).select_from(Deploy).where(Deploy.workload_id == blog)) == 3
        assert session.scalar(text("SELECT count(*) FROM documents")) == 1
    with database.writing() as session:
        workloads.remove(session, blog)
    with database.reading() as session:
        assert {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in owned} == dict.fromkeys(
            owned, 0
        )
        assert session.scalar(text("SELECT count(*) FROM documents")) == 0


def _fill_every_table(session: Any, workload_id: int, now: datetime) -> None:
    from db import event_log
    from db.metrics import containers, samples
    from db.models import Container

    deploy_well(session, workload_id, now, "a")
    deploy_badly(session, workload_id, now)
    ask(session, workload_id, now)
    event_log.note(session, workload_id, tell("created"), now)
    event_log.note(session, workload_id, tell("put_in_order"), now, level="error")
    container = Container(
        docker_id=f"{workload_id:064d}",
        owner_type=workloads.OWNER,
        owner_id=workload_id,
        deploy_version=1,
        service="app",
        name="c",
        image_id="sha256:a",
        host="local",
        created_at=now,
    )
    containers.add(session, container)
    reading = {"owner_type": workloads.OWNER, "owner_id": workload_id, "container_id": container.id}
    samples.insert_tick(session, [reading | {"ts": ts, "memory_usage": 1} for ts in (15, 30)])


def test_a_deploy_that_changes_nothing_succeeds_and_what_is_live_stays_live(database: Database, now: datetime) -> None:
    with database.writing() as session:
        shop = add_workload(session, now)
        live = deploy_well(session, shop, now, "a")
        same = begin(session, shop, now)
        ledger.record_pin(session, same.id, pin("a"))
        ended = ledger.succeed(session, same.id, [], now, takes_over=False)
        assert (ended.status, ended.live, ended.verified, ended.replaced) == ("succeeded", False, True, None)
    with database.reading() as session:
        found = history.live(session, shop)
        assert found is not None
        assert found.version == live.version
        assert history.default_rollback_target(session, shop) is None
        assert impacts.replaced_unseen(session, "local") == []
