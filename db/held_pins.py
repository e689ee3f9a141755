"""Held pins: those that a workload was rolled back from and that no automatic deploy may bring back. Lists in and out.

A hold ends when a person deploys that very pin by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db.history import identity
from db.serialize import iso, pin_short
from db.states import Trigger

# The parts of a pin that are known before it is resolved, and their names then.
MARKS = {"commit": "commit", "revision": "commit", "digest": "digest"}
BY_HAND = frozenset({Trigger.UI, Trigger.API, Trigger.CLI, Trigger.PREFECT})


def hold(held: list[Any], pin: Mapping[str, Any], version: int, reason: str, now: datetime) -> list[Any]:
    """Return the list with a pin added, once: [{"pin_short", "version", "reason", "since", "identity", …}]."""
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
    """Return the list without a pin."""
    return [entry for entry in held if not _is(entry, pin)]


def is_held(held: list[Any], pin: Mapping[str, Any]) -> bool:
    """Return whether an automatic deploy of a pin, or of the part known so far, has to wait for a person."""
    return any(_is(entry, pin) for entry in held)


def _is(entry: dict[str, Any], pin: Mapping[str, Any]) -> bool:
    # A webhook names a commit and no more; a pin also says what of that commit runs, and is compared by that.
    # A digest counts as long as its image is not known.
    marks = [key for key, known in (("commit", "kind"), ("digest", "image_id")) if not pin.get(known)]
    return entry["identity"] == _key(pin) or any(pin.get(key) and entry.get(key) == pin[key] for key in marks)


def _key(pin: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in identity(pin))
