"""Deliveries of webhooks on both databases: twice, at once, in a deploy, through a crash, each is one deploy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import Any

import pytest
from sqlalchemy import func, select

from db import event_log, history, ledger, webhooks, workloads
from db.connection import Database
from db.models import Deploy, Hook, HookDelivery, PendingDeploy, Workload
from db.settings import Settings
from db.states import ErrorCode, Status
from flows.upkeep.reconcile import end
from flows.webhooks import lifecycle, pending
from flows.webhooks import receive as receiving
from flows.webhooks.lifecycle import add
from flows.webhooks.receive import Answer, receive
from tasks.context import Context
from tasks.context import now as present
from tasks.webhooks import Delivery
from tests.ledger_steps import all_at_once, begin, deploy_well, pin
from tests.real_parts import free_port
from tests.web.conftest import PrefectStandIn

DIGEST = "sha256:" + "d" * 64
PUSH = Delivery("push", id="one", tag="1", repository="shop", digest=DIGEST, actor="octocat")


@pytest.fixture
def context(settings: Settings, database: Database) -> Iterator[Context]:
    """A context over the ledger of the test, without Docker and as yet without Prefect."""
    url = database.engine.url.render_as_string(hide_password=False)
    nowhere = {"database_url": url, "prefect_port": free_port(), "docker_host": f"unix://{settings.home}/none.sock"}
    opened = Context.open(settings.model_copy(update=nowhere), "test", quiet=True)
    yield opened
    opened.close()


@pytest.fixture
def prefect(context: Context) -> Iterator[list[str]]:
    """From now on Prefect takes every run; gives the parameters of those that it was asked for."""
    taken: list[str] = []

    class Counting(PrefectStandIn):
        """Remembers what it was asked for."""

        def log_message(self, *_: Any) -> None:
            """Called for each answer."""
            if self.command == "POST":
                taken.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", context.settings.prefect_port), Counting)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()


@pytest.fixture
def hook(context: Context, shop: int) -> Hook:
    """A registry may deploy any tag of the shop."""
    return add(context, "shop", "ann", "registry", tag="*").hook


def came(context: Context, hook: Hook, *deliveries: Delivery) -> Answer:
    """A genuine call with these."""
    return receive(context, hook, context.workload(hook.workload_id), deliveries)


def rows(context: Context) -> list[Deploy]:
    """The history of the shop, oldest first."""
    with context.database.reading() as session:
        return list(session.scalars(select(Deploy).order_by(Deploy.version)))


def wish(context: Context, workload_id: int) -> PendingDeploy | None:
    """What is still wanted."""
    with context.database.reading() as session:
        return webhooks.wanted(session, workload_id)


def ends_well(context: Context, row: Deploy, digest: str = DIGEST) -> None:
    """The engine carries a row out, and looks for what else is wanted, as it does."""
    with context.database.writing() as session:
        claimed = ledger.claim(session, row.id, "engine-1", None, present())
        assert claimed is not None
        ledger.record_pin(session, row.id, pin("a") | {"digest": digest})
        ledger.succeed(session, row.id, [], present())
    pending.start_pending(context, row.workload_id)


def messages(context: Context, workload_id: int) -> list[str]:
    """The event log, newest first."""
    with context.database.reading() as session:
        return [entry.message for entry in event_log.page(session, workload_id)]


def test_a_delivery_that_comes_eight_times_at_once_is_one_deploy_with_one_answer(
    context: Context, hook: Hook, prefect: list[str]
) -> None:
    answers = all_at_once(*[lambda: came(context, hook, PUSH)] * 8)
    assert answers == [Answer("deploying", 1)] * 8
    assert came(context, hook, PUSH) == Answer("deploying", 1)
    (row,) = rows(context)
    assert (row.trigger, row.actor, row.status, row.requested) == ("webhook", "octocat", "queued", "shop:1")
    assert len(prefect) == 1
    assert wish(context, hook.workload_id) is None


def test_different_deliveries_at_once_are_one_deploy_and_one_wish(
    context: Context, hook: Hook, prefect: list[str]
) -> None:
    deliveries = [replace(PUSH, id=f"number {number}") for number in range(6)]
    answers = all_at_once(*[lambda one=one: came(context, hook, one) for one in deliveries])
    assert sorted(answer.outcome for answer in answers) == ["deploying", *["waiting"] * 5]
    assert len(rows(context)) == 1
    assert wish(context, hook.workload_id) is not None
    ends_well(context, rows(context)[0])
    assert [row.status for row in rows(context)] == ["succeeded", "queued"]
    assert wish(context, hook.workload_id) is None
    assert len(prefect) == 2


def test_what_comes_while_a_deploy_runs_waits_and_the_newest_wish_wins(
    context: Context, hook: Hook, prefect: list[str]
) -> None:
    came(context, hook, PUSH)
    for number in ("2", "3", "4"):
        again = replace(PUSH, id=number, tag=number)
        assert came(context, hook, again) == came(context, hook, again) == Answer("waiting")
    pending.start_all_pending(context)
    assert [row.requested for row in rows(context)] == ["shop:1"]
    ends_well(context, rows(context)[0])
    assert [row.requested for row in rows(context)] == ["shop:1", "shop:4"]
    ends_well(context, rows(context)[1])
    assert len(rows(context)) == 2
    assert "Webhook: 4 was pushed. It is deployed when the deploy in progress has finished." in messages(
        context, hook.workload_id
    )


def test_what_comes_while_prefect_is_away_is_deployed_when_it_is_back(
    context: Context, hook: Hook, request: pytest.FixtureRequest
) -> None:
    assert came(context, hook, PUSH) == Answer("waiting")
    pending.start_all_pending(context)
    assert rows(context) == []
    request.getfixturevalue("prefect")
    pending.start_all_pending(context)
    assert [row.status for row in rows(context)] == ["queued"]
    assert wish(context, hook.workload_id) is None
    assert came(context, hook, PUSH) == Answer("waiting")


@pytest.mark.usefixtures("prefect")
def test_a_web_process_that_dies_before_prefect_was_asked_loses_nothing(
    context: Context, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(receiving, "begin", lambda *_: None)  # the process is gone when it would be called
        assert came(context, hook, PUSH) == Answer("deploying", 1)
    pending.start_all_pending(context)
    assert len(rows(context)) == 1  # it may still be on its way
    end(context, rows(context)[0], ErrorCode.INTERRUPTED)  # what reconcile does with a row that has no run
    pending.start_all_pending(context)
    assert [(row.status, row.requested) for row in rows(context)] == [("interrupted", "shop:1"), ("queued", "shop:1")]
    assert wish(context, hook.workload_id) is None


@pytest.mark.usefixtures("prefect")
def test_an_engine_that_dies_in_a_deploy_leaves_the_wish_for_the_next_engine(context: Context, hook: Hook) -> None:
    with context.database.writing() as session:
        running = begin(session, hook.workload_id, present())
    assert came(context, hook, PUSH) == Answer("waiting")
    end(context, running, ErrorCode.INTERRUPTED)
    pending.start_all_pending(context)
    assert [(row.status, row.trigger) for row in rows(context)] == [("interrupted", "api"), ("queued", "webhook")]


@pytest.mark.usefixtures("prefect")
def test_what_was_carried_out_is_not_carried_out_again(context: Context, hook: Hook) -> None:
    came(context, hook, PUSH)
    with context.database.writing() as session:  # as if the process had died before it could forget the wish
        webhooks.want(
            session,
            PendingDeploy(
                workload_id=hook.workload_id,
                hook_id=hook.id,
                actor="x",
                asked_at=present(),
                deploy_id=rows(context)[0].id,
                tries=1,
            ),
        )
    ends_well(context, rows(context)[0])
    assert len(rows(context)) == 1
    assert wish(context, hook.workload_id) is None


def row(**columns: Any) -> Deploy:
    """A row as far as it matters here."""
    return Deploy(**({"status": Status.SUCCEEDED, "started_at": None, "error_code": None} | columns))


@pytest.mark.parametrize(
    ("wish", "opened", "newest", "todo"),
    [
        ({}, None, None, "open"),
        ({}, None, {"status": Status.FAILED}, "open"),
        ({}, None, {"status": Status.RUNNING}, "wait"),
        ({"deploy_id": 1}, {"status": Status.QUEUED}, {"status": Status.QUEUED}, "wait"),
        ({"deploy_id": 1}, {"status": Status.SUCCEEDED}, {}, "forget"),
        ({"deploy_id": 1}, {"status": Status.CANCELLED}, {}, "forget"),
        ({"deploy_id": 1}, None, {}, "forget"),
        ({"deploy_id": 1}, {"status": Status.INTERRUPTED}, {}, "open"),
        ({"deploy_id": 1}, {"status": Status.INTERRUPTED, "started_at": present()}, {}, "forget"),
        ({"deploy_id": 1}, {"status": Status.FAILED, "error_code": "orchestrator_unreachable"}, {}, "open"),
        ({"deploy_id": 1, "tries": 3}, {"status": Status.INTERRUPTED}, {}, "give up"),
    ],
)
def test_what_becomes_of_a_wish_follows_from_the_rows(
    wish: dict[str, Any], opened: dict[str, Any] | None, newest: dict[str, Any] | None, todo: str
) -> None:
    given = PendingDeploy(**({"tries": 0} | wish))
    found = pending.decide(given, None if opened is None else row(**opened), None if newest is None else row(**newest))
    assert found.value == todo


@pytest.mark.usefixtures("prefect")
def test_what_is_held_is_not_deployed_and_the_answer_says_so(context: Context, hook: Hook, shop: int) -> None:
    hold(context, shop)
    assert came(context, hook, PUSH) == came(context, hook, PUSH) == Answer("held")
    assert rows(context) == []
    assert messages(context, shop)[0] == (
        "Webhook: 1 was pushed and not deployed: it is blocked from automatic deploys. Deploy it by hand to lift "
        "the block."
    )
    other = replace(PUSH, id="two", digest="sha256:" + "e" * 64)
    assert came(context, hook, other) == Answer("deploying", 1)


@pytest.mark.usefixtures("prefect")
def test_a_wish_that_is_held_by_the_time_it_could_be_deployed_is_dropped(
    context: Context, hook: Hook, shop: int
) -> None:
    came(context, hook, replace(PUSH, id="zero", digest=None))
    assert came(context, hook, PUSH) == Answer("waiting")
    hold(context, shop)
    ends_well(context, rows(context)[0])
    assert len(rows(context)) == 1
    assert wish(context, shop) is None


def hold(context: Context, workload_id: int) -> None:
    """What PUSH pushes is held."""
    with context.database.writing() as session:
        entry = {"pin_short": "d", "version": 1, "reason": "rollback", "since": "", "identity": "", "digest": DIGEST}
        session.get_one(Workload, workload_id).held_pins = [entry]


def test_what_is_no_tag_is_not_even_remembered(context: Context, hook: Hook) -> None:
    for tag in ("p@ss:w/o", "-", "x" * 150):
        assert came(context, hook, replace(PUSH, id=tag, tag=tag)) == Answer("wrong_kind")
    assert wish(context, hook.workload_id) is None


@pytest.mark.usefixtures("prefect")
def test_several_events_in_one_call_are_answered_by_the_last_that_mattered(context: Context, hook: Hook) -> None:
    other, elsewhere = Delivery("other", id="layer"), replace(PUSH, id="x", repository="blog")
    assert came(context, hook, other, PUSH, elsewhere) == Answer("deploying", 1)
    assert came(context, hook, other, elsewhere) == Answer("other_repository")
    assert came(context, hook) == Answer("other_event")


@pytest.mark.usefixtures("prefect")
def test_a_name_with_a_secret_in_it_is_nobodys(context: Context, shop: int, database: Database, now: datetime) -> None:
    with database.writing() as session:
        workload = workloads.by_id(session, shop)
        workloads.change(session, shop, workload.spec, {"TOKEN": context.vault.lock("s3cr3t value")}, now)
    hook = add(context, "shop", "ann", "generic", tag="*", secret="another-s3cr3t").hook
    assert came(context, hook, replace(PUSH, actor="s3cr3t value")).outcome == "deploying"
    secret_tag = replace(PUSH, id="2", tag="another-s3cr3t", actor="another-s3cr3t")
    assert came(context, hook, secret_tag) == Answer("other_tag")
    assert wish(context, shop) is None
    assert [row.actor for row in rows(context)] == ["generic"]
    with database.reading() as session:
        said = [f"{entry.message} {entry.params} {entry.actor}" for entry in event_log.page(session, shop)]
    assert not any("s3cr3t" in line for line in said)


def test_a_hook_is_found_by_its_token_alone_and_keeps_neither_token_nor_secret(
    context: Context, shop: int, database: Database
) -> None:
    made = add(context, "shop", "ann", "generic")
    with database.reading() as session:
        found = webhooks.by_token(session, made.token)
        assert found is not None
        assert (found[0].id, found[1].id) == (made.hook.id, shop)
        assert webhooks.by_token(session, made.token[:-1]) is None
        stored = [str(value) for one in session.execute(select(Hook.__table__)) for value in one]
    assert not any(made.token in value or made.secret in value for value in stored)
    assert context.vault.unlock(made.hook.secret) == made.secret


def test_with_a_hook_or_a_workload_goes_all_that_belongs_to_it(
    context: Context, hook: Hook, shop: int, database: Database
) -> None:
    came(context, hook, PUSH)
    other = add(context, "shop", "ann", "generic")
    assert lifecycle.remove(context, "shop", hook.id, "ann")
    assert not lifecycle.remove(context, "shop", hook.id, "ann")
    assert wish(context, shop) is None
    with database.writing() as session:
        workloads.begin_removal(session, shop, present())
        assert webhooks.by_token(session, other.token) is None
        workloads.remove(session, shop)
    with database.reading() as session:
        for table in (Hook, HookDelivery, PendingDeploy):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_deliveries_are_remembered_for_a_month(context: Context, hook: Hook, shop: int, database: Database) -> None:
    came(context, hook, PUSH)
    for later, left in ((timedelta(days=29), 1), (timedelta(days=31), 0)):
        with database.writing() as session:
            webhooks.prune(session, shop, present() + later)
            assert session.scalar(select(func.count()).select_from(HookDelivery)) == left


@pytest.mark.usefixtures("prefect")
def test_a_wish_does_not_overtake_a_deploy_that_a_person_started(context: Context, hook: Hook, shop: int) -> None:
    with context.database.writing() as session:
        deploy_well(session, shop, present(), "a")
        asked = begin(session, shop, present())
    came(context, hook, PUSH)
    pending.start_pending(context, shop)
    with context.database.reading() as session:
        newest = history.latest(session, shop)
        assert newest is not None
        assert newest.id == asked.id
