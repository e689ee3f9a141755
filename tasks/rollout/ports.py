"""How a workload is reached from outside. Today: ports that Docker publishes. Pure.

The one place to change when a router owns the ports: it would answer that nothing stands in the way of an overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Exposure(Protocol):
    """Says whether two versions of a workload can be up at the same time."""

    def conflicts(self, old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> bool:
        """Whether the old version must stop before the new one starts. Takes ports as the spec has them."""
        ...


class PublishedPorts:
    """Docker binds a host port for one container only."""

    def conflicts(self, old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> bool:
        """True when they publish the same port on addresses that overlap."""
        return any(_same(one, other) for one in old for other in new)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one.get("host") is None or one.get("host") != other.get("host"):
        return False
    addresses = {one["address"], other["address"]}
    return len(addresses) == 1 or bool(addresses & {"0.0.0.0", "::"})
