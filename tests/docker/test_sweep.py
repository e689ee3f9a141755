"""What is left over on a real Docker host: reported, and removed only on request."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import timedelta
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from db import images as stored
from db import ledger, workloads
from db.states import ErrorCode
from flows.home_locks import hold_engine_lock
from flows.requests import open_deploy
from flows.upkeep.housekeeping import arrange_images
from flows.upkeep.sweep import sweep
from tasks.context import Context, now
from tasks.docker.client import DockerEngine
from tasks.failures import Failure
from tasks.images.build import labels_of
from tasks.images.retention import name_of
from tasks.labels import INSTALLATION, WORKLOAD, container_labels
from tests.docker.images import Images
from tests.docker.scenario import ME, Scenario
from tests.real_parts import free_port


@pytest.fixture
def shop(context: Context, docker_client: docker.DockerClient, workload_name: str, images: Images) -> Scenario:
    """A workload whose second version is live."""
    shop = Scenario(context, docker_client, workload_name, free_port())
    image = f"localhost/{workload_name}:1"
    images.build(image, workload_name)
    shop.create(image)
    shop.deploy()
    shop.deploy()
    return shop


def leave_container(shop: Scenario, workload: str, version: int, installation: str | None = None) -> str:
    """A container as a crash would leave it; answers its name."""
    labels = container_labels(installation or shop.context.installation, workload, version)
    name = f"{shop.name}-left-{workload}-{version}"
    shop.docker.containers.create(shop.row(1)["pin"]["image_id"], name=name, labels=labels)
    return name


def listed(context: Context, apply: bool = False) -> list[tuple[Any, ...]]:
    """What sweep says, without ids."""
    return [(one.leftover.kind, one.leftover.name, str(one.leftover.why), one.done) for one in sweep(context, apply)]


def test_where_all_is_in_order_nothing_is_left_over(shop: Scenario) -> None:
    assert listed(shop.context) == []
    assert listed(shop.context, apply=True) == []
    assert shop.served() == shop.name


def test_containers_without_a_workload_or_a_live_version_are_reported_and_removed_on_request(shop: Scenario) -> None:
    orphan, old = leave_container(shop, "gone", 1), leave_container(shop, shop.name, 1)
    strange = leave_container(shop, shop.name, 9, installation="somebody-else")
    expected = [("container", old, "not_live"), ("container", orphan, "no_workload")]
    assert sorted(one[:3] for one in listed(shop.context)) == sorted(expected)
    assert {one[3] for one in listed(shop.context)} == {None}
    assert {one[3] for one in listed(shop.context, apply=True)} == {True}
    assert listed(shop.context) == []
    assert {one.name for one in shop.docker.containers.list(all=True, ignore_removed=True)} >= {
        strange,
        f"{shop.name}-v2",
    }
    assert shop.served() == shop.name


def test_a_network_without_a_workload_is_reported_and_removed_on_request(shop: Scenario) -> None:
    labels = {WORKLOAD: f"{shop.name}-gone", INSTALLATION: shop.context.installation}
    left = f"{shop.name}-left"
    network = shop.docker.networks.create(left, labels=labels)
    try:
        assert listed(shop.context) == [("network", left, "no_workload", None)]
        assert listed(shop.context, apply=True) == [("network", left, "no_workload", True)]
        assert shop.docker.networks.list(names=[left]) == []
        assert shop.served() == shop.name
    finally:
        with suppress(NotFound):
            network.remove()


def test_an_image_that_was_brought_and_that_nothing_needs_goes_on_request(shop: Scenario, images: Images) -> None:
    name = f"localhost/{shop.name}:left"
    image_id = images.build(name, f"{shop.name} left")
    images.client.images.get(image_id).tag(f"localhost/backstay-{shop.context.installation}/{shop.name}", "v77")
    images.client.api.remove_image(name)
    with shop.context.database.writing() as session:
        stored.remember(session, "local", image_id, now())
    (found,) = sweep(shop.context)
    assert (found.leftover.kind, found.leftover.id, found.done) == ("image", image_id, None)
    assert shop.context.docker.images.inspect(image_id) is not None
    assert [one.done for one in sweep(shop.context, apply=True)] == [True]
    assert shop.context.docker.images.inspect(image_id) is None
    assert sweep(shop.context) == []


def test_an_image_that_was_built_and_never_written_down_goes_when_no_deploy_is_under_way(shop: Scenario) -> None:
    # As the engine leaves it when it dies between the end of a build and the row of its image.
    built = shop.docker.images.build(
        fileobj=io.BytesIO(f"FROM scratch\nENV OF={shop.name}\n".encode()),
        labels=labels_of(shop.context.installation, shop.name, now()),
        tag=name_of(shop.context.installation, shop.name, 3),
        rm=True,
    )[0]
    opened, _, _ = open_deploy(shop.context, shop.name, ME)  # may yet turn out to need it
    assert (sweep(shop.context), arrange_images(shop.context)) == ([], 0)
    with shop.context.database.writing() as session:
        ledger.fail(session, opened.id, ErrorCode.INTERRUPTED, "f" * 16, now())
    assert [(one.leftover.kind, one.leftover.id) for one in sweep(shop.context)] == [("image", built.id)]
    assert (arrange_images(shop.context), shop.context.docker.images.inspect(built.id)) == (1, None)
    assert sweep(shop.context) == []


def test_a_row_whose_engine_is_dead_is_ended_and_its_workload_put_in_order(shop: Scenario) -> None:
    opened, _, _ = open_deploy(shop.context, shop.name, ME)
    with shop.context.database.writing() as session:
        ledger.claim(session, opened.id, "dead-engine", None, now())
        workloads.set_needs_reconcile(session, opened.workload_id, True)
    half_way = leave_container(shop, shop.name, 3)
    shop.docker.containers.get(f"{shop.name}-v2").stop(timeout=1)

    with hold_engine_lock(shop.context.settings):  # an engine runs: it sees to its rows itself
        assert listed(shop.context, apply=True) == []
    assert listed(shop.context) == [
        ("row", f"{shop.name} v3 running", "engine_dead", None),
        ("container", half_way, "not_live", None),
    ]
    assert shop.row(3)["status"] == "running"
    assert listed(shop.context, apply=True) == [("row", f"{shop.name} v3 running", "engine_dead", True)]
    assert (shop.row(3)["status"], shop.row(3)["error_code"]) == ("interrupted", "interrupted")
    assert shop.containers() == {f"{shop.name}-v2": "running"}
    assert shop.served() == shop.name
    assert shop.deploy()["status"] == "succeeded"


def test_a_request_that_was_just_made_is_not_dead(shop: Scenario) -> None:
    opened, _, _ = open_deploy(shop.context, shop.name, ME)
    assert listed(shop.context, apply=True) == []
    with shop.context.database.engine.begin() as connection:
        long_ago = (now() - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
        connection.exec_driver_sql("UPDATE deploy_history SET queued_at = ? WHERE id = ?", (long_ago, opened.id))
    assert listed(shop.context) == [("row", f"{shop.name} v3 queued", "engine_dead", None)]


def test_without_docker_sweep_says_so(shop: Scenario) -> None:
    shop.context.docker, there = DockerEngine("unix:///nonexistent/docker.sock", shop.context.log), shop.context.docker
    with pytest.raises(Failure, match="engine_unreachable"):
        sweep(shop.context)
    shop.context.docker = there
