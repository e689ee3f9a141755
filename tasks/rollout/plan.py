"""The order in which a new version replaces the old one: a decision. Pure: takes releases, returns steps."""

from __future__ import annotations

from enum import StrEnum

from db.releases import Release
from tasks.rollout.ports import Exposure


class Step(StrEnum):
    """The possible steps to the new version."""

    CREATE = "create"
    STOP_OLD = "stop_old"
    START = "start"


def plan(old: Release | None, new: Release, exposure: Exposure) -> list[Step]:
    """Return the order for a new release beside the release that is live (None: nothing is).

    The old version stays up until the new one is healthy, unless both need the same port, or share a volume, whose data
    two versions at once could corrupt. The new container is created first either way: a failure to create it costs no
    downtime.
    """
    if old is None:
        return [Step.CREATE, Step.START]
    shared = {volume["name"] for volume in old.get("volumes", [])} & {
        volume["name"] for volume in new.get("volumes", [])
    }
    if shared or exposure.conflicts(old.get("ports", []), new.get("ports", [])):
        return [Step.CREATE, Step.STOP_OLD, Step.START]
    return [Step.CREATE, Step.START]
