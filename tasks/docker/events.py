"""Events of the Docker Engine. What they mean is in tasks.events.classify."""

from __future__ import annotations

from collections.abc import Sequence

from db.states import ErrorCode
from tasks.docker.caller import Caller, Messages, labelled


class Events:
    """What the Engine tells of containers while it is listened to."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def of_containers(self, since: str, labels: dict[str, str], actions: Sequence[str]) -> Messages:
        """The events of containers with these labels after a moment, without an end. `since`: `seconds.nanoseconds`."""
        filters = {"type": ["container"], "event": list(actions)} | labelled(labels)
        stream = self._caller.ask("events", lambda api: api.events(since=since, filters=filters, decode=True))
        return Messages(self._caller, "events", stream, ErrorCode.INTERNAL)
