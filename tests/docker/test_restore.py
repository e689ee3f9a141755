"""A backup brought back into another HOME, on real Docker: the history leads back, and the containers are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from db import ledger, workloads
from db.states import Stage, Status
from flows.backups import back_up, restore
from flows.dispatch import attempt, carry_out
from flows.requests import open_deploy
from flows.upkeep.reconcile import compare, reconcile
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.job import Job
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import ME, Scenario
from tests.real_parts import free_port


@pytest.fixture
def shop(
    context: Context, docker_client: docker.DockerClient, workload_name: str, images: Images, registry: RegistryServer
) -> Scenario:
    """A workload with two versions, and a secret that both get."""
    shop = Scenario(context, docker_client, workload_name, free_port())
    for version in ("one", "two", "three"):
        images.publish(image(shop, registry, version), f"version {version}")
    shop.create(image(shop, registry, "one"), secrets={"TOKEN": "of the shop"})
    assert shop.deploy()["status"] == "succeeded"
    assert shop.deploy(image(shop, registry, "two"))["status"] == "succeeded"
    return shop


def image(shop: Scenario, registry: RegistryServer, version: str) -> str:
    """Name of an image of the workload."""
    return f"{registry.address}/{shop.name}:{version}"


@pytest.fixture
def bring_back(shop: Scenario, tmp_path: Path) -> Iterator[Callable[[Path], Scenario]]:
    """Restores into another HOME; answers the same workload as that one sees it."""
    other = shop.context.settings.model_copy(update={"home": tmp_path / "other"})
    opened: list[Context] = []

    def restored(file: Path) -> Scenario:
        restore(other, file, now())
        opened.append(Context.open(other, "restored", quiet=True))
        return Scenario(opened[0], shop.docker, shop.name, shop.port)

    yield restored
    for context in opened:
        context.close()


def test_a_rollback_from_a_restored_backup_serves_the_old_version(
    shop: Scenario, registry: RegistryServer, bring_back: Callable[[Path], Scenario], tmp_path: Path
) -> None:
    back_up(shop.context.settings, tmp_path / "backup", now())
    assert shop.deploy(image(shop, registry, "three"))["status"] == "succeeded"
    again = bring_back(tmp_path / "backup")
    assert [(row["version"], row["live"]) for row in again.rows()] == [(2, True), (1, False)]
    assert again.context.installation == shop.context.installation

    # Version 3 is in no history any more: it keeps serving, and the live row says that it is not what runs.
    reconcile(again.context, "engine-2")
    compare(again.context)
    assert again.served() == "version three"
    assert again.rows()[0]["verified"] is False

    row = again.rollback(1)
    assert (row["version"], row["status"], row["rollback_of"], row["verified"]) == (3, "succeeded", 1, True)
    assert again.served() == "version one"
    assert again.containers() == {f"{again.name}-v3": "running"}
    (container,) = again.docker.containers.list(
        filters={"label": f"backstay.workload={again.name}"}, ignore_removed=True
    )
    assert "TOKEN=of the shop" in container.attrs["Config"]["Env"]


def test_what_was_under_way_in_the_backup_ends_as_interrupted(
    shop: Scenario, bring_back: Callable[[Path], Scenario], tmp_path: Path
) -> None:
    deploy = open_deploy(shop.context, shop.name, ME)[0]
    with shop.context.database.writing() as session:
        assert ledger.claim(session, deploy.id, "engine-1", None, now())
        workloads.set_needs_reconcile(session, deploy.workload_id, True)
    back_up(shop.context.settings, tmp_path / "backup", now())
    again = bring_back(tmp_path / "backup")
    reconcile(again.context, "engine-2")
    assert (again.rows()[0]["status"], again.rows()[0]["error_code"]) == (Status.INTERRUPTED, "interrupted")
    assert again.served() == "version two"
    assert again.deploy()["status"] == "succeeded"


@pytest.mark.parametrize("stage", [Stage.ROLL_OUT, Stage.HEALTH, Stage.VERIFY])
def test_a_backup_made_in_the_middle_of_a_deploy_that_went_well_afterwards_serves_what_it_calls_live(
    shop: Scenario, registry: RegistryServer, bring_back: Callable[[Path], Scenario], tmp_path: Path, stage: Stage
) -> None:
    def call(begins: Stage, step: Any, job: Job) -> Failure | None:
        failure = attempt(begins, step, job)
        if begins is stage:
            back_up(shop.context.settings, tmp_path / "backup", now())
        return failure

    deploy = open_deploy(shop.context, shop.name, ME, image(shop, registry, "three"))[0]
    carry_out(shop.context, deploy.id, "engine-1", call=call)
    assert shop.served() == "version three"

    again = bring_back(tmp_path / "backup")
    reconcile(again.context, "engine-2")
    compare(again.context)
    rows = [(row["version"], row["status"], row["live"], row["verified"]) for row in again.rows()]
    assert rows == [(3, "interrupted", False, None), (2, "succeeded", True, True), (1, "succeeded", False, True)]
    assert again.served() == "version two"
    (container,) = again.docker.containers.list(
        filters={"label": f"backstay.workload={again.name}"}, ignore_removed=True
    )
    assert "TOKEN=of the shop" in container.attrs["Config"]["Env"]
    assert again.rollback(1)["status"] == "succeeded"
    assert again.served() == "version one"
