"""How a workload is reached from outside. Today: ports that Docker publishes. Pure.

The one place to change when a router owns the ports: it would report no obstacle to an overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from db.releases import Port, pairs_of, protocol_of


class Exposure(Protocol):
    """Decides whether two versions of a workload can be up at the same time."""

    def conflicts(self, old: Sequence[Port], new: Sequence[Port]) -> bool:
        """Return whether the old version must stop before the new one starts. Takes ports as the spec has them."""
        ...


class PublishedPorts:
    """Docker binds a host port for one container only."""

    def conflicts(self, old: Sequence[Port], new: Sequence[Port]) -> bool:
        """Return True when they publish the same port on overlapping addresses."""
        return any(_same(one, other) for one in old for other in new)


def _same(one: Port, other: Port) -> bool:
    if protocol_of(one) != protocol_of(other) or not _on_host(one) & _on_host(other):
        return False
    addresses = {one["address"], other["address"]}
    return len(addresses) == 1 or bool(addresses & {"0.0.0.0", "::"})


def _on_host(port: Port) -> set[int]:
    """Return the ports of the host that it takes; none when it is not published."""
    return {host for _, host in pairs_of(port) if host is not None}
