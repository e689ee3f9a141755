"""The order in which a new version replaces the old one: a decision. Pure: takes releases, returns steps."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from db.releases import Release, Volume
from tasks.rollout.ports import Exposure


class Step(StrEnum):
    """The possible steps to the new version."""

    CREATE = "create"
    STOP_OLD = "stop_old"
    START = "start"


def plan(old: Release | None, new: Release, exposure: Exposure) -> list[Step]:
    """Return the order for a new release beside the release that is live (None: nothing is).

    The old version stays up until the new one is healthy, unless both need the same port, or share a volume that one of
    them writes, whose data two versions at once could corrupt. The new container is created first either way: a failure
    to create it costs no downtime.
    """
    if old is None:
        return [Step.CREATE, Step.START]
    shared = any(_both_use(one, other) for one in old.get("volumes", []) for other in new.get("volumes", []))
    if shared or exposure.conflicts(old.get("ports", []), new.get("ports", [])):
        return [Step.CREATE, Step.STOP_OLD, Step.START]
    return [Step.CREATE, Step.START]


def _both_use(one: Volume, other: Volume) -> bool:
    """Return whether two mounts have files in common that one of them may write."""
    if one.get("read_only") and other.get("read_only"):
        return False
    if "host_path" in one and "host_path" in other:
        paths = PurePosixPath(one["host_path"]), PurePosixPath(other["host_path"])
        return paths[0].is_relative_to(paths[1]) or paths[1].is_relative_to(paths[0])
    return _identity(one) == _identity(other)


def _identity(volume: Volume) -> tuple[str | None, bool]:
    return volume.get("name"), volume.get("existing", False)
