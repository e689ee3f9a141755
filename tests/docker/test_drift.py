"""What a person does to containers by hand, behind Backstay's back: an event, and a mark on the live row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows.upkeep.reconcile import compare, reconcile
from tasks.labels import container_labels
from tests.docker.images import Images
from tests.docker.scenario import Scenario

Hand = Callable[[Scenario, str], None]


@pytest.fixture
def shop(shop: Scenario, images: Images) -> Scenario:
    """A workload that serves version one."""
    images.build(f"localhost/{shop.name}:1", "one")
    shop.create(f"localhost/{shop.name}:1")
    assert shop.deploy()["status"] == "succeeded"
    return shop


def looked_at(shop: Scenario) -> tuple[bool | None, int]:
    """Whether the live row is said to run as pinned, and how many events there are, after another look."""
    reconcile(shop.context, "test-engine")
    compare(shop.context)
    return shop.row(1)["verified"], len(shop.messages())


def stops(shop: Scenario, _other: str) -> None:
    """`docker stop`."""
    shop.docker.containers.get(f"{shop.name}-v1").stop(timeout=1)


def removes(shop: Scenario, _other: str) -> None:
    """`docker rm -f`."""
    shop.docker.containers.get(f"{shop.name}-v1").remove(force=True)


def pauses(shop: Scenario, _other: str) -> None:
    """`docker pause`: Docker says that it runs, and nobody gets an answer."""
    shop.docker.containers.get(f"{shop.name}-v1").pause()


def replaces(shop: Scenario, other: str) -> None:
    """`docker rm -f`, and `docker run` of another image under the same name and labels."""
    removes(shop, other)
    adds(shop, other, f"{shop.name}-v1")


def adds(shop: Scenario, other: str, name: str = "") -> None:
    """`docker run` of another image that has the labels of the live version."""
    labels = container_labels(shop.context.installation, shop.name, 1)
    shop.docker.containers.run(other, name=name or f"{shop.name}-by-hand", labels=labels, detach=True, init=True)


@pytest.mark.parametrize("hand", [stops, removes, pauses, replaces, adds])
def test_what_somebody_did_by_hand_becomes_an_event_and_a_mark_until_a_deploy(
    shop: Scenario, images: Images, hand: Hand
) -> None:
    verified, before = looked_at(shop)
    assert verified is True
    hand(shop, images.build(f"localhost/{shop.name}:2", "two"))
    assert looked_at(shop) == (False, before + 1)
    assert "Version 1" in shop.messages()[0]
    assert looked_at(shop) == (False, before + 1)  # said once
    assert shop.row(1)["status"] == "succeeded"
    assert shop.deploy()["status"] == "succeeded"
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v2": "running"}


def test_who_puts_it_back_by_hand_finds_it_verified_again(shop: Scenario) -> None:
    stops(shop, "")
    verified, count = looked_at(shop)
    assert verified is False
    shop.docker.containers.get(f"{shop.name}-v1").start()
    assert looked_at(shop) == (True, count + 1)


def test_after_a_failed_deploy_the_live_version_serves_though_somebody_had_removed_it(
    shop: Scenario, images: Images
) -> None:
    images.build(f"localhost/{shop.name}:bad", "bad", "exits")
    removes(shop, "")
    assert shop.deploy(f"localhost/{shop.name}:bad")["status"] == "failed"
    assert "Version 1 keeps serving" in shop.messages()[0]
    assert shop.served() == "one"
    assert shop.containers() == {f"{shop.name}-v1": "running"}
    assert looked_at(shop)[0] is True
