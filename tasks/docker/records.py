"""The Docker Engine's input and output as plain records. Pure: imports no docker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from db.states import ErrorCode
from tasks.docker.health_checks import patience_s
from tasks.docker.host_errors import is_host_not_ready
from tasks.docker.start_errors import start_error
from tasks.labels import DEPLOY

FIRST_API_WITH_BUILDKIT = (1, 39)


@dataclass(frozen=True)
class ImageRecord:
    """An image of the host. `repo_digests` are `repository@sha256:…` texts; check_s: the seconds that its own health
    check may need, None without one. The container's command replaces `command`. exposed: its TCP ports."""

    id: str
    repo_digests: list[str]
    check_s: float | None = None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    exposed: tuple[int, ...] = ()


@dataclass(frozen=True)
class ListedImage:
    """An image in a list of images. `tags` and `digests` are its names."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    labels: dict[str, str]


@dataclass(frozen=True)
class Builder:
    """The builder of an Engine: BuildKit or the classic one, and the Engine's version."""

    version: str
    buildkit: bool


_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True)
class PublishedPort:
    """A port of the host. `address`: an IP of the host, `0.0.0.0` and `::` for all."""

    address: str
    port: int
    protocol: str = "tcp"

    def meets(self, other: PublishedPort) -> bool:
        """Return whether the host has only one port for both."""
        same_place = self.address == other.address or bool({self.address, other.address} & _EVERYWHERE)
        return same_place and (self.port, self.protocol) == (other.port, other.protocol)


@dataclass(frozen=True)
class ListedContainer:
    """A container in a list of containers, whatever its owner. `binds` are what it has mounted of the host: (directory
    or file of the host, path in the container). `ports`: those that it has now; none while it does not run."""

    id: str
    names: tuple[str, ...]
    image_id: str
    labels: dict[str, str] = field(default_factory=dict)
    binds: tuple[tuple[str, str], ...] = ()
    ports: tuple[PublishedPort, ...] = ()


@dataclass(frozen=True)
class ContainerRecord:
    """A container of the host. `address` is its IP on its network, empty when it has none or does not run.

    `host_not_ready`: the last attempt to start it failed because the host lacks something. check_s: as for an image.
    """

    id: str
    name: str
    labels: dict[str, str]
    image_id: str
    state: str
    running: bool
    exit_code: int
    oom_killed: bool
    restarts: int
    health: str | None
    address: str
    created_at: str
    started_at: str
    ports: list[dict[str, Any]]
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    host_not_ready: bool = False
    addresses: dict[str, str] = field(default_factory=dict)  # by name of the network; empty while it does not run
    network_ids: frozenset[str] = frozenset()
    check_s: float | None = None
    restart: str = ""  # Docker's restart policy
    adopted: bool = False  # others started it; its labels of Backstay are from the ledger
    restart_limit: int = 0  # of `on-failure`: how often; 0 without a limit
    start_error: ErrorCode | None = None  # why the last attempt to start it failed

    @property
    def serves(self) -> bool:
        """Whether it runs and is not paused: Docker calls a paused one running."""
        return self.running and self.state != "paused"

    @property
    def version(self) -> int:
        """The version of its deploy; 0 when the label is missing."""
        label = self.labels.get(DEPLOY, "")
        return int(label) if label.isdigit() else 0


@dataclass(frozen=True)
class NetworkRecord:
    """A network of the host. `subnets` are texts like `10.213.0.0/26`."""

    id: str
    name: str
    labels: dict[str, str]
    subnets: tuple[str, ...]


def network_record(raw: dict[str, Any]) -> NetworkRecord:
    """Parse an entry of the Engine's list of networks."""
    pools = (raw.get("IPAM") or {}).get("Config") or ()
    subnets = tuple(str(pool["Subnet"]) for pool in pools if pool.get("Subnet"))
    return NetworkRecord(str(raw["Id"]), str(raw["Name"]), raw.get("Labels") or {}, subnets)


@dataclass(frozen=True)
class EngineFacts:
    """An Engine and its machine. root: the directory of its images and containers, on that machine.

    apparmor: the kernel has it on; memory_limits, cpu_limits: the kernel enforces them; driver: how layers are stored.
    """

    version: str
    cpus: int
    memory_bytes: int
    root: str
    running: int
    apparmor: bool = False
    memory_limits: bool = True
    cpu_limits: bool = True
    driver: str = ""


def engine_facts(raw: dict[str, Any]) -> EngineFacts:
    """Parse the Engine's own description."""
    return EngineFacts(
        version=str(raw["ServerVersion"]),
        cpus=int(raw.get("NCPU") or 0),
        memory_bytes=int(raw.get("MemTotal") or 0),
        root=str(raw.get("DockerRootDir") or ""),
        running=int(raw.get("ContainersRunning") or 0),
        apparmor=any(one.partition(",")[0] == "name=apparmor" for one in raw.get("SecurityOptions") or []),
        memory_limits=bool(raw.get("MemoryLimit", True)),
        cpu_limits=bool(raw.get("CpuCfsQuota", True)),
        driver=str(raw.get("Driver") or ""),
    )


