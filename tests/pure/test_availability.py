"""Where the image of a release can be had: what is looked up, how often, and what a row says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.models import Deploy
from db.pins import PinnedImage, built, commits, images
from db.states import PinFound
from tasks.images.availability import ASK_AGAIN, ASK_HUB_AGAIN, Finding, due, findings
from tasks.images.rebuildable import Source

HOST, REGISTRY, NOWHERE = PinFound.HOST, PinFound.REGISTRY, PinFound.NOWHERE


def pinned(image_id: str = "sha256:1", repository: str = "r.example/shop", digest: str | None = "sha256:d") -> Any:
    """A pin of one image."""
    return {"kind": "image", "image_id": image_id, "repository": repository, "digest": digest}


def row(found: PinFound | None = None, asked_at: datetime | None = None, pin: Any = None) -> Deploy:
    """A succeeded release."""
    return Deploy(id=1, pin=pin or pinned(), pin_found=found, pin_asked_at=asked_at)


IMAGE = PinnedImage("sha256:1", "r.example/shop", "sha256:d")


@pytest.mark.parametrize(
    ("found", "age", "asked"),
    [
        (None, None, True),
        (HOST, None, True),
        (HOST, timedelta(minutes=1), True),
        (REGISTRY, timedelta(minutes=59), False),
        (REGISTRY, ASK_AGAIN, True),
        (NOWHERE, timedelta(minutes=59), False),
        (NOWHERE, ASK_AGAIN, True),
        (None, timedelta(minutes=59), False),
    ],
)
def test_a_registry_is_asked_seldom(now: datetime, found: PinFound | None, age: timedelta | None, asked: bool) -> None:
    one = row(found, now - age if age else None)
    assert due([one], set(), now) == ([IMAGE] if asked else [])
    assert due([one], {"sha256:1"}, now) == []


def test_docker_hub_is_asked_once_a_day(now: datetime) -> None:
    hub = pinned(repository="nginx")
    assert due([row(REGISTRY, now - timedelta(hours=23), hub)], set(), now) == []
    assert due([row(REGISTRY, now - ASK_HUB_AGAIN, hub)], set(), now) != []


def test_one_image_of_many_rows_is_asked_for_once_and_the_longest_unknown_first(now: datetime) -> None:
    old, older = (row(REGISTRY, now - ASK_AGAIN * times, pinned(f"sha256:{times}")) for times in (2, 3))
    assert due([old, older, old, row()], set(), now) == [
        IMAGE,
        IMAGE._replace(image_id="sha256:3"),
        IMAGE._replace(image_id="sha256:2"),
    ]


def test_an_image_that_no_registry_has_is_not_asked_for(now: datetime) -> None:
    assert due([row(pin=pinned(digest=None))], set(), now) == []


@pytest.mark.parametrize(
    ("before", "local", "answer", "after"),
    [
        (None, True, "unasked", HOST),
        (NOWHERE, True, "unasked", HOST),
        (HOST, False, "unasked", None),
        (REGISTRY, False, "unasked", REGISTRY),
        (NOWHERE, False, "unasked", NOWHERE),
        (HOST, False, REGISTRY, REGISTRY),
        (REGISTRY, False, NOWHERE, NOWHERE),
        (NOWHERE, False, None, None),
    ],
)
def test_what_a_row_says_afterwards(now: datetime, before: Any, local: bool, answer: Any, after: Any) -> None:
    asked = answer != "unasked"
    found = findings([row(before)], {"sha256:1"} if local else set(), {IMAGE: answer} if asked else {}, now)
    same = before == after and not asked
    assert found == ([] if same else [Finding(1, after, now if asked else None)])


def test_an_image_of_the_host_alone_is_lost_when_the_host_has_lost_it(now: datetime) -> None:
    assert findings([row(HOST, pin=pinned(digest=None))], set(), {}, now) == [Finding(1, NOWHERE, None)]


@pytest.mark.parametrize(
    ("local", "answers", "after"),
    [
        ({"sha256:1", "sha256:2"}, {}, HOST),
        ({"sha256:1"}, {"sha256:2": REGISTRY}, REGISTRY),
        ({"sha256:1"}, {"sha256:2": NOWHERE}, NOWHERE),
        ({"sha256:1"}, {"sha256:2": None}, None),
        (set(), {"sha256:1": NOWHERE, "sha256:2": None}, NOWHERE),
    ],
)
def test_a_release_of_several_images_is_as_good_as_its_worst(
    now: datetime, local: set[str], answers: dict[str, Any], after: PinFound | None
) -> None:
    pin = {"kind": "compose", "services": {"web": pinned("sha256:1"), "db": pinned("sha256:2")}}
    given = {IMAGE._replace(image_id=key): value for key, value in answers.items()}
    before = None if after else REGISTRY
    (found,) = findings([row(before, pin=pin)], local, given, now)
    assert found.found == after


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GIT = {"kind": "git", "url": "https://x/y", "commit": "c", "image_id": "sha256:1"}


@pytest.mark.parametrize(
    ("before", "source", "after"),
    [
        (HOST, Source(PinFound.SOURCE), Finding(1, PinFound.SOURCE, None)),
        (HOST, Source(PinFound.SOURCE, asked=True), Finding(1, PinFound.SOURCE, NOW)),
        (PinFound.SOURCE, Source(NOWHERE, asked=True), Finding(1, NOWHERE, NOW)),
        (PinFound.SOURCE, Source(None, asked=True), Finding(1, None, NOW)),
        (HOST, None, Finding(1, None, None)),
        (PinFound.SOURCE, None, None),
    ],
)
def test_an_image_that_was_built_here_is_where_its_source_is(
    before: PinFound, source: Source | None, after: Finding | None
) -> None:
    found = findings([row(before, pin=GIT)], set(), {}, NOW, {1: source})
    assert found == ([] if after is None else [after])
    assert findings([row(HOST, pin=GIT)], {"sha256:1"}, {}, NOW) == []


WEB = {"image_id": "sha256:1", "repository": None, "digest": None, "build": {"args": {"image_id": "x", "commit": "y"}}}
STACK = {"kind": "compose", "url": "https://x/y", "commit": "c", "services": {"web": WEB, "db": pinned("sha256:2")}}


@pytest.mark.parametrize(
    ("local", "source", "answer", "after"),
    [
        ({"sha256:2"}, PinFound.SOURCE, None, PinFound.SOURCE),
        ({"sha256:2"}, NOWHERE, None, NOWHERE),
        (set(), PinFound.SOURCE, REGISTRY, PinFound.SOURCE),
        (set(), PinFound.SOURCE, NOWHERE, NOWHERE),
    ],
)
def test_of_a_stack_what_is_built_is_where_its_source_is_and_the_rest_where_its_registry_is(
    local: set[str], source: PinFound, answer: PinFound | None, after: PinFound
) -> None:
    answers = {IMAGE._replace(image_id="sha256:2"): answer} if answer else {}
    (found,) = findings([row(HOST, pin=STACK)], local, answers, NOW, {1: Source(source)})
    assert found.found == after


def test_what_can_be_built_again_says_so_in_its_pin() -> None:
    assert built(GIT) == {"": PinnedImage("sha256:1", None, None)}
    assert built({"content": "sha256:0", "image_id": None}) == {"": PinnedImage(None, None, None)}
    assert built(STACK) == {"web": PinnedImage("sha256:1", None, None)}
    assert built({key: value for key, value in STACK.items() if key != "url"}) == {}  # a row of an older version
    assert built(pinned()) == built({"url": "https://x/y", "commit": "c", "services": {}}) == built(None) == {}
    assert [one.image_id for one in images(STACK)] == ["sha256:1", "sha256:2"]
    assert list(commits(STACK)) == [("https://x/y", "c")]
    assert list(commits({"services": {"a": GIT}, "list": [GIT]})) == [("https://x/y", "c")] * 2
