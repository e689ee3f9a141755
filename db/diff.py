"""Differences between two releases: pin, image, and each key of the configuration. Secrets by name only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from db import history, pins, workloads
from db.models import Deploy

MASK = "•••"


def compare(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return [{"key", "from", "to"}] for each dotted key that differs; a missing key is null.

    Lists are compared as a whole, because the position of a port or a volume does not identify it.
    """
    return _changes(_flat(_masked(before or {})), _flat(_masked(after)))


def between(session: Session, before: Deploy | None, after: Deploy) -> dict[str, Any]:
    """Return what changes from one version to another; `before` is None when nothing is live.

    {"from", "to": versions, "pin", "image": {"from", "to"}, "same_pin": bool, "config": as compare() returns it}
    """
    old = workloads.document(session, before.release_sha) if before else None
    config = compare(old, workloads.document(session, after.release_sha))
    if _file(after):
        # The text of the file as one value says little: the resolved services are compared instead.
        config = [one for one in config if one["key"] != "source.text"] + _rendered(session, before, after)
    config += _left_behind(before, after)
    return {
        "from": before.version if before else None,
        "to": after.version,
        "pin": {"from": before.pin if before else None, "to": after.pin},
        "same_pin": before is not None and history.same_pin(before.pin, after.pin),
        "image": {"from": before.requested if before else None, "to": after.requested},
        "config": config,
    }


def _rendered(session: Session, before: Deploy | None, after: Deploy) -> list[dict[str, Any]]:
    """Return the differences of the rendered compose files: `services.web.image`. Secrets are `${NAME}` in them, or of
    an extension field, where they are encrypted."""
    files = (workloads.document(session, file) if row and (file := _file(row)) else {} for row in (before, after))
    old, new = (_flat({key: one for key, one in file.items() if not key.startswith("x-")}) for file in files)
    return _changes(old, new)


def _left_behind(before: Deploy | None, after: Deploy) -> list[dict[str, Any]]:
    """Return the settings of adopted containers that only they have, as `container.…`; their values are not kept."""
    old, new = (
        {f"container.{key}": "set" for key in pins.not_carried(row.pin if row else None)} for row in (before, after)
    )
    return _changes(old, new)


def _file(row: Deploy) -> str | None:
    pin = pins.of_compose(row.pin)
    return pin.get("sha256") if pin else None


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    keys = sorted(old.keys() | new.keys())
    return [{"key": key, "from": old.get(key), "to": new.get(key)} for key in keys if old.get(key) != new.get(key)]


def _masked(release: Mapping[str, Any]) -> dict[str, Any]:
    return {**release, "secrets": dict.fromkeys(release.get("secrets", []), MASK)}


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            flat |= _flat(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = inner
    return flat
