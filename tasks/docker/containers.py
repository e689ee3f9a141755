"""Containers of the Docker Engine. Does what it is told: what to create or remove is decided in tasks.rollout."""

from __future__ import annotations

from functools import partial
from typing import Any

from db.states import ErrorCode
from tasks.docker import oom_kills
from tasks.docker.caller import CONFLICT, GONE, GONE_OR_GOING, Caller, labelled
from tasks.docker.records import ContainerRecord, ListedContainer, NewContainer, container_record, listed_container

_REFUSED = ErrorCode.CREATE_FAILED


class Containers:
    """What can be asked of the Engine about containers, and done to them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(self, new: NewContainer) -> str:
        """Create a container, not started; answers its id. Raises Failure(create_failed)."""
        # Labelled here, because Docker would create them without a label when the container starts.
        for volume in new.volumes:
            self._caller.ask("create", partial(_create_volume, name=volume, labels=new.volume_labels), _REFUSED)
        name_taken = (CONFLICT,) if new.other_name else ()
        made = self._caller.ask_unless(name_taken, "create", lambda api: _create(api, new, new.name), _REFUSED)
        return made or self._caller.ask("create", lambda api: _create(api, new, new.other_name), _REFUSED)

    def start(self, container_id: str) -> None:
        """Start a container. Raises Failure: host_not_ready, start_failed; why is for the caller to look up."""
        self._caller.ask("start", lambda api: api.start(container_id), ErrorCode.START_FAILED)

    def stop(self, container_id: str, timeout_s: int) -> None:
        """Stop a container, killing it after `timeout_s`. One that is gone or stopped is fine."""
        self._caller.ask_unless(GONE_OR_GOING, "stop", lambda api: api.stop(container_id, timeout=timeout_s))

    def remove(self, container_id: str) -> None:
        """Remove a container whatever its state, with its anonymous volumes. One that is gone is fine."""
        self._caller.ask_unless(
            GONE_OR_GOING, "remove", lambda api: api.remove_container(container_id, v=True, force=True)
        )

    def keep_running(self, container_id: str) -> None:
        """Have Docker restart a container from now on when it ends, the host boots, or Docker was killed.

        One that is to be restarted `on-failure` only may end, and stays as it is.
        """

        # Not `unless-stopped`: a dockerd that was killed stops at its next start what still runs, as a person would.
        def update(api: Any) -> None:
            policy = api.inspect_container(container_id)["HostConfig"]["RestartPolicy"]["Name"]
            if policy in {"", "no", "unless-stopped"}:
                api.update_container(container_id, restart_policy={"Name": "always"})

        self._caller.ask("update", update)

    def inspect(self, container_id: str) -> ContainerRecord | None:
        """What a container is and does now; None when it is gone."""
        raw = self._caller.ask_unless(GONE, "inspect", lambda api: api.inspect_container(container_id))
        return oom_kills.completed(container_record(raw)) if raw else None

    def find(self, labels: dict[str, str]) -> list[ContainerRecord]:
        """All containers, stopped ones too, that carry every one of these labels, each inspected."""
        listed = self._caller.ask("list", lambda api: api.containers(all=True, filters=labelled(labels)))
        records = (self.inspect(entry["Id"]) for entry in listed)
        return [record for record in records if record is not None]

    def list_all(self) -> list[ListedContainer]:
        """All containers of the host, stopped ones too, whoever's they are."""
        return [listed_container(one) for one in self._caller.ask("list", lambda api: api.containers(all=True))]

    def log_tail(self, container_id: str, lines: int) -> list[str]:
        """The last lines that a container wrote, both streams, oldest first."""
        raw: bytes | None = self._caller.ask_unless(
            GONE_OR_GOING, "logs", lambda api: api.logs(container_id, tail=lines)
        )
        return (raw or b"").decode(errors="replace").splitlines()


def _create_volume(api: Any, name: str, labels: dict[str, str]) -> None:
    api.create_volume(name, labels=labels)


def _create(api: Any, new: NewContainer, name: str) -> str:
    given = new.config() | {"name": name, "host_config": api.create_host_config(**new.host_config())}
    return str(api.create_container(**given)["Id"])
