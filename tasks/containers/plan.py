"""The actions on a workload's containers after which exactly its live version runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """A container as far as the plan needs it: its version and whether it runs."""

    id: str
    version: int
    running: bool


@dataclass(frozen=True)
class Action:
    """One action on one container: `remove` or `start`."""

    verb: str
    id: str


def put_in_order(seen: Sequence[Seen], live: int | None) -> list[Action]:
    """Return the actions after which the live version runs and no other container remains.

    `live` is the live version according to the ledger. Strays go first: they may hold the port that it needs.
    """
    strays = [Action("remove", one.id) for one in seen if one.version != live]
    stopped = [Action("start", one.id) for one in seen if one.version == live and not one.running]
    return strays + stopped
