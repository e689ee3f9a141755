"""What Prometheus scrapes, and what a deploy did, over HTTP."""

from __future__ import annotations

import time
from datetime import timedelta

from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from db.metrics import container_events
from db.models import ContainerEvent
from tasks.context import Context, now
from tests import ledger_steps as steps
from tests.web.test_observations import BASE, MIB, sample


def scraped(client: FlaskClient) -> dict[tuple[str, ...], float]:
    """(name, label values...) -> value of everything at /metrics."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    families = text_string_to_metric_families(answer.text)
    found = [(one.name, one.labels, one.value) for family in families for one in family.samples]
    return {(name, *(labels[key] for key in sorted(labels, reverse=True))): value for name, labels, value in found}


def test_prometheus_gets_usage_deploys_and_durations_by_workload(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    tick = int(time.time())
    for container in ("c1", "c2"):
        sample(context, shop, tick, container=container, cpu=5.0)
    found = scraped(viewer)
    assert found["backstay_workload_cpu_percent", "shop"] == 10.0
    assert found["backstay_workload_memory_bytes", "shop"] == 40 * MIB
    assert found["backstay_deploys_total", "shop", "succeeded"] == 2
    assert found["backstay_deploys_total", "shop", "failed"] == 1
    assert found["backstay_deploy_duration_seconds_count", "shop"] == 3
    assert found["backstay_deploy_duration_seconds_bucket", "shop", "+Inf"] == 3
    assert found["backstay_live_verified", "shop"] == 1
    assert found["backstay_unfinished_deploys",] == 0


def happened(context: Context, workload_id: int, docker_id: str, *told: tuple[str, str]) -> None:
    """Events of a container, as (kind, cause)."""
    with context.database.writing() as session:
        for second, (kind, cause) in enumerate(told):
            moment = now() + timedelta(seconds=second)
            event = ContainerEvent(
                workload_id=workload_id, host="local", docker_id=docker_id, container=docker_id, deploy_version=1,
                at_ns=container_events.ns(moment), ts=moment, kind=kind, cause=cause, exit_code=None,
            )  # fmt: skip
            container_events.record(session, event)


def test_exits_restarts_and_kills_are_counted_by_workload_and_another_container_makes_no_new_series(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    story = [("oom", "oom"), ("exit", "oom"), ("restart", "oom"), ("exit", "by_hand"), ("start", "deploy")]
    sample(context, shop, int(time.time()), container="c1-first")
    happened(context, shop, "c1-first", *story)
    before = scraped(viewer)
    assert before["backstay_container_oom_kills_total", "shop"] == 1
    assert before["backstay_container_exits_total", "shop", "oom"] == 1
    assert before["backstay_container_exits_total", "shop", "by_hand"] == 1
    assert before["backstay_container_restarts_total", "shop", "oom"] == 1
    sample(context, shop, int(time.time()), container="c2-second")
    happened(context, shop, "c2-second", *story)
    after = scraped(viewer)
    assert after.keys() == before.keys()
    assert after["backstay_container_oom_kills_total", "shop"] == 2
    assert not {name for key in after for name in key if name.startswith(("c1-", "c2-"))}


def test_an_installation_without_anything_can_be_scraped_too(viewer: FlaskClient, anonymous: FlaskClient) -> None:
    found = scraped(viewer)
    assert found.pop(("backstay_ledger_bytes",)) > 4096
    assert found == {
        ("backstay_unfinished_deploys",): 0,
        ("backstay_newest_sample_timestamp_seconds",): 0,
        ("backstay_service_up", "engine"): 0,
        ("backstay_service_up", "database"): 1,
        ("backstay_service_up", "prefect"): 0,
        ("backstay_service_up", "docker"): 0,
    }
    assert anonymous.get("/metrics").status_code == 401


def test_the_impact_of_a_deploy_is_shown_in_the_same_shape_whatever_is_known(
    viewer: FlaskClient, context: Context, shop: int
) -> None:
    with context.database.writing() as session:
        steps.deploy_well(session, shop, now(), "c")
    failed, live = (viewer.get(f"{BASE}/deploys/{version}/impact").json for version in (2, 4))
    assert live.keys() == failed.keys()
    assert [one["version"] for one in (live, failed)] == [4, 2]
    assert [one["verdict"] for one in (live, failed)] == ["not_enough_data"] * 2
    assert [one["settled"] for one in (live, failed)] == [False, False]
    assert viewer.get(f"{BASE}/deploys/5/impact").json["code"] == "no_such_version"
    assert viewer.get("/api/workloads/nope/deploys/1/impact").json["code"] == "no_such_workload"
