"""When a version is watched, and what is said of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from db.models import Deploy, Workload
from flows.upkeep.auto_rollback import is_watched, judge
from tasks.docker.records import ContainerRecord
from tasks.rollout import compose, single


def container(version: int = 2, service: str = "app", **state: Any) -> ContainerRecord:
    usual = {"running": True, "exit_code": 0, "oom_killed": False, "restarts": 0}
    return ContainerRecord(
        id="c",
        name="shop-v2",
        labels={"backstay.deploy": str(version), "backstay.service": service},
        image_id="sha256:1",
        state="running",
        health=None,
        address="",
        created_at="",
        started_at="",
        ports=[],
        **(usual | state),
    )


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([container()], None),
        ([container(restarts=1)], "taken_back_restarted"),
        ([container(running=False, exit_code=3)], "taken_back_ended"),
        ([container(running=False, oom_killed=True)], "taken_back_memory"),
        ([], "taken_back_ended"),
        ([container(version=1)], "taken_back_ended"),
        ([container(), container(version=1, restarts=4)], None),
    ],
)
def test_only_the_containers_of_the_version_itself_are_judged(records: list[ContainerRecord], code: str | None) -> None:
    verdict = judge(*single.brought_by(Deploy(version=2), records))
    assert (verdict.code if verdict else None) == code


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([container(2, service="web"), container(1, service="db", restarts=4)], None),
        ([container(2, service="web"), container(1, service="db", running=False)], None),  # drift, not the new version
        ([container(2, service="web", running=False), container(1, service="db")], "taken_back_ended"),
        ([container(1, service="db")], "taken_back_ended"),
        ([container(2, service="web"), container(2, service="job", running=False)], None),
    ],
)
def test_of_a_compose_file_the_services_that_a_version_changed_are_judged(
    records: list[ContainerRecord], code: str | None
) -> None:
    runs = {
        "web": {"count": 1, "once": False, "since": 2},
        "db": {"count": 1, "once": False, "since": 1},
        "job": {"count": 1, "once": True, "since": 2},
    }
    verdict = judge(*compose.brought_by(Deploy(version=2, pin={"runs": runs}), records))
    assert (verdict.code if verdict else None) == code
    unchanged = {"db": runs["db"]}
    assert judge(*compose.brought_by(Deploy(version=2, pin={"runs": unchanged}), [])) is None


@pytest.mark.parametrize(
    ("spec", "reason", "age_s", "watched"),
    [
        ({"auto_rollback": True, "watch_s": 60}, "deploy", 59, True),
        ({"auto_rollback": True, "watch_s": 60}, "deploy", 61, False),
        ({"auto_rollback": True, "watch_s": 60}, "rollback", 1, True),
        ({"auto_rollback": True, "watch_s": 60}, "auto_rollback", 1, False),
        ({"auto_rollback": False, "watch_s": 60}, "deploy", 1, False),
        ({"auto_rollback": True, "watch_s": 60}, "deploy", -5, False),  # the clock was set back
    ],
)
def test_a_version_is_watched_in_its_first_seconds_and_never_after_an_automatic_rollback(
    now: datetime, spec: dict[str, Any], reason: str, age_s: int, watched: bool
) -> None:
    live = Deploy(reason=reason, finished_at=now - timedelta(seconds=age_s))
    assert is_watched(Workload(spec=spec), live, now) is watched
