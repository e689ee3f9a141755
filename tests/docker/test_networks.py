"""The network of a workload on the real Engine: its own, with another address for each version, gone with it."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from docker.models.networks import Network

from db import workloads
from db.states import ErrorCode
from flows.upkeep.reconcile import reconcile
from tasks.containers import workload_networks
from tasks.labels import INSTALLATION
from tests.docker.fixtures import remove_workload
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.real_parts import free_port


def networks_of(shop: Scenario) -> list[Network]:
    """The networks that are labelled with the workload."""
    found: list[Network] = shop.docker.networks.list(filters={"label": f"backstay.workload={shop.name}"})
    return found


def places_of(shop: Scenario, version: int) -> dict[str, str]:
    """Network -> address of a version's container."""
    raw: dict[str, Any] = shop.docker.api.inspect_container(f"{shop.name}-v{version}")
    return {name: one["IPAddress"] for name, one in raw["NetworkSettings"]["Networks"].items()}


def put_in_order(shop: Scenario) -> None:
    """As an engine does when it starts."""
    with shop.context.database.writing() as session:
        found = workloads.find(session, shop.name)
        assert found is not None
        workloads.set_needs_reconcile(session, found.id, True)
    reconcile(shop.context, "engine-2")


def asked_from(container: Container, address: str) -> str | None:
    """What a container that asks an address gets; None when nobody answers."""
    container.reload()
    ask = f"import urllib.request as r; print(r.urlopen('http://{address}:8080/', timeout=3).read().decode())"
    inside = ["nsenter", "--target", str(container.attrs["State"]["Pid"]), "--net", sys.executable, "-c", ask]
    answer = subprocess.run(inside, capture_output=True, text=True, check=False)
    assert answer.returncode == 0 or "timed out" in answer.stderr or "URLError" in answer.stderr
    return answer.stdout.strip() if answer.returncode == 0 else None


@pytest.fixture
def image(images: Images, shop: Scenario) -> str:
    """An image that serves."""
    tag = f"localhost/{shop.name}:net"
    images.build(tag, "net")
    return tag


def test_a_workload_has_a_network_of_its_own_and_each_version_another_address(shop: Scenario, image: str) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    (network,) = networks_of(shop)
    (first,) = places_of(shop, 1).items()
    assert first[0] == network.name
    assert network.attrs["Labels"][INSTALLATION] == shop.context.installation
    shop.change(env={"N": "2"})
    assert shop.deploy()["status"] == "succeeded"
    (second,) = places_of(shop, 2).items()
    assert second[0] == first[0]
    assert second[1] not in {first[1], ""}
    assert shop.served() == "net"
    assert shop.rollback(1)["status"] == "succeeded"
    assert places_of(shop, 3)[network.name] not in {second[1], ""}
    assert [one.id for one in networks_of(shop)] == [network.id]
    shop.remove()
    assert networks_of(shop) == []


def test_one_that_ran_in_the_default_network_moves_with_its_next_deploy_and_that_is_said(
    shop: Scenario, image: str
) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    name = f"{shop.name}-v1"
    (network,) = networks_of(shop)
    # As an installation of before has it: the same container, in Docker's default network.
    shop.docker.api.disconnect_container_from_network(name, network.id)
    shop.docker.api.connect_container_to_network(name, "bridge")
    assert not any("network of its own" in line for line in shop.messages())
    shop.change(env={"N": "2"})
    assert shop.deploy()["status"] == "succeeded"
    assert list(places_of(shop, 2)) == [network.name]
    assert sum("network of its own" in line for line in shop.messages()) == 1
    shop.change(env={"N": "3"})
    assert shop.deploy()["status"] == "succeeded"
    assert sum("network of its own" in line for line in shop.messages()) == 1


def test_two_workloads_do_not_reach_each_other(
    shop: Scenario, image: str, docker_client: docker.DockerClient, images: Images
) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    (address,) = places_of(shop, 1).values()
    strange = images.build(f"localhost/{shop.name}:stranger", "stranger")
    stranger = docker_client.containers.run(strange, detach=True, labels={"backstay.workload": shop.name})
    assert asked_from(docker_client.containers.get(f"{shop.name}-v1"), address) == "net"
    assert asked_from(stranger, address) is None


def test_what_a_person_put_into_the_network_does_not_hold_up_the_removal(
    shop: Scenario, image: str, docker_client: docker.DockerClient, images: Images
) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    (network,) = networks_of(shop)
    tool = docker_client.containers.run(
        images.build(f"localhost/{shop.name}:tool", "tool"), detach=True, network=network.name
    )
    shop.remove()
    assert networks_of(shop) == []
    tool.reload()
    assert tool.status == "running"


def test_a_pruned_network_of_a_stopped_app_is_made_again_when_it_is_put_in_order(shop: Scenario, image: str) -> None:
    shop.create(image)
    row = shop.deploy()
    container = shop.docker.containers.get(f"{shop.name}-v1")
    container.stop(timeout=1)
    (network,) = networks_of(shop)
    network.remove()  # as `docker network prune` does
    put_in_order(shop)
    assert shop.served_at_last() == "net"
    (again,) = networks_of(shop)
    assert list(places_of(shop, row["version"])) == [again.name]


