"""Adopting a compose project on the real Engine: nothing is restarted, and its volumes, networks and names are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
import pytest

from db import workloads
from db.messages.file_problems import FileProblem
from db.states import Stage
from flows.refusals import Refusal, workload_named
from flows.upkeep.housekeeping import tidy
from flows.upkeep.reconcile import compare, reconcile
from flows.workloads import check
from tests.docker.adopted_app import OLD, adopt_project, cut_off, lives, start_project, strangers
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.docker.test_networks import put_in_order

SECRET = "pa$$word-of-the-old-one"
FILE = """
services:
  web:
    image: {image}
    container_name: {mine}-front
    init: true
    environment: {{MODE: fast, PASSWORD: "{secret}", NUMBER: "0123"}}
    ports: ["127.0.0.1:{port}:8080"]
    volumes: [data:/data]
    networks: [front, back]
    cap_drop: [NET_RAW]
    sysctls: {{net.core.somaxconn: "512"}}
    depends_on: {{db: {{condition: service_started}}}}
    restart: unless-stopped
    labels: {{{old}: "{mine}", traefik.enable: "true"}}
  db:
    image: {image}
    init: true
    environment: {{PASSWORD: "{secret}"}}
    volumes: [db:/data]
    networks: {{back: {{aliases: [database]}}}}
    labels: {{{old}: "{mine}"}}
    mem_limit: 64m
volumes:
  data: {{labels: {{{old}: "{mine}"}}}}
  db: {{labels: {{{old}: "{mine}"}}}}
networks:
  front: {{labels: {{{old}: "{mine}"}}}}
  back: {{labels: {{{old}: "{mine}"}}}}
"""


@pytest.fixture
def project(shop: Scenario, images: Images, docker_client: docker.DockerClient) -> Iterator[str]:
    """A project that somebody started: `web` serves the page of version `one` at the shop's port, behind it is `db`."""
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one", "shows_env")
    with strangers(docker_client, shop.name) as mine:
        values = {"image": tag, "mine": mine, "port": shop.port, "old": OLD, "secret": SECRET.replace("$", "$$")}
        start_project(shop, f"old-{mine}", FILE.format(**values))
        assert shop.served_at_last() == "one"
        yield f"old-{mine}"


def containers_of(shop: Scenario, project: str) -> dict[str, Any]:
    """Name -> what a restart would change, of the containers of the old project."""
    of_it = {"label": f"com.docker.compose.project={project}"}
    found = shop.docker.containers.list(all=True, filters=of_it, ignore_removed=True)
    return {str(one.name): lives(shop.docker, str(one.name)) for one in found}


def mounted(shop: Scenario, container: str) -> set[str]:
    return {one["Name"] for one in shop.docker.api.inspect_container(container)["Mounts"]}


def own(shop: Scenario, service: str) -> dict[str, Any]:
    """The container of Backstay's own for a service."""
    labels = [f"backstay.workload={shop.name}", f"backstay.service={service}"]
    (found,) = shop.docker.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
    inspected: dict[str, Any] = shop.docker.api.inspect_container(found.id)
    return inspected


def test_a_project_runs_on_untouched_and_is_live_verified_and_left_alone(shop: Scenario, project: str) -> None:
    before = containers_of(shop, project)
    row = adopt_project(shop, project)
    assert (row["status"], row["reason"], row["source_kind"]) == ("succeeded", "adopt", "compose"), shop.messages()
    assert row["pin"]["not_carried"] == []
    put_in_order(shop)
    reconcile(shop.context, "engine-2")
    compare(shop.context)
    tidy(shop.context)
    assert shop.row(1)["verified"] is True
    assert containers_of(shop, project) == before
    assert SECRET not in str(shop.rows()) + str(shop.messages())


