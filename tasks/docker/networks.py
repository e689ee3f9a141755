"""Networks of the Docker Engine."""

from __future__ import annotations

from tasks.docker.caller import GONE, Caller, labelled


class Networks:
    """The Engine's operations on networks."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def find(self, labels: dict[str, str]) -> list[str]:
        """Return the ids of the networks that have all of these labels."""
        listed = self._caller.ask("list networks", lambda api: api.networks(filters=labelled(labels)))
        return [str(one["Id"]) for one in listed]

    def remove(self, network_id: str) -> None:
        """Remove a network. One that is gone is fine."""
        self._caller.ask_unless(GONE, "remove network", lambda api: api.remove_network(network_id))
