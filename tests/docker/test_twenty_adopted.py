"""Twenty shapes of what people run: none is restarted by its adoption, nearly all of each is mapped, and the first own
deploy changes nothing that was not said before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from flows.workloads.adoption import find_container, find_project
from tasks.adoption.inspected import SILENT_CONFIG, SILENT_HOST
from tasks.adoption.look import Adoptable
from tasks.adoption.notes import Note, lost_keys, share_mapped
from tests.docker.adopted_app import OLD, carried_out, lives, start_project, strangers
from tests.docker.adopted_shapes import CONTAINERS, PROJECTS
from tests.docker.images import Images
from tests.docker.scenario import Scenario

# What the verb says of every first deploy.
SAID = {
    "image": {"HostConfig.NetworkMode", "HostConfig.LogConfig", "HostConfig.RestartPolicy"},
    "compose": {"HostConfig.RestartPolicy"},
}
GOAL = 0.95
NOTES: dict[str, list[Note]] = {}


@pytest.fixture
def image(shop: Scenario, images: Images) -> str:
    """An image that serves, which only the host has."""
    tag = f"localhost/{shop.name}:one"
    images.build(tag, "one")
    return tag


@pytest.fixture
def mine(shop: Scenario, docker_client: docker.DockerClient) -> Iterator[str]:
    """The value of the label of what the test starts."""
    with strangers(docker_client, shop.name) as one:
        yield one


def settings_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Every setting of a container, by its key, in one spelling."""
    found = {f"HostConfig.{key}": value or None for key, value in raw["HostConfig"].items() if key not in SILENT_HOST}
    found |= {f"Config.{key}": value or None for key, value in raw["Config"].items() if key not in SILENT_CONFIG}
    found["Config.Env"] = sorted(raw["Config"]["Env"] or [])
    found["Config.Labels"] = {
        name: value
        for name, value in (raw["Config"]["Labels"] or {}).items()
        if not name.startswith(("backstay.", "com.docker.", "coolify.", "io.portainer.", "com.dokploy."))
        and name not in {"service", "role", "destination"}
    }
    found["Config.StopTimeout"] = raw["Config"].get("StopTimeout") or 10
    if str(raw["Id"]).startswith(raw["Config"]["Hostname"]):
        found["Config.Hostname"] = None
    found["HostConfig.Tmpfs"] = {
        path: sorted(filter(None, options.split(",")))
        for path, options in (raw["HostConfig"].get("Tmpfs") or {}).items()
    }
    found["HostConfig.Ulimits"] = sorted(str(one) for one in raw["HostConfig"].get("Ulimits") or [])
    found["Mounts"] = sorted(
        (one["Type"], one.get("Name") or one["Source"], one["Destination"], one["RW"])
        for one in raw["Mounts"]
        if one["Type"] != "tmpfs"
    )
    found["Ports"] = {key: one for key, one in raw["NetworkSettings"]["Ports"].items() if one}
    return found


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The keys of the settings that differ."""
    old, new = settings_of(before), settings_of(after)
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def check(shop: Scenario, found: Adoptable, shape: str) -> None:
    """Adopt and deploy: nothing is restarted, and then nothing changes that was not said."""
    names = {one[2]: one[1] for one in found.containers}
    before = {name: lives(shop.docker, name) for name in names}
    old = {name: shop.docker.api.inspect_container(name) for name in names}
    row = carried_out(shop, found)
    assert row["status"] == "succeeded", shop.messages()
    assert {name: lives(shop.docker, name) for name in names} == before
    NOTES[shape] = found.mapped.notes
    shop.change(health={"running_s": 0.2})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    lost = row["pin"]["not_carried"]
    labels = {"label": f"backstay.workload={shop.name}"}
    new = [shop.docker.api.inspect_container(one.id) for one in shop.docker.containers.list(all=True, filters=labels)]
    assert len(new) == len(old)
    for name, service in names.items():
        (after, *_) = (one for one in new if one["Config"]["Labels"]["backstay.service"] == service)
        prefix = f"{service}." if found.kind == "compose" else ""
        said = SAID[found.kind] | {one.removeprefix(prefix) for one in lost if one.startswith(prefix)}
        told = {key for key in changed(old[name], after) if not any(one.startswith(key) for one in said)}
        # A network of another container has its id in its name, and that one's host name.
        if str(old[name]["HostConfig"]["NetworkMode"]).startswith("container:"):
            assert str(after["HostConfig"]["NetworkMode"]).startswith("container:")
            told -= {"HostConfig.NetworkMode", "Config.Hostname"}
        assert told == set(), {key: (settings_of(old[name]).get(key), settings_of(after).get(key)) for key in told}


@pytest.mark.parametrize("shape", CONTAINERS)
def test_a_container(shop: Scenario, docker_client: docker.DockerClient, image: str, mine: str, shape: str) -> None:
    given = dict(CONTAINERS[shape])
    if path := given.pop("volume", None):
        volume = docker_client.volumes.create(f"old-{mine}", labels={OLD: mine})
        given["volumes"] = {volume.name: {"bind": path, "mode": "rw"}}
    if "network" in given:
        given["network"] = docker_client.networks.create(f"{given['network']}-{mine}", labels={OLD: mine}).name
    if "ports" in given:
        given["ports"] = {"8080/tcp": ("127.0.0.1", shop.port)}
    given["labels"] = given.get("labels", {}) | {OLD: mine}
    docker_client.containers.run(image, name=f"old-{mine}", detach=True, init=True, **given)
    check(shop, find_container(shop.context, f"old-{mine}", shop.name), f"container: {shape}")


@pytest.mark.parametrize("shape", PROJECTS)
def test_a_project(shop: Scenario, image: str, mine: str, shape: str) -> None:
    file = PROJECTS[shape].replace("@image", image).replace("@mine", mine).replace("@port", str(shop.port))
    start_project(shop, f"old-{mine}", file)
    check(shop, find_project(shop.context, f"old-{mine}", shop.name), f"project: {shape}")


def test_of_all_their_settings_nearly_all_are_mapped() -> None:
    share = share_mapped([note for notes in NOTES.values() for note in notes])
    assert len(NOTES) < len(CONTAINERS) + len(PROJECTS) or share >= GOAL, {
        shape: (round(share_mapped(notes), 2), lost_keys(notes)) for shape, notes in NOTES.items()
    }
