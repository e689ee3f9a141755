"""Containers of the Docker Engine. Makes no decisions: tasks.rollout decides what to create or remove."""

from __future__ import annotations

from functools import partial
from typing import Any

from db.states import ErrorCode
from tasks.docker import oom_kills
from tasks.docker.caller import CONFLICT, GONE, GONE_OR_GOING, Caller, labelled
from tasks.docker.new_container import NewContainer
from tasks.docker.records import ContainerRecord, ListedContainer, container_record, listed_container
from tasks.failures import Failure

MOST_ARCHIVED = 4 * 2**20
_DELETED = 2  # as the Engine's list of changes has it
_REFUSED = ErrorCode.CREATE_FAILED
UNREADABLE = 501  # what Docker answers for the log of a driver that keeps none


class Containers:
    """The Engine's operations on containers."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def create(self, new: NewContainer) -> str:
        """Create a container without starting it; return its id. Raises Failure: create_failed, volume_missing."""
        # Created here with labels, because Docker would create them without any when the container starts.
        for mount in new.mounts:
            if mount.exists:
                look = partial(_inspect_volume, name=mount.source)
                if self._caller.ask_unless(GONE, "create", look, _REFUSED) is None:
                    raise Failure(ErrorCode.VOLUME_MISSING, "volume")
            elif not mount.is_host_path:
                make = partial(_create_volume, name=mount.source, labels=new.volume_labels)
                self._caller.ask("create", make, _REFUSED)
        name_taken = (CONFLICT,) if new.other_name else ()
        made = self._caller.ask_unless(name_taken, "create", lambda api: _create(api, new, new.name), _REFUSED)
        return made or self._caller.ask("create", lambda api: _create(api, new, new.other_name), _REFUSED)

    def start(self, container_id: str) -> None:
        """Start a container. Raises Failure: host_not_ready, start_failed; the caller looks up why."""
        self._caller.ask("start", lambda api: api.start(container_id), ErrorCode.START_FAILED)

    def stop(self, container_id: str, timeout_s: int) -> None:
        """Stop a container, killing it after `timeout_s`. One that is gone or stopped is fine."""
        self._caller.ask_unless(GONE_OR_GOING, "stop", lambda api: api.stop(container_id, timeout=timeout_s))

    def remove(self, container_id: str, *, with_volumes: bool = True) -> None:
        """Remove a container whatever its state, with its anonymous volumes. One that is gone is fine."""
        self._caller.ask_unless(
            GONE_OR_GOING, "remove", lambda api: api.remove_container(container_id, v=with_volumes, force=True)
        )

    def rename(self, container_id: str, name: str) -> None:
        """Give a container another name. Raises Failure(create_failed) when another one has it."""
        self._caller.ask("rename", lambda api: api.rename(container_id, name), _REFUSED)

    def keep_running(self, container_id: str, policy: str = "always") -> None:
        """Make Docker restart a container from now on when it exits, the host boots, or Docker was killed.

        With the policy `on-failure` it may exit with code 0, with `no` in any way. One that has `on-failure` keeps it.
        """

        # Not `unless-stopped`: a dockerd that was killed stops running containers at its next start, as a person would.
        def update(api: Any) -> None:
            found = api.inspect_container(container_id)["HostConfig"]["RestartPolicy"]["Name"]
            if found in {"", "no", "unless-stopped"} and policy != "no":
                api.update_container(container_id, restart_policy={"Name": policy})

        self._caller.ask("update", update)

    def inspect(self, container_id: str) -> ContainerRecord | None:
        """Return a container's configuration and state; None when it is gone."""
        raw = self._caller.ask_unless(GONE, "inspect", lambda api: api.inspect_container(container_id))
        return oom_kills.completed(container_record(raw)) if raw else None

    def describe(self, container: str) -> dict[str, Any] | None:
        """Return all that the Engine knows of a container, by its id or name, for tasks.adoption; None when it is not
        there."""
        return self._caller.ask_unless(GONE, "inspect", lambda api: dict(api.inspect_container(container)))

    def find(self, labels: dict[str, str]) -> list[ContainerRecord]:
        """Return all containers, stopped ones too, that have all of these labels, each inspected."""
        listed = self._caller.ask("list", lambda api: api.containers(all=True, filters=labelled(labels)))
        records = (self.inspect(entry["Id"]) for entry in listed)
        return [record for record in records if record is not None]

    def list_all(self) -> list[ListedContainer]:
        """Return all containers of the host, stopped ones too, whatever their owner."""
        return [listed_container(one) for one in self._caller.ask("list", lambda api: api.containers(all=True))]

    def changes(self, container_id: str) -> list[str]:
        """Return the paths of its own layer that were added or changed since it was created; none if it is gone."""
        raw = self._caller.ask_unless(GONE_OR_GOING, "diff", lambda api: api.diff(container_id))
        return [str(one["Path"]) for one in raw or [] if one.get("Kind") != _DELETED]

    def archive(self, container_id: str, path: str) -> bytes | None:
        """Return a file of a container as a tar, at most MOST_ARCHIVED bytes of it; None if it is not there."""

        def read(api: Any) -> bytes:
            stream, _ = api.get_archive(container_id, path)
            found = b""
            for chunk in stream:
                found += chunk
                if len(found) > MOST_ARCHIVED:
                    break
            return found

        return self._caller.ask_unless(GONE_OR_GOING, "archive", read)

    def log_tail(self, container_id: str, lines: int) -> list[str]:
        """Return the last lines of a container's output, both streams, oldest first; none where its log driver keeps
        nothing to read."""
        raw: bytes | None = self._caller.ask_unless(
            (*GONE_OR_GOING, UNREADABLE), "logs", lambda api: api.logs(container_id, tail=lines)
        )
        return (raw or b"").decode(errors="replace").splitlines()


def _inspect_volume(api: Any, name: str) -> Any:
    return api.inspect_volume(name)


def _create_volume(api: Any, name: str, labels: dict[str, str]) -> None:
    api.create_volume(name, labels=labels)


def _create(api: Any, new: NewContainer, name: str) -> str:
    given = new.config() | {"name": name, "host_config": api.create_host_config(**new.host_config())}
    if new.network and new.address:
        place = api.create_endpoint_config(ipv4_address=new.address)
        given["networking_config"] = api.create_networking_config({new.network: place})
    return str(api.create_container(**given)["Id"])
