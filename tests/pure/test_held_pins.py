"""Pins that no automatic deploy shall bring back."""

from __future__ import annotations

from datetime import datetime

from db.held_pins import hold, is_held, release

BAD = {"kind": "image", "image": "shop:2", "digest": "sha256:2", "image_id": "sha256:bad"}
SAME_UNDER_ANOTHER_TAG = BAD | {"image": "shop:latest"}
GOOD = BAD | {"image_id": "sha256:good"}


def test_a_pin_is_held_whatever_it_was_asked_for_as(now: datetime) -> None:
    held = hold([], BAD, 2, "auto_rollback", now)
    assert is_held(held, SAME_UNDER_ANOTHER_TAG)
    assert not is_held(held, GOOD)
    assert held[0] | {"identity": ""} == {
        "pin_short": "2",
        "version": 2,
        "reason": "auto_rollback",
        "since": "2026-11-23T12:00:00.000Z",
        "identity": "",
        "digest": "sha256:2",
    }


def test_what_is_held_is_known_by_its_digest_or_commit_before_there_is_an_image(now: datetime) -> None:
    held = hold([], BAD, 2, "rollback", now)
    assert is_held(held, {"digest": "sha256:2"})
    assert not is_held(held, {"digest": "sha256:3"})
    assert not is_held(held, {})


def test_a_held_commit_stays_held_and_is_released_when_it_was_built_again(now: datetime) -> None:
    built, again = ({"kind": "git", "commit": "c0ffee", "image_id": f"sha256:{one}"} for one in "ab")
    held = hold([], built, 2, "rollback", now)
    assert is_held(held, again)
    assert not is_held(held, again | {"commit": "decaf"})
    assert not is_held(held, again | {"context": "another"})
    assert is_held(held, {"commit": "c0ffee"})
    assert release(held, again) == []


def test_files_of_a_commit_are_held_by_the_commit_and_by_what_they_are(now: datetime) -> None:
    held = hold([], {"kind": "static", "content": "sha256:1", "revision": "c0ffee"}, 2, "rollback", now)
    assert is_held(held, {"commit": "c0ffee"})
    assert is_held(held, {"kind": "static", "content": "sha256:1", "revision": "decaf"})


def test_a_pin_is_held_once_and_released_alone(now: datetime) -> None:
    held = hold(hold(hold([], BAD, 2, "rollback", now), GOOD, 3, "rollback", now), BAD, 4, "rollback", now)
    assert [entry["version"] for entry in held] == [3, 4]
    assert [entry["version"] for entry in release(held, BAD)] == [3]
