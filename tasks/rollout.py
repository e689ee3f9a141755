"""The rollout, decided: what to do with the containers of a workload. Pure: sees records, answers steps.

Two questions: in which order a new version replaces the old one (`plan`), and what to do so that exactly the live
version runs (`put_in_order`), after a failure as after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from tasks.docker_records import ContainerRecord
from tasks.reach import Reach


class Step(StrEnum):
    """What can be done on the way to the new version."""

    CREATE = "create"
    STOP_OLD = "stop_old"
    START = "start"


@dataclass(frozen=True)
class Seen:
    """A container as far as the plan cares: of which version it is and whether it runs."""

    id: str
    version: int
    running: bool


@dataclass(frozen=True)
class Action:
    """One thing to do with one container: `remove` or `start`."""

    verb: str
    id: str


class Watched(NamedTuple):
    """The containers that a version brought, and how many of them have to run."""

    records: list[ContainerRecord]
    wanted: int


def plan(old: dict[str, Any] | None, new: dict[str, Any], reach: Reach) -> list[Step]:
    """The order for a new release beside the release that is live (None: nothing is).

    The old version stays up until the new one is healthy, unless both want the same port, or share a volume, whose
    data two versions at once could spoil. The new container is created first either way: what cannot be created
    costs no downtime.
    """
    if old is None:
        return [Step.CREATE, Step.START]
    shared = {volume["name"] for volume in old.get("volumes", [])} & {volume["name"] for volume in new["volumes"]}
    if shared or reach.collide(old.get("ports", []), new.get("ports", [])):
        return [Step.CREATE, Step.STOP_OLD, Step.START]
    return [Step.CREATE, Step.START]


def put_in_order(seen: Sequence[Seen], live: int | None, at_work: int | None = None) -> list[Action]:
    """What to do so that the live version runs and nothing else is left over.

    `live` is the version that the ledger calls live, `at_work` one that a deploy is busy with, which is left alone.
    Strays go first: they may hold the port that the live version needs.
    """
    strays = [Action("remove", one.id) for one in seen if one.version not in {live, at_work}]
    stopped = [Action("start", one.id) for one in seen if one.version == live and not one.running]
    return strays + stopped
