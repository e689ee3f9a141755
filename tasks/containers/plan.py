"""What to do with the containers of a workload so that exactly its live version runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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


def put_in_order(seen: Sequence[Seen], live: int | None) -> list[Action]:
    """What to do so that the live version runs and nothing else is left over.

    `live` is the version that the ledger calls live. Strays go first: they may hold the port that it needs.
    """
    strays = [Action("remove", one.id) for one in seen if one.version != live]
    stopped = [Action("start", one.id) for one in seen if one.version == live and not one.running]
    return strays + stopped
