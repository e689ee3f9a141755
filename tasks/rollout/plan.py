"""The order in which a new version replaces the old one, decided. Pure: sees releases, answers steps."""

from __future__ import annotations

from enum import StrEnum

from db.releases import Release
from tasks.rollout.ports import Exposure


class Step(StrEnum):
    """What can be done on the way to the new version."""

    CREATE = "create"
    STOP_OLD = "stop_old"
    START = "start"


def plan(old: Release | None, new: Release, exposure: Exposure) -> list[Step]:
    """The order for a new release beside the release that is live (None: nothing is).

    The old version stays up until the new one is healthy, unless both want the same port, or share a volume, whose
    data two versions at once could spoil. The new container is created first either way: what cannot be created
    costs no downtime.
    """
    if old is None:
        return [Step.CREATE, Step.START]
    shared = {volume["name"] for volume in old.get("volumes", [])} & {
        volume["name"] for volume in new.get("volumes", [])
    }
    if shared or exposure.conflicts(old.get("ports", []), new.get("ports", [])):
        return [Step.CREATE, Step.STOP_OLD, Step.START]
    return [Step.CREATE, Step.START]
