"""Which images stay on a real Docker host, and what the rows say beforehand about going back."""

from __future__ import annotations

import threading
from collections.abc import Callable

import docker
import pytest

from db import images as stored
from flows.upkeep.housekeeping import arrange_images, tidy
from tasks.context import Context, now
from tasks.docker.client import DockerEngine
from tasks.docker.records import ImageRecord
from tasks.images import availability, host_images
from tasks.images.retention import HostImage, name_of, prefix
from tests.docker.images import LABEL, Images
from tests.docker.registries import RegistryServer, serving
from tests.docker.scenario import Scenario
from tests.real_parts import free_port

Tag = Callable[[str], str]


def brought(context: Context) -> set[str]:
    """Image ids that Backstay remembers as its own."""
    with context.database.reading() as session:
        return set(stored.brought(session, "local"))


def names(context: Context) -> set[str]:
    """The names that this installation has put on images, from the workload on."""
    begins = prefix(context.installation)
    found = host_images.on_host(context.docker)
    return {name.removeprefix(begins) for image in found for name in image.tags if name.startswith(begins)}


def blocks(shop: Scenario) -> dict[int, str | None]:
    """Version -> why it cannot be rolled back to."""
    return {row["version"]: row["rollback_blocked_by"] for row in shop.rows()}


def test_the_newest_five_can_be_gone_back_to_without_the_registry_and_the_older_images_are_gone(
    shop: Scenario, images: Images, workload_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("short-lived")) as registry:
        tags = [f"{registry.address}/{workload_name}:{number}" for number in range(1, 8)]
        for number, one in enumerate(tags, 1):
            images.publish(one, f"page {number}")
        shop.create(tags[0])
        rows = [shop.deploy(one) for one in tags]
    assert [row["status"] for row in rows] == ["succeeded"] * 7
    assert [shop.has_image(row) for row in rows] == [False, False, True, True, True, True, True]
    assert names(shop.context) == {f"{shop.name}:v{number}" for number in range(3, 8)}
    availability.check(shop.context)  # the registry is away: nobody knows of versions 1 and 2
    assert blocks(shop) == {7: "already_live", **dict.fromkeys(range(1, 7))}
    for number in (3, 4, 5, 6, 7):
        assert shop.rollback(number)["status"] == "succeeded"
        assert shop.served() == f"page {number}"
    assert shop.rollback(1)["error_code"] == "source_unavailable"
    assert shop.served() == "page 7"


def test_an_image_that_is_kept_stands_a_prune_by_hand(shop: Scenario, images: Images, tag: Tag) -> None:
    for version in "12":
        images.publish(tag(version), version)
    shop.create(tag("1"))
    shop.deploy()
    shop.deploy(tag("2"))
    shop.docker.images.prune(filters={"dangling": True, "label": f"{LABEL}={images.session}"})
    assert shop.has_image(shop.row(1))
    assert shop.docker.images.get(name_of(shop.context.installation, shop.name, 1)).id == shop.row(1)["pin"]["image_id"]