def test_the_names_of_its_containers_are_its_own_for_a_check(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    with shop.context.database.reading() as session:
        workload = workload_named(session, shop.name)
    found = check.check(shop.context, workload.spec)
    assert [(one.key, one.problem) for one in found.problems] == []
    other = check.check(shop.context, workload.spec | {"name": f"{shop.name}-b"})
    assert ("web.container_name", FileProblem.REFUSED) in [(one.key, one.problem) for one in other.problems]


def test_who_finds_its_port_in_use_is_told_the_app(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    front = shop.docker.containers.get(f"{project.removeprefix('old-')}-front")
    other = replace(shop, name=f"{shop.name}-b")
    other.create(front.attrs["Config"]["Image"])
    try:
        assert other.deploy()["error_code"] == "port_in_use", other.messages()
        assert f"the app {shop.name} has the port {shop.port}/tcp" in " ".join(other.messages())
    finally:
        other.remove()


def test_the_first_deploy_keeps_volumes_networks_names_and_settings(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    mine = project.removeprefix("old-")
    old = {name: shop.docker.api.inspect_container(name) for name in containers_of(shop, project)}
    row = shop.deploy()
    assert row["status"] == "succeeded", shop.messages()
    assert containers_of(shop, project) == {}
    web, db = own(shop, "web"), own(shop, "db")
    assert web["Name"] == f"/{mine}-front"
    for new, before in ((web, old[f"{mine}-front"]), (db, old[f"{project}-db-1"])):
        assert set(new["Config"]["Env"]) == set(before["Config"]["Env"])
        assert [one["Name"] for one in new["Mounts"]] == [one["Name"] for one in before["Mounts"]]
        assert new["NetworkSettings"]["Networks"].keys() == before["NetworkSettings"]["Networks"].keys()
        for key in ("CapDrop", "Sysctls", "Memory", "MemorySwap", "Init", "PortBindings", "ShmSize"):
            assert new["HostConfig"].get(key) == before["HostConfig"].get(key), key
    assert "database" in db["NetworkSettings"]["Networks"][f"{project}_back"]["Aliases"]
    assert web["Config"]["Labels"]["traefik.enable"] == "true"
    shown = shop.served_at_last("/env")
    assert f"PASSWORD={SECRET}\n" in shown
    assert "NUMBER=0123\n" in shown
    compare(shop.context)
    assert shop.row(2)["verified"] is True


def test_a_first_deploy_that_fails_brings_the_project_back(shop: Scenario, images: Images, project: str) -> None:
    adopt_project(shop, project)
    before = {name: (one[0], one[3]) for name, one in containers_of(shop, project).items()}
    images.build(f"localhost/{shop.name}:bad", "bad", "exits")
    source = shop.context.workload(_id(shop)).spec["source"]
    shop.change(source=source | {"text": source["text"].replace(f"{shop.name}:one", f"{shop.name}:bad")})
    assert shop.deploy()["status"] == "failed"
    assert {name: (one[0], one[3]) for name, one in containers_of(shop, project).items()} == before
    assert shop.served_at_last() == "one"
    assert shop.containers() == {}
    compare(shop.context)
    assert (shop.row(1)["live"], shop.row(1)["verified"]) == (True, True)


def test_a_first_deploy_whose_engine_dies_is_undone_by_the_next_one(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    before = {name: (one[0], one[3]) for name, one in containers_of(shop, project).items()}
    cut_off(shop, Stage.HEALTH)
    reconcile(shop.context, "engine-2")
    assert shop.row(2)["status"] == "interrupted"
    assert {name: (one[0], one[3]) for name, one in containers_of(shop, project).items()} == before
    assert shop.served_at_last() == "one"
    assert shop.containers() == {}


def test_rolling_back_to_the_project_makes_it_anew_with_its_data(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    volumes = mounted(shop, f"{project}-db-1")
    shop.change(env={"OTHER": "1"})
    assert shop.deploy()["status"] == "succeeded"
    row = shop.rollback(1)
    assert row["status"] == "succeeded", shop.messages()
    assert shop.served_at_last() == "one"
    assert {one["Name"] for one in own(shop, "db")["Mounts"]} == volumes


def test_removing_the_workload_removes_the_project_and_keeps_its_volumes(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    volumes = mounted(shop, f"{project}-db-1")
    shop.remove()
    assert containers_of(shop, project) == {}
    for name in volumes:
        assert shop.docker.volumes.get(name).name == name


def test_drift_is_seen_when_one_of_its_containers_is_removed_by_hand(shop: Scenario, project: str) -> None:
    adopt_project(shop, project)
    shop.docker.api.remove_container(f"{project}-db-1", force=True)
    compare(shop.context)
    assert shop.row(1)["verified"] is False


def test_a_project_that_is_not_there_or_does_not_run_is_refused(shop: Scenario, project: str) -> None:
    with pytest.raises(Refusal, match="no_such_project"):
        adopt_project(shop, f"{project}-no")
    shop.docker.api.kill(f"{project}-db-1")
    with pytest.raises(Refusal, match="not_running"):
        adopt_project(shop, project)


def _id(shop: Scenario) -> int:
    with shop.context.database.reading() as session:
        found = workloads.find(session, shop.name)
        assert found is not None
        return found.id
