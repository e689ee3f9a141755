"""Preview of a rollback for the person who confirms it, computed from rows and releases.

It follows the rollout's own rules: tasks.rollout.plan decides whether the old version has to stop first.
"""

from __future__ import annotations

from typing import Any

import orjson

from db.history import same_pin
from db.models import Deploy
from db.releases import Release
from db.states import PinFound
from tasks.rollout.plan import Step, plan
from tasks.rollout.ports import PublishedPorts
from webapp.presenters.spec_lines import plain

# Kinds whose image is built here, so that a missing image may be rebuilt instead of pulled.
BUILT = frozenset({"git", "static"})


def image_step(target: Deploy) -> str:
    """Return how a version's image becomes available again: ready, pull, rebuild, gone, or unknown."""
    match target.pin_found:
        case PinFound.HOST:
            return "ready"
        case PinFound.NOWHERE:
            return "gone"
        case PinFound.SOURCE:
            return "rebuild"
        case _ if target.source_kind in BUILT:
            return "rebuild"
        case PinFound.REGISTRY:
            return "pull"
        case _:
            return "unknown"


def has_gap(before: Release | None, after: Release) -> bool:
    """Return whether the live version has to stop before the other one starts. Compose replaces its services."""
    if before is not None and after.get("source", {}).get("kind") == "compose":
        return True
    return Step.STOP_OLD in plan(before, after, PublishedPorts())


def holds(live: Deploy | None, target: Deploy) -> bool:
    """Return whether the image that is live now will be held back from automatic deploys."""
    return live is not None and not same_pin(live.pin, target.pin)


def shown(value: Any) -> str:
    """Format a configuration value for people: lists and mappings as JSON, "" when it is absent."""
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return "" if value is None else plain(value)
