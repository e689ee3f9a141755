"""A container to be created, as the Docker SDK's arguments. Pure: imports no docker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from db.releases import Options, Port, pairs_of, protocol_of
from tasks.docker.options import MIB, config_of, host_config_of


@dataclass(frozen=True)
class Mount:
    """A volume, made with the container unless it `exists`, or a directory of the host."""

    source: str
    path: str
    read_only: bool = False
    exists: bool = False
    is_host_path: bool = False


@dataclass(frozen=True)
class NewContainer:
    """A container to be created, as `other_name` when another container has `name`. `environment` has secret values:
    never in a repr."""

    name: str
    image_id: str
    labels: dict[str, str]
    environment: dict[str, str] = field(repr=False)
    command: list[str] | None = None
    ports: Sequence[Port] = ()
    mounts: Sequence[Mount] = ()
    volume_labels: dict[str, str] = field(default_factory=dict)
    memory_mb: int | None = None
    cpus: float | None = None
    stop_timeout_s: int = 10
    init: bool = True
    other_name: str = ""
    network: str = ""  # empty: Docker's default network
    address: str | None = None  # in `network`; None leaves the choice to Docker
    options: Options = field(default_factory=Options)

    def config(self) -> dict[str, Any]:
        """Return the arguments of the SDK's create_container."""
        return {
            "image": self.image_id,
            "name": self.name,
            "labels": self.options.get("labels", {}) | self.labels,
            "environment": self.environment,
            "command": self.command,
            "ports": [(inside, protocol_of(port)) for port in self.ports for inside, _ in pairs_of(port)],
            "stop_timeout": self.stop_timeout_s,
            **config_of(self.options),
        }

    def host_config(self) -> dict[str, Any]:
        """Return the arguments of the SDK's create_host_config."""
        config: dict[str, Any] = {
            "init": self.init,  # without it many programs ignore SIGTERM, and each stop takes the whole timeout
            "port_bindings": _bindings(self.ports),
            "binds": [_bind(one) for one in self.mounts if not one.is_host_path],
            # Not binds: of a directory that is missing, Docker would make an empty one.
            "mounts": [_host_mount(one) for one in self.mounts if one.is_host_path],
            "network_mode": self.network or "default",
            # While the health gate watches, an exit must be seen as one; keep_running() comes after it.
            "restart_policy": {"Name": "no"},
            **host_config_of(self.options),
        }
        if self.memory_mb is not None:
            # Without the second, the same amount of swap would be added, and the limit would not hold.
            config |= {"mem_limit": self.memory_mb * MIB, "memswap_limit": self.memory_mb * MIB}
        if self.cpus is not None:
            config["nano_cpus"] = round(self.cpus * 1e9)
        return config


def _bind(mount: Mount) -> str:
    return f"{mount.source}:{mount.path}{':ro' if mount.read_only else ''}"


def _host_mount(mount: Mount) -> dict[str, Any]:
    return {"Type": "bind", "Source": mount.source, "Target": mount.path, "ReadOnly": mount.read_only}


def _bindings(ports: Sequence[Port]) -> dict[str, list[tuple[str, int]]]:
    """Return port/protocol of the container -> (address, port) of the host."""
    found: dict[str, list[tuple[str, int]]] = {}
    for port in ports:
        for inside, outside in pairs_of(port):
            if outside is not None:
                found.setdefault(f"{inside}/{protocol_of(port)}", []).append((port["address"], outside))
    return found
