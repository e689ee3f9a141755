"""Held pins: what a workload went back from, and what no automatic deploy shall bring again. Lists in and out.

A hold ends when a person deploys that very pin by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db.history import identity
from db.serialize import iso, pin_short
from db.states import Trigger

# What of a pin can be known before it is looked up, and what it is called then.
MARKS = {"commit": "commit", "revision": "commit", "digest": "digest"}
BY_HAND = frozenset({Trigger.UI, Trigger.API, Trigger.CLI, Trigger.PREFECT})


def hold(held: list[Any], pin: Mapping[str, Any], version: int, reason: str, now: datetime) -> list[Any]:
    """The list with a pin added: [{"pin_short", "version", "reason", "since", "identity", …}]. Once a pin."""
    entry = {
        "pin_short": pin_short(pin),
        "version": version,
        "reason": reason,
        "since": iso(now),
        "identity": _key(pin),
        **{mark: pin[key] for key, mark in MARKS.items() if pin.get(key)},
    }
    return [*release(held, pin), entry]


def release(held: list[Any], pin: Mapping[str, Any]) -> list[Any]:
    """The list without a pin."""
    return [entry for entry in held if not _is(entry, pin)]


def is_held(held: list[Any], pin: Mapping[str, Any]) -> bool:
    """Whether an automatic deploy of a pin, or of what is known of one so far, has to wait for a person."""
    return any(_is(entry, pin) for entry in held)


def _is(entry: dict[str, Any], pin: Mapping[str, Any]) -> bool:
    # What a sender says of a push is a commit and no more; a pin says what of that commit runs, and is compared by
    # that. A digest counts as long as the image behind it is not known.
    marks = [key for key, known in (("commit", "kind"), ("digest", "image_id")) if not pin.get(known)]
    return entry["identity"] == _key(pin) or any(pin.get(key) and entry.get(key) == pin[key] for key in marks)


def _key(pin: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in identity(pin))
