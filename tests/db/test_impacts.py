"""What a deploy did: gathered from samples and events of both versions, judged when it is due, written on its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from db import event_log, history, ledger
from db.connection import Database
from db.messages.events import tell as tell_of
from db.metrics import container_events, samples
from db.models import Container, ContainerEvent, Deploy
from db.settings import Settings
from db.states import ErrorCode
from flows.upkeep.impact_reviews import due, settle, tell
from tasks.context import Context
from tasks.impact import evidence
from tasks.impact.evidence import assess
from tasks.impact.leak import MIB
from tasks.impact.verdict import SETTLED_AFTER_S
from tests.ledger_steps import begin, deploy_badly, deploy_well
from tests.real_parts import free_port

STEP_S = 15
MINUTE = 60


def sampled(
    database: Database,
    shop: int,
    version: int,
    since: datetime,
    minutes: int,
    memory: Callable[[int], float],
    service: str = "app",
) -> None:
    """Samples of the one container of a service of a version: `memory` gives MiB for a second since the first."""
    begin = int(since.timestamp())
    with database.writing() as session:
        container = Container(
            docker_id=f"{shop}-{version}-{service}", owner_type="workload", owner_id=shop, deploy_version=version,
            service=service, name=service, image_id="sha256:1", host="local", created_at=since,
        )  # fmt: skip
        session.add(container)
        session.flush()
        for at in range(0, minutes * MINUTE, STEP_S):
            reading: dict[str, Any] = dict.fromkeys(("network_rx", "network_tx", "block_read", "block_write"))
            reading |= {"owner_id": shop, "owner_type": "workload", "container_id": container.id, "ts": begin + at}
            reading |= {"cpu_percent": 10.0, "memory_usage": int(memory(at) * MIB), "memory_limit": 512 * MIB}
            samples.insert_tick(session, [reading])


def live_row(database: Database, shop: int) -> Deploy:
    """The row that serves."""
    with database.reading() as session:
        row = history.live(session, shop)
        assert row is not None
        return row


def judged(database: Database, deploy: Deploy, moment: datetime) -> dict[str, Any]:
    """What is said of a deploy at a moment."""
    with database.reading() as session:
        found = assess(session, deploy, moment)
    assert found is not None
    return found


def context_of(settings: Settings, database: Database) -> Context:
    """An engine's context over that ledger; its Prefect is away."""
    alone = settings.model_copy(update={"prefect_api_url": f"http://127.0.0.1:{free_port()}/api"})
    context = Context.open(alone, "test", quiet=True)
    context.database.close()
    context.database = database
    return context


@pytest.fixture
def second(database: Database, shop: int, now: datetime) -> datetime:
    """A version of 50 MiB for an hour, then another one goes live: the moment."""
    live_at = now + timedelta(hours=1)
    with database.writing() as session:
        deploy_well(session, shop, now, "1")
    sampled(database, shop, 1, now, 60, lambda at: 50)
    with database.writing() as session:
        deploy_well(session, shop, live_at, "2")
    return live_at


def test_a_version_that_takes_more_memory_is_worse_and_the_numbers_say_why(
    database: Database, shop: int, second: datetime
) -> None:
    sampled(database, shop, 2, second, 40, lambda at: 90)
    found = judged(database, live_row(database, shop), second + timedelta(minutes=40))
    assert (found["verdict"], found["reasons"]) == ("worse", ["memory_up"])
    assert (found["before"]["version"], found["before"]["memory_median"]) == (1, 50 * MIB)
    assert (found["after"]["version"], found["after"]["memory_median"]) == (2, 90 * MIB)
    assert found["leak"]["leaking"] is False


def test_a_version_that_grows_by_a_mebibyte_a_minute_leaks_and_has_so_long_to_its_limit(
    database: Database, shop: int, second: datetime
) -> None:
    sampled(database, shop, 2, second, 30, lambda at: 50 + at / MINUTE)
    found = judged(database, live_row(database, shop), second + timedelta(seconds=SETTLED_AFTER_S))
    assert found["verdict"] == "leaking"
    assert found["leak"]["slope_bytes_per_hour"] == pytest.approx(60 * MIB, rel=0.03)
    assert found["leak"]["seconds_to_limit"] == pytest.approx((512 - 79) * 60, rel=0.03)


