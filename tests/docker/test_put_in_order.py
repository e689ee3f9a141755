"""A deploy whose engine died: its workload is in order when its row ends, and its row ends when Docker hangs, too."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from db import history, workloads
from db.states import Stage, Status
from flows.dispatch import attempt, carry_out
from flows.requests import open_deploy
from flows.upkeep import reconcile as reconciling
from flows.upkeep.reconcile import compare, reconcile
from tasks.context import now
from tasks.docker.client import Connection, DockerEngine
from tasks.docker.containers import Containers
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure
from tasks.job import Job
from tasks.rollout import single
from tests.docker.images import Images
from tests.docker.scenario import ME, Scenario
from tests.real_parts import wait_until


class DiedError(BaseException):
    """The engine, which tidies nothing up."""


@pytest.fixture
def shop(shop: Scenario, images: Images) -> Scenario:
    """A workload whose second version was being watched when the engine died: the first one is stopped."""
    for version in ("one", "two"):
        images.build(f"localhost/{shop.name}:{version}", version)
    shop.create(f"localhost/{shop.name}:one")
    assert shop.deploy()["status"] == "succeeded"
    cut_off(shop, Stage.HEALTH)
    assert shop.containers() == {f"{shop.name}-v1": "exited", f"{shop.name}-v2": "running"}
    assert shop.row(2)["status"] == "running"
    return shop


def cut_off(shop: Scenario, stage: Stage) -> None:
    """A deploy of the other version, by an engine that dies when the stage begins."""

    def call(begins: Stage, step: Any, job: Job) -> Failure | None:
        if begins is stage:
            raise DiedError
        return attempt(begins, step, job)

    deploy = open_deploy(shop.context, shop.name, ME, f"localhost/{shop.name}:two")[0]
    with pytest.raises(DiedError):
        carry_out(shop.context, deploy.id, "engine-1", call=call)


class Witness(Containers):
    """Notes what the ledger says of the second version when a container of the first is started."""

    def __init__(self, shop: Scenario) -> None:
        super().__init__(Connection(shop.context.docker.address, shop.context.log))
        self.shop, self.seen = shop, list[str]()

    def start(self, container_id: str) -> None:
        """Look, then start."""
        self.seen.append(self.shop.row(2)["status"])
        super().start(container_id)


class Hanging(Containers):
    """Those of an Engine that answers nothing until `goes_on`."""

    def __init__(self, shop: Scenario) -> None:
        super().__init__(Connection(shop.context.docker.address, shop.context.log))
        self.goes_on = threading.Event()

    def find(self, labels: dict[str, str]) -> list[ContainerRecord]:
        """Hang, then answer."""
        assert self.goes_on.wait(30)
        return super().find(labels)


def expect_version_one(shop: Scenario) -> None:
    """The first version serves alone, and the ledger says so."""
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    compare(shop.context)
    assert [(row["status"], row["live"], row["verified"]) for row in shop.rows()] == [
        (Status.INTERRUPTED, False, None),
        (Status.SUCCEEDED, True, True),
    ]


def test_a_row_ends_when_the_live_version_serves_again(shop: Scenario) -> None:
    witness = shop.context.docker.containers = Witness(shop)
    reconcile(shop.context, "engine-2")
    assert witness.seen == ["running"]
    expect_version_one(shop)
    assert shop.deploy()["status"] == "succeeded"


def test_a_row_does_not_wait_for_a_docker_that_hangs(shop: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "ORDER_WITHIN_S", 0.5)
    hanging = shop.context.docker.containers = Hanging(shop)
    began = time.monotonic()
    reconcile(shop.context, "engine-2")
    assert time.monotonic() - began < 5
    assert (shop.row(2)["status"], shop.row(1)["live"]) == (Status.INTERRUPTED, True)
    hanging.goes_on.set()
    wait_until(lambda: shop.containers() == {f"{shop.name}-v1": "running"}, 20, lambda: str(shop.containers()))
    reconcile(shop.context, "engine-2")
    expect_version_one(shop)


def test_a_row_does_not_wait_for_a_docker_that_is_away(shop: Scenario) -> None:
    there, shop.context.docker = shop.context.docker, DockerEngine("unix:///nonexistent/docker.sock", shop.context.log)
    began = time.monotonic()
    reconcile(shop.context, "engine-2")
    assert time.monotonic() - began < 5
    assert shop.row(2)["status"] == Status.INTERRUPTED
    shop.context.docker = there
    reconcile(shop.context, "engine-2")
    expect_version_one(shop)


def test_a_live_version_whose_container_somebody_removed_meanwhile_is_made_again(shop: Scenario) -> None:
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)
    reconcile(shop.context, "engine-2")
    shop.served_at_last()
    expect_version_one(shop)
    made = shop.docker.containers.get(f"{shop.name}-v1")
    assert made.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert shop.deploy()["status"] == "succeeded"


def test_a_live_version_that_is_gone_with_its_image_leaves_nothing_and_a_mark(shop: Scenario, images: Images) -> None:
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)
    images.forget(shop.row(1)["pin"]["image_id"])
    reconcile(shop.context, "engine-2")
    compare(shop.context)
    assert shop.containers() == {}
    assert [(row["status"], row["verified"]) for row in shop.rows()] == [("interrupted", None), ("succeeded", False)]
    assert shop.deploy(f"localhost/{shop.name}:two")["status"] == "succeeded"


def test_a_container_is_not_made_again_for_a_workload_that_is_being_removed(shop: Scenario) -> None:
    with shop.context.database.reading() as session:
        workload, live = workloads.find(session, shop.name), history.find(session, 1, 1)
    assert workload is not None
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)
    with shop.context.database.writing() as session:
        workloads.begin_removal(session, workload.id, now())
    assert single.restore(shop.context, workload, live) is True  # the second version's container went
    assert shop.containers() == {}
