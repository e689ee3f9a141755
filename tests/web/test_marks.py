"""Marks on the time line: deploys, failures and rollbacks, and what happened to containers of itself or by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask.testing import FlaskClient

from db import history
from db.metrics import container_events
from db.models import ContainerEvent
from tasks.context import Context, now
from tests import ledger_steps as steps
from tests.web.test_observations import BASE


def happened(context: Context, workload_id: int, at: datetime, kind: str, cause: str, docker_id: str = "c1") -> None:
    """An event of a container of version 1."""
    with context.database.writing() as session:
        event = ContainerEvent(
            workload_id=workload_id, host="local", docker_id=docker_id, container=docker_id, deploy_version=1,
            at_ns=container_events.ns(at), ts=at, kind=kind, cause=cause, exit_code=137 if kind == "exit" else None,
        )  # fmt: skip
        container_events.record(session, event)


def test_each_deploy_failure_and_rollback_is_a_mark_and_each_end_is_told_by_its_cause(
    viewer: FlaskClient, context: Context
) -> None:
    moment = now()
    with context.database.writing() as session:
        shop = steps.add_workload(session, moment, name="shop")
        long_ago = moment - timedelta(hours=3)
        steps.deploy_well(session, shop, long_ago, "a")
        steps.deploy_well(session, shop, moment - timedelta(minutes=20), "b")
        steps.deploy_badly(session, shop, moment - timedelta(minutes=15))
        first = history.find(session, shop, 1)
        assert first is not None
        steps.roll_back(session, shop, moment - timedelta(minutes=10), first)
    story = [("exit", "deploy"), ("start", "deploy"), ("oom", "oom"), ("exit", "oom"), ("restart", "oom")]
    for second, (kind, cause) in enumerate([*story, ("exit", "crash"), ("pause", "by_hand"), ("exit", "by_hand")]):
        happened(context, shop, moment - timedelta(seconds=300 - second), kind, cause)
    found = viewer.get(f"{BASE}/marks?window=30m").json
    assert [(one["kind"], one["version"], one.get("status") or one.get("restarted")) for one in found] == [
        ("deploy", 2, "succeeded"),
        ("deploy", 3, "failed"),
        ("rollback", 4, "succeeded"),
        ("oom_kill", 1, None),
        ("oom", 1, True),
        ("crash", 1, False),
        ("pause", 1, None),
        ("by_hand", 1, False),
    ]
    assert [one["ts"] for one in found] == sorted(one["ts"] for one in found)
    assert (found[1]["error_code"], found[2]["rollback_of"]) == ("health_timeout", 1)
    assert viewer.get(f"{BASE}/marks?window=6h").json[0]["version"] == 1