def test_of_several_services_the_one_that_leaks_is_named(database: Database, shop: int, second: datetime) -> None:
    sampled(database, shop, 2, second, 30, lambda at: 4000 + at % 7 * 40, service="database")
    sampled(database, shop, 2, second, 30, lambda at: 50 + at / MINUTE, service="web")
    found = judged(database, live_row(database, shop), second + timedelta(seconds=SETTLED_AFTER_S))
    assert (found["verdict"], found["leak"]["service"]) == ("leaking", "web")
    assert [one["service"] for one in found["services"]] == ["database", "web"]


def test_while_both_versions_ran_neither_is_taken_for_the_other(
    database: Database, shop: int, second: datetime
) -> None:
    sampled(database, shop, 2, second - timedelta(minutes=20), 60, lambda at: 50)
    assert judged(database, live_row(database, shop), second + timedelta(minutes=40))["verdict"] == "same"


def test_of_a_compose_release_the_services_that_did_not_change_count_too(
    database: Database, shop: int, now: datetime
) -> None:
    live_at = now + timedelta(hours=1)
    for version, moment in ((1, now), (2, live_at)):
        with database.writing() as session:
            row = begin(session, shop, moment)
            runs = {"db": {"since": 1}, "web": {"since": version}}
            ledger.record_pin(session, row.id, {"kind": "compose", "sha256": str(version), "runs": runs})
            ledger.succeed(session, row.id, [], moment)
    # The database's container of version 1 goes on; only the other one is new.
    sampled(database, shop, 1, now, 100, lambda at: 400, service="db")
    sampled(database, shop, 1, now, 60, lambda at: 40, service="web")
    sampled(database, shop, 2, live_at, 40, lambda at: 50, service="web")
    # What a third version, which failed, ran in between is not the second one's.
    with database.writing() as session:
        failing = begin(session, shop, live_at + timedelta(minutes=6))
        ledger.fail(session, failing.id, ErrorCode.HEALTH_TIMEOUT, "f" * 16, live_at + timedelta(minutes=28))
    sampled(database, shop, 3, live_at + timedelta(minutes=6), 22, lambda at: 900, service="worker")
    found = judged(database, live_row(database, shop), live_at + timedelta(minutes=40))
    assert found["before"]["memory_median"] == 440 * MIB
    assert (found["after"]["memory_median"], found["after"]["memory_p95"]) == (450 * MIB, 450 * MIB)
    assert [one["service"] for one in found["services"]] == ["db", "web"]


@pytest.mark.parametrize(
    ("lived", "verdict", "samples"), [(12, "not_enough_data", 28), (20, "worse", 60), (33, "worse", 101)]
)
def test_the_next_deploy_ends_the_window_of_the_one_before_it_and_what_is_left_has_to_be_enough(
    database: Database, settings: Settings, shop: int, second: datetime, lived: int, verdict: str, samples: int
) -> None:
    context = context_of(settings, database)
    ended = second + timedelta(minutes=lived)
    sampled(database, shop, 2, second, lived, lambda at: 90)
    sampled(database, shop, 3, ended, 60, lambda at: 900)
    with database.writing() as session:
        deploy_well(session, shop, ended, "3")
        cut = history.find(session, shop, 2)
    assert cut is not None
    assert cut.id in due(context, ended)
    settle(context, cut.id, ended + timedelta(hours=1))
    assert cut.id not in due(context, ended + timedelta(hours=9))
    with database.reading() as session:
        found = session.get_one(Deploy, cut.id).impact
    assert found is not None
    assert (found["verdict"], found["after"]["samples"]) == (verdict, samples)
    assert found["after"]["until"] <= ended.timestamp()


