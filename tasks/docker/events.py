"""Events of the Docker Engine. tasks.events.classify interprets them."""

from __future__ import annotations

from collections.abc import Sequence

from db.states import ErrorCode
from tasks.docker.caller import Caller, Messages, labelled


class Events:
    """The Engine's stream of container events."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def of_containers(self, since: str, labels: dict[str, str], actions: Sequence[str]) -> Messages:
        """Stream events of containers with these labels after a moment, forever. `since`: `seconds.nanoseconds`."""
        filters = {"type": ["container"], "event": list(actions)} | labelled(labels)
        stream = self._caller.ask("events", lambda api: api.events(since=since, filters=filters, decode=True))
        return Messages(self._caller, "events", stream, ErrorCode.INTERNAL)
