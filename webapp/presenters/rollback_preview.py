"""What a rollback will do, worked out beforehand for the person who confirms it. Rows and releases in.

The same rules as the rollout's own: tasks.rollout.plan decides whether the old version has to stop first.
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

# Kinds whose image is built here, so that one that is gone may be built again instead of pulled.
BUILT = frozenset({"git", "static"})


def image_step(target: Deploy) -> str:
    """How the image of a version comes to run again: ready, pull, rebuild, gone, or unknown."""
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
    """Whether the version that is live has to stop before the other one starts. Compose replaces its services."""
    if before is not None and after.get("source", {}).get("kind") == "compose":
        return True
    return Step.STOP_OLD in plan(before, after, PublishedPorts())


def holds(live: Deploy | None, target: Deploy) -> bool:
    """Whether the image that is live now will be held back from automatic deploys."""
    return live is not None and not same_pin(live.pin, target.pin)


def shown(value: Any) -> str:
    """A value of a configuration as a person reads it: lists and mappings as JSON, "" when it is absent."""
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return "" if value is None else plain(value)