def test_what_was_there_before_and_what_somebody_named_stays_when_all_is_removed(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    published = {version: images.publish(tag(version), f"{shop.name} {version}") for version in "123"}
    shop.docker.images.pull(tag("1"))
    shop.create(tag("1"))
    shop.deploy()
    shop.deploy(tag("2"))
    shop.docker.images.get(published["2"].image_id).tag("localhost/kept-by-a-person", shop.name)
    shop.deploy(tag("3"))
    local = f"localhost/{shop.name}:built"
    built = images.build(local, f"{shop.name} built")
    shop.deploy(local)
    assert brought(shop.context) == {published["2"].image_id, published["3"].image_id}
    shop.remove()
    there = {image.id: image.tags for image in host_images.on_host(shop.context.docker)}
    assert there[published["1"].image_id] == (tag("1"),)
    assert there[published["2"].image_id] == (f"localhost/kept-by-a-person:{shop.name}",)
    assert there[built] == (local,)
    assert published["3"].image_id not in there
    assert brought(shop.context) == set()
    assert names(shop.context) == set()


def test_an_image_that_another_workload_or_a_container_uses_stays(
    shop: Scenario, images: Images, tag: Tag, docker_client: docker.DockerClient
) -> None:
    images.publish(tag("1"), f"{shop.name} shared")
    lone = images.publish(tag("2"), f"{shop.name} lone")
    other = Scenario(shop.context, docker_client, f"{shop.name}-b", free_port())
    shop.create(tag("1"))
    shared = shop.deploy()
    shop.deploy(tag("2"))
    other.create(tag("1"))
    other.deploy()
    user = docker_client.containers.create(lone.image_id)
    shop.remove()
    assert other.served() == f"{shop.name} shared"
    assert other.has_image(shared)
    assert brought(shop.context) == {shared["pin"]["image_id"], lone.image_id}
    user.remove()
    other.remove()
    assert not other.has_image(shared)
    assert brought(shop.context) == set()


def test_an_image_of_a_failed_deploy_goes_and_the_way_back_outlives_any_number_of_failures(
    shop: Scenario, images: Images, tag: Tag
) -> None:
    for version in "12":
        images.publish(tag(version), version)
    images.publish(tag("bad"), f"{shop.name} bad", "exits")
    shop.create(tag("1"), health={"running_s": 1})
    shop.deploy()
    shop.deploy(tag("2"))
    bad = shop.deploy(tag("bad"))
    assert (bad["error_code"], shop.has_image(bad)) == ("exited_early", True)
    for _ in range(200):
        shop.fail()
    assert tidy(shop.context) == "deleted 151 deploys, 0 samples and 1 images"
    assert not shop.has_image(bad)
    assert [row["version"] for row in shop.every_row()] == [*range(203, 153, -1), 2, 1]
    back = shop.rollback()
    assert (back["status"], back["rollback_of"], shop.served()) == ("succeeded", 1, "1")


def test_each_deploy_prunes_its_ledger_by_itself(shop: Scenario, images: Images, tag: Tag) -> None:
    images.publish(tag("1"), "one")
    shop.context.settings = shop.context.settings.model_copy(update={"keep_deploys": 3})
    shop.create(tag("1"))
    shop.deploy()
    for _ in range(4):
        shop.deploy(tag("nope"))
    assert [row["version"] for row in shop.rows()] == [5, 4, 3, 1]


def test_a_row_says_beforehand_whether_its_image_can_be_had(
    shop: Scenario, images: Images, tag: Tag, registry: RegistryServer
) -> None:
    first, second = (images.publish(tag(version), f"{shop.name} {version}") for version in "12")
    built = images.build(f"localhost/{shop.name}:built", f"{shop.name} built")
    shop.create(tag("1"))
    shop.deploy()
    shop.deploy(tag("2"))
    shop.deploy(f"localhost/{shop.name}:built")
    shop.deploy(tag("1"))
    assert availability.check(shop.context) == 4
    assert availability.check(shop.context) == 0
    assert blocks(shop) == {4: "already_live", 3: None, 2: None, 1: None}

    images.forget(second.image_id)
    images.forget(built)
    availability.check(shop.context)
    assert blocks(shop)[2] is None  # the registry has it
    assert blocks(shop)[3] == "pin_unavailable"
    assert shop.row(3)["can_rollback"] is False

    registry.delete(shop.name, second.digest)
    assert availability.check(shop.context) == 0  # the answer of a moment ago still counts
    age(shop.context)
    availability.check(shop.context)
    assert blocks(shop)[2] == "pin_unavailable"

    # A request that nevertheless comes is carried out, and fails honestly.
    for version in (2, 3):
        assert shop.rollback(version)["error_code"] == "pin_unavailable"
    assert shop.served() == f"{shop.name} 1"
    assert first.image_id == shop.row(4)["pin"]["image_id"]

    images.build(tag("2"), f"{shop.name} 2")
    availability.check(shop.context)
    assert blocks(shop)[2] is None


def test_deploys_that_need_what_is_being_removed_still_succeed(
    shop: Scenario, images: Images, tag: Tag, docker_client: docker.DockerClient
) -> None:
    shop.context.settings = shop.context.settings.model_copy(update={"keep_images": 2})
    tags = [tag(letter) for letter in "abcd"]
    for one in tags:
        images.publish(one, one)
    other = Scenario(shop.context, docker_client, f"{shop.name}-b", free_port())
    outcomes: list[str] = []
    over = threading.Event()

    def deploy_all(scenario: Scenario, order: list[str]) -> None:
        scenario.create(order[0])
        outcomes.extend(str(scenario.deploy(one)["error_code"]) for one in order)

    def keep_arranging() -> None:
        while not over.is_set():
            arrange_images(shop.context)

    broom = threading.Thread(target=keep_arranging)
    broom.start()
    both = [
        threading.Thread(target=deploy_all, args=(shop, tags * 2)),
        threading.Thread(target=deploy_all, args=(other, tags[::-1] * 2)),
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    over.set()
    broom.join()
    other.remove()
    assert outcomes == ["None"] * 16
    assert names(shop.context) == {f"{shop.name}:v7", f"{shop.name}:v8"}
    assert len(brought(shop.context)) == 2


def test_an_image_that_is_pulled_while_the_host_is_looked_at_stays_ours(
    shop: Scenario, images: Images, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.publish(tag("1"), f"{shop.name} 1")
    shop.create(tag("1"))
    real, rows = host_images.on_host, []

    def looked_at_too_early(docker: DockerEngine) -> list[HostImage]:
        found = real(docker)
        monkeypatch.setattr(host_images, "on_host", real)
        rows.append(shop.deploy())
        return found

    monkeypatch.setattr(host_images, "on_host", looked_at_too_early)
    arrange_images(shop.context)
    assert brought(shop.context) == {rows[0]["pin"]["image_id"]}


def test_an_image_that_is_removed_while_it_is_pulled_again_stays_ours(
    shop: Scenario, images: Images, tag: Tag, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = images.publish(tag("1"), f"{shop.name} 1")
    with shop.context.database.writing() as session:
        stored.remember(session, "local", lone.image_id, now())
    shop.docker.images.pull(lone.reference.rpartition(":")[0], lone.digest)
    shop.create(tag("1"))
    real, rows = shop.context.docker.images.inspect, []

    def looked_for_too_late(reference: str) -> ImageRecord | None:
        monkeypatch.undo()
        gone = real(reference)
        rows.append(shop.deploy())
        return gone

    monkeypatch.setattr(shop.context.docker.images, "inspect", looked_for_too_late)
    arrange_images(shop.context)
    assert rows[0]["pin"]["image_id"] == lone.image_id
    assert brought(shop.context) == {lone.image_id}


def test_ignorance_does_not_block(
    shop: Scenario, images: Images, workload_name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with serving(tmp_path_factory.mktemp("short-lived")) as registry:
        tags = [f"{registry.address}/{workload_name}:{version}" for version in "12"]
        published = [images.publish(one, f"{workload_name} {one}") for one in tags]
        shop.create(tags[0])
        shop.deploy()
        shop.deploy(tags[1])
    images.forget(published[0].image_id)
    availability.check(shop.context)
    assert blocks(shop) == {2: "already_live", 1: None}
    shop.context.docker, there = DockerEngine("unix:///nonexistent/docker.sock", shop.context.log), shop.context.docker
    with pytest.raises(Exception, match="engine_unreachable"):
        availability.check(shop.context)
    assert blocks(shop) == {2: "already_live", 1: None}
    assert "0 images" in tidy(shop.context)
    shop.context.docker = there


def age(context: Context) -> None:
    """Let the registries' answers be of long ago."""
    with context.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deploy_history SET pin_asked_at = '2026-01-01 00:00:00.000000'")
