"""What is left over: cases of containers, workloads, images and rows, and what may go of them."""

from __future__ import annotations

import pytest

from tasks.containers.leftovers import Leftover, SeenContainer, SeenNetwork, Standing, UnfinishedRow, Why, decide
from tasks.images.retention import ImageStep, Verb

CONTAINER = SeenContainer("c1", "shop-v2", "shop", 2)


@pytest.mark.parametrize(
    ("standings", "why"),
    [
        ({}, Why.NO_WORKLOAD),
        ({"other": Standing(2)}, Why.NO_WORKLOAD),
        ({"shop": Standing(2)}, None),
        ({"shop": Standing(3)}, Why.NOT_LIVE),
        ({"shop": Standing(1)}, Why.NOT_LIVE),
        ({"shop": Standing(None)}, Why.NOT_LIVE),
        ({"shop": Standing(2, at_work=3)}, None),
        ({"shop": Standing(1, at_work=2)}, None),
        ({"shop": Standing(1, at_work=3)}, None),
    ],
)
def test_a_container_is_left_over_when_no_live_version_is_it(standings: dict[str, Standing], why: Why | None) -> None:
    expected = [Leftover("container", "shop-v2", why, "c1")] if why else []
    assert decide([CONTAINER], standings, [], []) == expected


def test_a_network_is_left_over_when_its_workload_is_gone() -> None:
    own, foreign = SeenNetwork("n1", "backstay-1-shop", "shop"), SeenNetwork("n2", "backstay-1.backend", None)
    assert decide([], {"shop": Standing(None)}, [], [], [own, foreign]) == []
    left = [Leftover("network", "backstay-1-shop", Why.NO_WORKLOAD, "n1")]
    assert decide([], {"other": Standing(1)}, [], [], [own, foreign]) == left


def test_only_images_that_would_be_removed_are_left_over() -> None:
    steps = [
        ImageStep(Verb.NAME, "sha256:1", ("a:1",)),
        ImageStep(Verb.UNNAME, "sha256:2", ("a:2",)),
        ImageStep(Verb.FORGET, "sha256:3"),
        ImageStep(Verb.REMOVE, "sha256:4", ("a:4", "a@sha256:d")),
        ImageStep(Verb.REMOVE, "sha256:5"),
    ]
    assert decide([], {}, steps, []) == [
        Leftover("image", "a:4, a@sha256:d", Why.NOT_NEEDED, "sha256:4"),
        Leftover("image", "sha256:5", Why.NOT_NEEDED, "sha256:5"),
    ]


def test_only_rows_that_nobody_works_on_are_left_over_and_they_come_first() -> None:
    rows = [UnfinishedRow(7, "shop", 3, "running", dead=True), UnfinishedRow(8, "blog", 1, "queued", dead=False)]
    found = decide([CONTAINER], {"shop": Standing(1)}, [], rows)
    assert found == [
        Leftover("row", "shop v3 running", Why.ENGINE_DEAD, "7"),
        Leftover("container", "shop-v2", Why.NOT_LIVE, "c1"),
    ]


def test_files_without_a_workload_come_last() -> None:
    found = decide([CONTAINER], {}, [], [], files=["gone"])
    assert found[1:] == [Leftover("files", "gone", Why.NO_WORKLOAD, "gone")]