def builder(version: dict[str, Any], builder_version: str) -> Builder:
    """Parse the Engine's version and the header Builder-Version of its ping: 1 where BuildKit is absent or turned off.

    Engines before 18.09 (API 1.39), and those for Windows, have no BuildKit, and the oldest do not send the header.
    """
    api = tuple(int(part) for part in str(version.get("ApiVersion", "")).split(".") if part.isdigit())
    has_buildkit = api >= FIRST_API_WITH_BUILDKIT and str(version.get("Os", "linux")).lower() == "linux"
    return Builder(str(version["Version"]), has_buildkit and builder_version != "1")


def image_record(raw: dict[str, Any]) -> ImageRecord:
    """Parse the Engine's image inspection."""
    config = raw.get("Config") or {}
    entrypoint, command = (tuple(config.get(key) or ()) for key in ("Entrypoint", "Cmd"))
    check_s = patience_s(config.get("Healthcheck"))
    ports = (str(one).partition("/") for one in config.get("ExposedPorts") or ())
    exposed = tuple(sorted(int(number) for number, _, protocol in ports if protocol in {"", "tcp"}))
    return ImageRecord(raw["Id"], list(raw.get("RepoDigests") or []), check_s, entrypoint, command, exposed)


def listed_image(raw: dict[str, Any]) -> ListedImage:
    """Parse an entry of the Engine's list of images, which writes `<none>` for a missing name."""
    names = ((name for name in raw.get(key) or () if "<none>" not in name) for key in ("RepoTags", "RepoDigests"))
    tags, digests = (tuple(found) for found in names)
    return ListedImage(raw["Id"], tags, digests, raw.get("Labels") or {})


def listed_container(raw: dict[str, Any]) -> ListedContainer:
    """Parse an entry of the Engine's list of containers."""
    names = tuple(str(name).removeprefix("/") for name in raw.get("Names") or ())
    mounts = [one for one in raw.get("Mounts") or () if one.get("Type") == "bind"]
    binds = tuple((str(one.get("Source") or ""), str(one.get("Destination") or "")) for one in mounts)
    ports = tuple(
        PublishedPort(str(one.get("IP") or ""), int(one["PublicPort"]), str(one.get("Type") or "tcp"))
        for one in raw.get("Ports") or ()
        if one.get("PublicPort")
    )
    return ListedContainer(str(raw["Id"]), names, str(raw["ImageID"]), raw.get("Labels") or {}, binds, ports)


def container_record(raw: dict[str, Any]) -> ContainerRecord:
    """Parse the Engine's container inspection."""
    state = raw["State"]
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = {name: network.get("IPAddress") or "" for name, network in networks.items()}
    policy = (raw.get("HostConfig") or {}).get("RestartPolicy") or {}
    return ContainerRecord(
        id=raw["Id"],
        name=raw["Name"].removeprefix("/"),
        labels=raw["Config"].get("Labels") or {},
        image_id=raw["Image"],
        state=state["Status"],
        running=bool(state["Running"]) and not state.get("Restarting"),
        exit_code=state.get("ExitCode", 0),
        oom_killed=bool(state.get("OOMKilled")),
        restarts=raw.get("RestartCount", 0),
        health=(state.get("Health") or {}).get("Status"),
        address=next(filter(None, addresses.values()), ""),
        created_at=raw["Created"],
        started_at=state.get("StartedAt", ""),
        ports=_ports(raw),
        environment=dict(entry.partition("=")[::2] for entry in raw["Config"].get("Env") or []),
        host_not_ready=is_host_not_ready(state.get("Error") or ""),
        addresses=addresses,
        network_ids=frozenset(str(network.get("NetworkID")) for network in networks.values()),
        check_s=patience_s(raw["Config"].get("Healthcheck")),
        restart=policy.get("Name") or "",
        restart_limit=policy.get("MaximumRetryCount") or 0,
        start_error=start_error(state.get("Error") or ""),
    )


def _ports(raw: dict[str, Any]) -> list[dict[str, Any]]:
    found = ((raw.get("NetworkSettings") or {}).get("Ports") or {}).items()
    return [
        {"container": int(inside), "host": int(bound["HostPort"]), "address": bound["HostIp"]}
        | ({} if protocol == "tcp" else {"protocol": protocol})
        for (inside, _, protocol), bindings in ((key.partition("/"), bound) for key, bound in found)
        for bound in bindings or []
    ]
