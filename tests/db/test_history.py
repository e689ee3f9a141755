"""Reading the ledger, and where a rollback goes when nobody names a version."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db import history, ledger
from db.connection import Database
from db.models import Deploy
from db.states import ErrorCode
from tests.ledger_steps import add_workload, ask, begin, deploy_badly, deploy_well, pin, roll_back


def found(rows: Any) -> list[int]:
    """The versions of rows, in their order."""
    return [row.version for row in rows]


# Pages


def test_a_page_is_newest_first_and_the_next_one_goes_on_where_it_ended(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        for _ in range(5):
            deploy_badly(session, shop, now)
    with database.reading() as session:
        assert found(history.page(session, shop, limit=2)) == [5, 4]
        assert found(history.page(session, shop, limit=2, before=4)) == [3, 2]
        assert found(history.page(session, shop, limit=2, before=2)) == [1]
        assert found(history.page(session, shop, limit=2, before=1)) == []


def test_filters_narrow_a_page_before_it_is_cut(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        good = deploy_well(session, shop, now, "a")
        deploy_well(session, shop, now, "b")
        roll_back(session, shop, now, good)
        for _ in range(3):
            deploy_badly(session, shop, now)
    with database.reading() as session:
        assert found(history.page(session, shop, limit=2, status="succeeded")) == [3, 2]
        assert found(history.page(session, shop, limit=2, status="succeeded", before=2)) == [1]
        assert found(history.page(session, shop, reason="rollback")) == [3]
        assert found(history.page(session, shop, reason="rollback", status="failed")) == []


def test_a_page_shows_one_workload_only(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_badly(session, shop, now)
        blog = add_workload(session, now, name="blog")
    with database.reading() as session:
        assert history.page(session, blog) == []
        assert history.latest(session, blog) is None
        assert history.live(session, blog) is None
        assert history.find(session, blog, 1) is None


def test_the_latest_and_the_live_row_are_told_apart(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        blog = add_workload(session, now, name="blog")
        deploy_well(session, shop, now, "a")
        deploy_badly(session, blog, now)
        deploy_badly(session, shop, now)
    with database.reading() as session:
        live, latest = history.live_and_latest(session)
        assert {workload_id: row.version for workload_id, row in live.items()} == {shop: 1}
        assert {workload_id: row.version for workload_id, row in latest.items()} == {shop: 2, blog: 1}
        assert history.latest(session, shop).version == 2  # type: ignore[union-attr]
        assert history.live(session, shop).version == 1  # type: ignore[union-attr]


def test_unfinished_rows_are_found_by_host_oldest_first(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        over = deploy_badly(session, shop, now)
        running = begin(session, shop, now)
        queued = ask(session, add_workload(session, now, name="blog"), now)
        elsewhere = ask(session, add_workload(session, now, name="wiki"), now, host="second")
    with database.reading() as session:
        assert [row.id for row in history.unfinished(session)] == [running.id, queued.id, elsewhere.id]
        assert [row.id for row in history.unfinished(session, host="local")] == [running.id, queued.id]
        assert over.id not in {row.id for row in history.unfinished(session)}


def test_a_row_is_found_by_its_idempotency_key_within_its_workload(
    database: Database, shop: int, now: datetime
) -> None:
    with database.writing() as session:
        deploy = ask(session, shop, now, idempotency_key="k")
        blog = add_workload(session, now, name="blog")
        ask(session, blog, now, idempotency_key="other")
    with database.reading() as session:
        assert history.by_idempotency_key(session, shop, "k").id == deploy.id  # type: ignore[union-attr]
        assert history.by_idempotency_key(session, blog, "k") is None
        assert history.by_idempotency_key(session, shop, "other") is None


# Where a rollback goes by default. A story is a word a deploy: `a` deploys image a, `a!` fails, `<2` rolls back to
# version 2, `<2!` does so and fails.


def tell(session: Session, workload_id: int, now: datetime, story: str) -> None:
    """Live through a story."""
    for word in story.split():
        fails, word_itself = word.endswith("!"), word.rstrip("!")
        if word_itself.startswith("<"):
            to = history.find(session, workload_id, int(word_itself[1:]))
            assert to is not None
            if fails:
                deploy_badly(session, workload_id, now, reason="rollback", rollback_of=to.version, pin=to.pin)
            else:
                roll_back(session, workload_id, now, to)
        elif fails:
            deploy_badly(session, workload_id, now, pin=pin(word_itself))
        else:
            deploy_well(session, workload_id, now, word_itself)


@pytest.mark.parametrize(
    ("story", "target"),
    [
        pytest.param("", None, id="nothing was ever deployed"),
        pytest.param("a!", None, id="nothing is live"),
        pytest.param("a", None, id="nothing is older"),
        pytest.param("a b", 1, id="the one before"),
        pytest.param("a b c", 2, id="the newest before, not the oldest"),
        pytest.param("a b! c", 1, id="a failure is no way back"),
        pytest.param("a b c! d!", 1, id="failures after the live one do not matter"),
        pytest.param("a b b b", 1, id="the same pin again is skipped"),
        pytest.param("a a a", None, id="only the same pin is older"),
        pytest.param("a b <1", None, id="a rollback of a rollback does not flip back to the bad version"),
        pytest.param("a b c <2", 1, id="from a rollback it goes on to the past"),
        pytest.param("a b c <1", 2, id="what was jumped over was not rolled back from"),
        pytest.param("a b <1 c", 3, id="after a new deploy the way leads to what served before it"),
        pytest.param("a b <1 b", 3, id="the bad version deployed again may be rolled back again"),
        pytest.param("a b c <2 <1", None, id="rolled back twice, step by step: c and b were left, also as 2"),
        pytest.param("a b c <2 <1 b", 5, id="b is deployed again by a person, who may go back to a"),
        pytest.param("a b c <2 <1 b d", 6, id="what a person deployed again after it was left is a way back"),
        pytest.param("a b c <2 <1 d", 5, id="and what nobody did is not"),
        pytest.param("a b c d <2", 3, id="of two that came later, the one jumped over was not left"),
        pytest.param("a b a <2 c", 4, id="the same pin deployed twice, left the second time"),
        pytest.param("a b a <2 c <1", 4, id="a was left at 3, and came back on purpose at 6"),
        pytest.param("a b <1!", 1, id="a rollback that failed condemns nothing"),
        pytest.param("a b <1! c", 2, id="nor does it later"),
    ],
)
def test_without_a_version_a_rollback_goes_to(
    database: Database, shop: int, now: datetime, story: str, target: int | None
) -> None:
    with database.writing() as session:
        tell(session, shop, now, story)
    with database.reading() as session:
        chosen = history.default_rollback_target(session, shop)
    assert (chosen.version if chosen else None) == target


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ({"image_id": "1", "image": "shop:1"}, {"image_id": "1", "image": "shop:latest"}, True),
        ({"image_id": "1", "digest": "x"}, {"image_id": "1", "digest": None}, True),
        ({"image_id": "1", "digest": "x"}, {"image_id": "2", "digest": "x"}, False),
        ({"digest": "x", "image": "shop:1"}, {"digest": "x", "image": "shop:2"}, True),
        ({"digest": "x"}, {"digest": "y"}, False),
        ({"image_id": "1"}, None, False),
        ({"commit": "c", "context": ".", "image_id": "1"}, {"commit": "c", "context": ".", "image_id": "2"}, True),
        ({"commit": "c", "context": ".", "image_id": "1"}, {"commit": "c", "context": "app", "image_id": "1"}, False),
        ({"commit": "c", "url": "a", "ref": "main"}, {"commit": "c", "url": "b", "ref": "v1"}, True),
        ({"commit": "c", "build": {"target": "a"}}, {"commit": "c", "build": {"target": "b"}}, False),
        ({"commit": "c", "build": {"target": "a"}}, {"commit": "c"}, False),
        (
            {"commit": "c", "build": {"target": "a", "args": {"A": "1", "B": "2"}}},
            {"commit": "c", "build": {"args": {"B": "2", "A": "1"}, "target": "a"}},
            True,
        ),
        ({"content": "c", "server": "s", "image_id": "1"}, {"content": "c", "server": "s", "image_id": "2"}, True),
        ({"content": "c", "server": "s"}, {"content": "c", "server": "other"}, False),
        ({"sha256": "f", "commit": "c"}, {"sha256": "g", "commit": "c"}, False),
    ],
)
def test_two_pins_are_the_same_when_they_run_the_same_thing(
    left: dict[str, Any], right: dict[str, Any] | None, same: bool
) -> None:
    assert history.same_pin(left, right) is same
    assert history.same_pin(right, left) is same


# What stands in the way of a rollback


def test_what_stands_in_the_way_of_a_rollback(database: Database, shop: int, now: datetime) -> None:
    with database.writing() as session:
        deploy_well(session, shop, now, "a")
        ledger.succeed(session, begin(session, shop, now).id, [], now)  # a success whose pin was never recorded
        deploy_well(session, shop, now, "c")
        deploy_badly(session, shop, now)
        deploy_badly(session, shop, now, ErrorCode.INTERRUPTED)
        deploy_badly(session, shop, now, ErrorCode.CANCELLED)
        ask(session, shop, now)
    with database.reading() as session:
        live = history.live(session, shop)
        reasons = {row.version: history.rollback_blocked_by(row, live) for row in history.page(session, shop)}
    assert reasons == {
        1: None,
        2: "not_rollback_capable",
        3: "already_live",
        4: "not_a_success",
        5: "not_a_success",
        6: "not_a_success",
        7: "not_a_success",
    }


def test_with_nothing_live_a_success_can_be_gone_back_to() -> None:
    assert history.rollback_blocked_by(Deploy(id=1, status="succeeded", pin=pin("a")), None) is None
