"""Which images of a host stay and which go: cases of what is there, what is needed, and the steps that follow."""

from __future__ import annotations

import pytest

from tasks.images.retention import HostImage, ImageStep, Verb, built_as, name_of, plan, prefix

OURS = prefix("ab12")
V1, V2 = name_of("ab12", "shop", 1), name_of("ab12", "shop", 2)
DIGEST = f"registry.example/shop@sha256:{'d' * 64}"
ID = "sha256:1"


def image(*names: str) -> HostImage:
    """An image of the host with these names."""
    tags = tuple(name for name in names if "@" not in name)
    return HostImage(ID, tags, tuple(name for name in names if "@" in name))


def built(*names: str) -> HostImage:
    """An image with these names that says of itself that it was built here for the workload shop."""
    return HostImage(ID, names, (), built_as("ab12", "shop"))


CASES = {
    "a release puts its name on its image": (image(DIGEST), {ID: {V1}}, True, False, [ImageStep(Verb.NAME, ID, (V1,))]),
    "an image that is named as it should be": (image(V1, DIGEST), {ID: {V1}}, True, True, []),
    "two releases of one image": (image(V1, DIGEST), {ID: {V1, V2}}, True, True, [ImageStep(Verb.NAME, ID, (V2,))]),
    "a release that is not kept gives its name back": (
        image(V1, V2, DIGEST),
        {ID: {V2}},
        True,
        True,
        [ImageStep(Verb.UNNAME, ID, (V1,))],
    ),
    "the only name changes": (
        image(V1),
        {ID: {V2}},
        True,
        False,
        [ImageStep(Verb.NAME, ID, (V2,)), ImageStep(Verb.UNNAME, ID, (V1,))],
    ),
    "what nothing needs goes with all its names": (
        image(V1, DIGEST),
        {},
        True,
        False,
        [ImageStep(Verb.REMOVE, ID, (V1, DIGEST))],
    ),
    "what has no name goes by its id": (image(), {}, True, False, [ImageStep(Verb.REMOVE, ID)]),
    "what a container uses stays": (image(V1, DIGEST), {}, True, True, []),
    "what an unfinished deploy needs stays": (image(DIGEST), {ID: set()}, True, False, []),
    "the last name of what an unfinished deploy needs stays": (image(V1), {ID: set()}, True, False, []),
    "what a person named as well is his": (
        image("mine:1", V1, DIGEST),
        {},
        True,
        False,
        [ImageStep(Verb.UNNAME, ID, (V1,)), ImageStep(Verb.FORGET, ID)],
    ),
    "what another installation named is its": (
        image(name_of("cd34", "shop", 7), DIGEST),
        {},
        True,
        False,
        [ImageStep(Verb.FORGET, ID)],
    ),
    "what was built here and never written down goes": (
        built(V1),
        {},
        False,
        False,
        [ImageStep(Verb.REMOVE, ID, (V1,))],
    ),
    "what was built here stays while a container uses it": (built(V1), {}, False, True, []),
    "what was built here stays while an unfinished deploy needs it": (built(V1), {ID: set()}, False, False, []),
    "what was built here and is needed stays": (built(V1), {ID: {V1}}, False, False, []),
    "what somebody built upon ours has our labels and not our name": (built("mine:1"), {}, False, False, []),
    "what somebody built upon another's and deployed here has not the name of its build": (
        HostImage(ID, (V1,), (), built_as("ab12", "other")),
        {},
        False,
        False,
        [],
    ),
    "what another installation built is its": (
        HostImage(ID, (name_of("cd34", "shop", 1),), (), built_as("cd34", "shop")),
        {},
        False,
        False,
        [],
    ),
    "what was there before is never removed": (image(DIGEST), {}, False, False, []),
    "what was there before loses our name": (
        image("built:1", V1),
        {},
        False,
        False,
        [ImageStep(Verb.UNNAME, ID, (V1,))],
    ),
    "what was there before and has lost its own name keeps ours": (image(V1), {}, False, False, []),
    "what was built here and is needed is named too": (
        image("built:1"),
        {ID: {V1}},
        False,
        True,
        [ImageStep(Verb.NAME, ID, (V1,))],
    ),
}


@pytest.mark.parametrize(("there", "wanted", "brought", "used", "steps"), CASES.values(), ids=CASES.keys())
def test_the_steps_for_an_image(
    there: HostImage, wanted: dict[str, set[str]], brought: bool, used: bool, steps: list[ImageStep]
) -> None:
    assert plan([there], wanted, {ID} if brought else set(), {ID} if used else set(), OURS) == steps


def test_an_image_that_is_gone_is_forgotten_and_needs_nothing() -> None:
    assert plan([], {ID: {V1}}, {ID}, set(), OURS) == [ImageStep(Verb.FORGET, ID)]


def test_each_installation_has_names_of_its_own() -> None:
    assert V1 == "localhost/backstay-ab12/shop:v1"
    assert not name_of("ab123", "shop", 1).startswith(OURS)