def test_an_engine_that_was_away_makes_up_no_verdict_and_no_looks(
    database: Database, settings: Settings, shop: int, second: datetime
) -> None:
    sampled(database, shop, 2, second, 9, lambda at: 90)
    back = second + timedelta(hours=3)
    sampled(database, shop, 2, back, 5, lambda at: 500, service="after")
    context, live = context_of(settings, database), live_row(database, shop)
    settle(context, live.id, back + timedelta(minutes=5))
    row = live_row(database, shop)
    assert row.impact is not None
    assert (row.impact["verdict"], row.impact["reasons"]) == ("not_enough_data", ["too_few_samples"])
    assert row.impact["leak"]["leaking"] is False
    assert row.impact_looks == 2
    assert live.id not in due(context, second + timedelta(hours=5, minutes=59))
    assert live.id in due(context, second + timedelta(hours=6))


def test_others_may_write_while_a_verdict_is_made(
    database: Database, settings: Settings, shop: int, second: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = Database(database.engine.url.render_as_string(hide_password=False), busy_timeout_ms=20)

    def assess_meanwhile(*arguments: Any) -> Any:
        with impatient.writing() as session:
            event_log.note(session, shop, tell_of("created"), second)
        return assess(*arguments)

    monkeypatch.setattr(evidence, "assess", assess_meanwhile)
    live = live_row(database, shop)
    settle(context_of(settings, database), live.id, second + timedelta(seconds=SETTLED_AFTER_S))
    impatient.close()
    assert live_row(database, shop).impact is not None


def test_crashes_are_facts_even_without_samples(database: Database, shop: int, second: datetime) -> None:
    for minute in (6, 7, 8):
        moment = second + timedelta(minutes=minute)
        with database.writing() as session:
            crash = ContainerEvent(
                workload_id=shop, host="local", docker_id="c", container="app", deploy_version=2,
                at_ns=container_events.ns(moment), ts=moment, kind="exit", cause="crash", exit_code=1,
            )  # fmt: skip
            container_events.record(session, crash)
    found = judged(database, live_row(database, shop), second + timedelta(minutes=40))
    assert (found["verdict"], found["reasons"], found["after"]["crashes"]) == ("worse", ["crashes_up"], 3)


def test_of_what_never_ran_or_has_just_begun_nothing_is_said(database: Database, shop: int, second: datetime) -> None:
    found = judged(database, live_row(database, shop), second + timedelta(minutes=1))
    assert found["verdict"] == "not_enough_data"
    with database.writing() as session:
        failed = deploy_badly(session, shop, second)
        assert assess(session, session.get_one(Deploy, failed.id), second) is None


def test_a_version_is_judged_when_it_has_settled_and_prefect_is_told_when_it_is_back(
    database: Database, settings: Settings, shop: int, second: datetime
) -> None:
    sampled(database, shop, 2, second, 150, lambda at: 90)
    context = context_of(settings, database)
    live = live_row(database, shop)
    settled = second + timedelta(seconds=SETTLED_AFTER_S)
    assert live.id not in due(context, settled - timedelta(seconds=1))
    assert live.id in due(context, settled)
    settle(context, live.id, settled)
    tell(context, settled)
    row = live_row(database, shop)
    assert row.impact is not None
    assert (row.impact["verdict"], row.impact_looks, row.impact_told) == ("worse", 1, False)
    assert live.id not in due(context, settled + timedelta(minutes=1))
    told: list[dict[str, Any]] = []
    context.prefect.tell = told.append  # type: ignore[method-assign]
    for _ in range(2):
        tell(context, settled)
    assert [(one["event"], one["payload"]["verdict"], one["payload"]["version"]) for one in told] == [
        ("backstay.deploy.impact", "worse", 2)
    ]
    assert live.id in due(context, second + timedelta(hours=2))
    settle(context, live.id, second + timedelta(hours=2))
    tell(context, second + timedelta(hours=2))
    assert len(told) == 1  # the same verdict is no news
    assert live_row(database, shop).impact_told is True
