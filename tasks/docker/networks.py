"""Networks of the Docker Engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db.states import ErrorCode
from tasks.docker.caller import GONE, NOT_FOUND, Caller, labelled
from tasks.docker.records import NetworkRecord, network_record

FORBIDDEN = 403
# Docker's answers where a subnet overlaps with another network's, and where its own pools have no room left.
_TAKEN = (FORBIDDEN, NOT_FOUND)


class Networks:
    """The Engine's operations on networks."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def find(self, labels: dict[str, str]) -> list[NetworkRecord]:
        """Return the networks that have all of these labels; without labels, all of the host."""
        listed = self._caller.ask("list networks", lambda api: api.networks(filters=labelled(labels)))
        return [network_record(one) for one in listed]

    def create(self, name: str, labels: dict[str, str], subnet: str | None) -> bool:
        """Create a bridge network; return False where its subnet is taken. Without a subnet Docker chooses one."""
        pools = [{"Subnet": subnet}] if subnet else []
        ipam = {"Driver": "default", "Config": pools}
        made = self._caller.ask_unless(
            _TAKEN,
            "create network",
            lambda api: api.create_network(name, driver="bridge", ipam=ipam, labels=labels, check_duplicate=True),
            ErrorCode.CREATE_FAILED,
        )
        return made is not None

    def endpoints(self, name: str) -> dict[str, str]:
        """Return the address of each running container in a network, by its id; none when the network is gone."""
        raw: dict[str, Any] | None = self._caller.ask_unless(
            GONE, "inspect network", lambda api: api.inspect_network(name)
        )
        found: dict[str, Any] = (raw or {}).get("Containers") or {}
        return {key: str(one.get("IPv4Address") or "").partition("/")[0] for key, one in found.items()}

    def connect(self, name: str, container_id: str, aliases: Sequence[str], address: str | None = None) -> None:
        """Put a container into a network, where others find it by its name and these aliases."""
        self._caller.ask(
            "connect",
            lambda api: api.connect_container_to_network(
                container_id, name, aliases=list(aliases), ipv4_address=address
            ),
        )

    def disconnect(self, name: str, container_id: str) -> None:
        """Take a container out of a network, whatever it does there. One that is gone is fine."""
        self._caller.ask_unless(
            GONE, "disconnect", lambda api: api.disconnect_container_from_network(container_id, name, force=True)
        )

    def remove(self, network_id: str) -> None:
        """Remove a network. One that is gone is fine."""
        self._caller.ask_unless(GONE, "remove network", lambda api: api.remove_network(network_id))
