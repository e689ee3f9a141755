"""The engine's part of a removal on a real Docker Engine: what it removes, and what it never touches."""

from __future__ import annotations

import os
import sys
import threading
from datetime import timedelta

import pytest

from db import workloads
from db.models import Workload
from flows.home_locks import is_engine_running
from flows.refusals import Refusal
from flows.requests import open_deploy
from flows.supervisor.programs import client_env
from flows.upkeep import removal as engine_removal
from flows.upkeep.reconcile import reconcile
from flows.workloads import removal
from tasks.context import now
from tasks.docker.client import DockerEngine
from tests.docker.images import Images
from tests.docker.scenario import ME, Scenario
from tests.real_parts import free_port, running, wait_until


@pytest.fixture
def shop(shop: Scenario, images: Images) -> Scenario:
    """A workload that serves."""
    images.build(f"localhost/{shop.name}:one", "one")
    shop.create(f"localhost/{shop.name}:one")
    assert shop.deploy()["status"] == "succeeded"
    return shop


def mark(shop: Scenario, ago: timedelta = timedelta(0)) -> removal.Removal:
    """Mark it for removal, some time ago."""
    asked = removal.mark(shop.context, shop.name, "tester")
    with shop.context.database.writing() as session:
        workloads.begin_removal(session, asked.workload_id, now() - ago)
    return asked


def workload_of(shop: Scenario, workload_id: int) -> Workload | None:
    """What the ledger has."""
    with shop.context.database.reading() as session:
        return session.get(Workload, workload_id)


def test_a_run_removes_the_containers_and_the_history_and_a_second_one_finds_nothing(shop: Scenario) -> None:
    asked = mark(shop)
    assert not removal.is_gone(shop.context, asked)
    assert engine_removal.carry_out(shop.context, asked.workload_id, shop.name) == "removed"
    assert shop.containers() == {}
    assert removal.is_gone(shop.context, asked)
    assert engine_removal.carry_out(shop.context, asked.workload_id, shop.name) == "removed"


def test_a_run_touches_nothing_that_is_not_marked_or_is_of_another_name_or_host(shop: Scenario) -> None:
    with shop.context.database.reading() as session:
        number = workloads.find(session, shop.name).id  # type: ignore[union-attr]
    assert engine_removal.carry_out(shop.context, number, shop.name) == "superseded"
    mark(shop)
    assert engine_removal.carry_out(shop.context, number, "another") == "superseded"
    with shop.context.database.writing() as session:
        session.get_one(Workload, number).host = "second"
    assert engine_removal.carry_out(shop.context, number, shop.name) == "superseded"
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    assert workload_of(shop, number) is not None


def test_reconcile_leaves_a_removal_to_its_run_for_a_moment_and_then_carries_it_out(shop: Scenario) -> None:
    asked = mark(shop)
    reconcile(shop.context, "engine-2")
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    mark(shop, ago=timedelta(seconds=20))
    reconcile(shop.context, "engine-2")
    assert shop.containers() == {}
    assert removal.is_gone(shop.context, asked)


def test_a_clock_that_was_set_back_does_not_hold_a_removal_up(shop: Scenario) -> None:
    asked = mark(shop, ago=timedelta(hours=-1))
    reconcile(shop.context, "engine-2")
    assert removal.is_gone(shop.context, asked)


def test_who_comes_late_does_not_remove_a_new_workload_of_the_same_name(shop: Scenario) -> None:
    asked = mark(shop)
    seen_before = workload_of(shop, asked.workload_id)
    assert seen_before is not None
    assert engine_removal.carry_out(shop.context, asked.workload_id, shop.name) == "removed"
    shop.create(f"localhost/{shop.name}:one")
    assert shop.deploy()["status"] == "succeeded"
    assert engine_removal.finish(shop.context, seen_before) is False
    assert shop.containers() == {f"{shop.name}-v1": "running"}


def test_a_removal_waits_for_who_is_at_work_on_the_workload(shop: Scenario) -> None:
    asked = mark(shop)
    run = threading.Thread(target=engine_removal.carry_out, args=(shop.context, asked.workload_id, shop.name))
    with shop.context.workload_locks.hold(asked.workload_id):
        run.start()
        assert not removal.wait_until_gone(shop.context, asked, 1.0)
        assert shop.containers() == {f"{shop.name}-v1": "running"}
    run.join()
    assert removal.is_gone(shop.context, asked)


def test_while_docker_is_away_a_removal_waits(shop: Scenario) -> None:
    asked = mark(shop, ago=timedelta(seconds=20))
    there, shop.context.docker = shop.context.docker, DockerEngine("unix:///nonexistent/docker.sock", shop.context.log)
    assert engine_removal.carry_out(shop.context, asked.workload_id, shop.name) == "engine_unreachable"
    assert not removal.is_gone(shop.context, asked)
    shop.context.docker = there
    reconcile(shop.context, "engine-2")
    assert removal.is_gone(shop.context, asked)
    wait_until(lambda: shop.containers() == {}, 5, lambda: str(shop.containers()))


def test_a_mark_is_refused_during_a_deploy_and_given_once(shop: Scenario) -> None:
    deploy = open_deploy(shop.context, shop.name, ME)[0]
    with pytest.raises(Refusal) as refusal:
        removal.mark(shop.context, shop.name, "tester")
    assert (refusal.value.code, refusal.value.deploy and refusal.value.deploy.version) == ("deploy_in_flight", 2)
    workload = workload_of(shop, deploy.workload_id)
    assert workload is not None and workload.removing_at is None
    with pytest.raises(Refusal, match="no_such_workload"):
        removal.mark(shop.context, "nobody", "tester")


def test_asking_again_is_the_same_removal(shop: Scenario) -> None:
    first = removal.mark(shop.context, shop.name, "tester")
    assert removal.mark(shop.context, shop.name, "tester").run_key == first.run_key


def test_an_engine_that_still_waits_for_prefect_removes_it_too(shop: Scenario) -> None:
    address = f"http://127.0.0.1:{free_port()}/api"  # of nobody
    settings = shop.context.settings.model_copy(update={"prefect_api_url": address})
    with running(
        [sys.executable, "-P", "-m", "flows.cli", "engine"],
        log=settings.logs / "engine-output",
        ready=lambda: is_engine_running(settings),
        environment=client_env(settings, os.environ),
    ):
        for _ in range(2):  # at its start, and while it waits
            asked = mark(shop)
            assert removal.wait_until_gone(shop.context, asked, 60)
            assert shop.containers() == {}
            shop.create(f"localhost/{shop.name}:one")