def test_where_the_pool_is_taken_docker_chooses_and_where_all_is_taken_the_deploy_says_so(
    shop: Scenario, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pool with room for one network, which somebody else has.
    taken = shop.docker.networks.create(
        f"{shop.name}-taken",
        labels={"backstay.workload": shop.name},
        ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.99.77.0/28")]),
    )
    monkeypatch.setattr(
        shop.context, "settings", shop.context.settings.model_copy(update={"network_pool": "10.99.77.0/28"})
    )
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    (own,) = [one for one in networks_of(shop) if one.id != taken.id]
    assert own.attrs["IPAM"]["Config"][0]["Subnet"] != "10.99.77.0/28"
    assert shop.served() == "net"
    shop.remove()

    monkeypatch.setattr(shop.context.docker.networks, "create", lambda *_: False)
    shop.create(image)
    row = shop.deploy()
    assert (row["status"], row["error_code"], row["stage"]) == ("failed", ErrorCode.NO_NETWORK_LEFT, "roll_out")


# Named networks, which several workloads join.


@pytest.fixture
def backend(shop: Scenario) -> Iterator[str]:
    """The name of a network that no other test has; gone afterwards."""
    name = f"n-{secrets.token_hex(3)}"
    yield name
    for network in named(shop, name):
        for container in shop.docker.api.inspect_network(network.id)["Containers"]:
            network.disconnect(container, force=True)
        network.remove()


@pytest.fixture
def other(shop: Scenario) -> Iterator[Scenario]:
    """A second workload of the same installation."""
    name = f"{shop.name}-b"
    yield Scenario(shop.context, shop.docker, name, free_port())
    remove_workload(shop.docker, name)


def named(shop: Scenario, name: str) -> list[Network]:
    """The networks of that name."""
    return list(shop.docker.networks.list(filters={"label": f"backstay.network={name}"}))


def found_as(shop: Scenario, name: str, container: str) -> set[str]:
    """The addresses that a container finds under a name."""
    looked = shop.docker.containers.get(container).exec_run(["busybox", "nslookup", name, "127.0.0.11"])
    answer = looked.output.decode().partition("Name:")[2]
    return set(re.findall(r"Address(?: \d+)?: +([0-9.]+)", answer))


def test_apps_of_a_shared_network_find_each_other_by_name_and_it_goes_with_the_last(
    shop: Scenario, other: Scenario, image: str, backend: str
) -> None:
    for one in (shop, other):
        one.create(image, networks=[backend])
        assert one.deploy()["status"] == "succeeded"
    (network,) = named(shop, backend)
    assert found_as(shop, other.name, f"{shop.name}-v1") == {places_of(other, 1)[network.name]}
    assert found_as(other, shop.name, f"{other.name}-v1") == {places_of(shop, 1)[network.name]}
    assert asked_from(shop.docker.containers.get(f"{shop.name}-v1"), places_of(other, 1)[network.name]) == "net"
    shop.remove()
    assert [one.id for one in named(shop, backend)] == [network.id]
    other.remove()
    assert named(shop, backend) == []


def test_others_find_the_new_version_when_it_is_healthy_and_not_before(
    shop: Scenario, other: Scenario, image: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"ports": [{"container": 8080}], "networks": [backend]}  # no host port: both versions run at once
    shop.create(image, **free)
    other.create(image, networks=[backend])
    assert [one.deploy()["status"] for one in (shop, other)] == ["succeeded", "succeeded"]
    (network,) = named(shop, backend)
    asks = f"{other.name}-v1"
    old = places_of(shop, 1)[network.name]
    assert found_as(shop, shop.name, asks) == {old}
    before: list[set[str]] = []
    settle = workload_networks.be_found

    def looked_at_first(*arguments: Any) -> None:
        before.append(found_as(shop, shop.name, asks))
        settle(*arguments)

    monkeypatch.setattr(workload_networks, "be_found", looked_at_first)
    shop.change(env={"N": "2"})
    assert shop.deploy()["status"] == "succeeded"
    assert before == [{old}]
    new = places_of(shop, 2)[network.name]
    assert new != old
    assert found_as(shop, shop.name, asks) == {new}
    assert shop.rollback(1)["status"] == "succeeded"
    assert found_as(shop, shop.name, asks) == {places_of(shop, 3)[network.name]}


def test_a_release_without_the_network_leaves_it_and_a_rollback_joins_it_again(
    shop: Scenario, image: str, backend: str
) -> None:
    shop.create(image, networks=[backend])
    assert shop.deploy()["status"] == "succeeded"
    (network,) = named(shop, backend)
    shop.change(networks=None)
    assert shop.deploy()["status"] == "succeeded"
    assert network.name not in places_of(shop, 2)
    assert shop.rollback(1)["status"] == "succeeded"
    assert network.name in places_of(shop, 3)


def test_a_container_that_somebody_removed_is_made_again_in_all_its_networks(
    shop: Scenario, image: str, backend: str
) -> None:
    shop.create(image, networks=[backend])
    assert shop.deploy()["status"] == "succeeded"
    before = set(places_of(shop, 1))
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)
    put_in_order(shop)
    assert set(places_of(shop, 1)) == before
    # The same when all that is there is a stopped container, and its networks were pruned.
    shop.docker.containers.get(f"{shop.name}-v1").stop(timeout=1)
    for network in [*networks_of(shop), *named(shop, backend)]:
        network.remove()
    put_in_order(shop)
    assert set(places_of(shop, 1)) == before
    assert shop.served_at_last() == "net"
