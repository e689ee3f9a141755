"""The types of a release: its configuration, and the pin that fixes exactly what runs. Pure.

Rows store pins as JSON, documents store configurations; both are read back as these dictionaries, unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict


class Port(TypedDict):
    """A port of the container, or those from `container` to `to`; without `host` it is not published."""

    container: int
    to: NotRequired[int]
    host: NotRequired[int]
    address: str
    protocol: NotRequired[str]  # tcp unless it says udp


def protocol_of(port: Port) -> str:
    """Return tcp or udp."""
    return port.get("protocol", "tcp")


def pairs_of(port: Port) -> list[tuple[int, int | None]]:
    """Return (port of the container, port of the host) of each port in a range; of one port, only its own."""
    host = port.get("host")
    inside = range(port["container"], port.get("to", port["container"]) + 1)
    return [(one, None if host is None else host + at) for at, one in enumerate(inside)]


class Volume(TypedDict):
    """A volume, of the workload or (`existing`) of Docker, or a directory of the host, and where it is mounted."""

    name: NotRequired[str]
    host_path: NotRequired[str]
    path: str
    read_only: NotRequired[bool]
    existing: NotRequired[bool]


class HealthCheck(TypedDict, total=False):
    """One of http, tcp, docker, running_s, and the time limit."""

    http: str
    port: int
    host: str
    status: list[str]  # like 200 or 200-399
    tcp: int
    docker: bool
    running_s: float
    timeout_s: float


class Resources(TypedDict, total=False):
    """Limits of the container."""

    memory_mb: int
    cpus: float


class MemoryFiles(TypedDict):
    """A directory in memory."""

    path: str
    size_mb: NotRequired[int]


class LogOptions(TypedDict, total=False):
    """Where Docker keeps the output, and how much of it."""

    driver: str
    max_size_mb: int
    max_files: int


class Options(TypedDict, total=False):
    """How a container runs, besides what every release has."""

    entrypoint: list[str]
    user: str
    working_dir: str
    read_only: bool
    tmpfs: list[MemoryFiles]
    shm_mb: int
    ulimits: dict[str, dict[str, int]]  # name -> soft, hard
    labels: dict[str, str]
    extra_hosts: dict[str, str]
    log: LogOptions
    restart: str
    cap_add: list[str]
    devices: list[str]  # host[:container][:rwm]
    privileged: bool
    allow: list[str]


class Release(Options):
    """A configuration that was deployed: the spec without what belongs to the workload. Secrets by name only."""

    source: dict[str, Any]
    ports: list[Port]
    volumes: list[Volume]
    env: NotRequired[dict[str, str]]
    secrets: NotRequired[list[str]]
    health: NotRequired[HealthCheck]
    resources: NotRequired[Resources]
    command: NotRequired[list[str]]
    networks: NotRequired[list[str]]  # named ones, beside its own
    stop_timeout_s: NotRequired[int]
    init: NotRequired[bool]


class _Pin(TypedDict):
    kind: str
    image_from: NotRequired[str]  # for a built image: `kept` or `build`
    no_change: NotRequired[int]  # the version that keeps serving
    not_carried: NotRequired[list[str]]  # adopted: the settings, by key, that the release does not have


class ContainerPin(_Pin):
    """A release of one container, of any kind. `image_id` is None until the image is on the host."""

    image_id: str | None


class RegistryImage(TypedDict):
    """An image by reference; without `digest` only the host has it, without `image_id` only the registry may."""

    image: str
    repository: str | None
    digest: str | None
    image_id: str | None


class ImagePin(ContainerPin):
    """A RegistryImage as a release."""

    image: str
    repository: str | None
    digest: str | None


class Module(TypedDict):
    """A submodule: its path in the checkout, with those of the submodules that it lies in."""

    path: str
    url: str
    commit: str


class GitPin(ContainerPin):
    """A commit, and the part of it that is built. `modules`: the submodules that were fetched with it."""

    url: str
    ref: str
    commit: str
    context: str
    dockerfile: str
    build: NotRequired[dict[str, Any]]  # args, target, names of secrets
    modules: NotRequired[list[Module]]


class CacheRule(TypedDict):
    """How long browsers may use the files whose path matches without asking again. `immutable`: they never change."""

    path: str
    max_age_s: int
    immutable: NotRequired[bool]


class Serving(TypedDict, total=False):
    """How the files of a static site are served; without any of it, as the server image does by itself."""

    fallback: str  # the file for each path that does not exist
    not_found: str  # the page of such a path
    cache: list[CacheRule]


class StaticPin(ContainerPin):
    """Files by their hash and the server that serves them; for a repository, their origin."""

    content: str
    server: str
    root: str
    serving: NotRequired[Serving]
    url: NotRequired[str]
    ref: NotRequired[str]
    revision: NotRequired[str]


class ServicePin(RegistryImage):
    """The image of one service; `build` is its recipe, when it is built."""

    build: NotRequired[dict[str, Any]]
    image_from: NotRequired[str]


class ServiceRun(TypedDict):
    """One service as it runs: number of containers, since which version, made of what. `once`: they are jobs, which
    exit with 0; `may_end`: they may, but are watched like any other; `unsaid`: the file does not say, so they are jobs
    if they have ended by the time the release is live, beside a service that runs."""

    count: int
    once: bool
    since: int
    made_of: str
    may_end: NotRequired[bool]
    unsaid: NotRequired[bool]


class ComposePin(_Pin):
    """A compose file. `sha256` names the stored file and `runs` says how it runs, both set by prepare."""

    services: dict[str, ServicePin]
    sha256: NotRequired[str]
    runs: NotRequired[dict[str, ServiceRun]]
    url: NotRequired[str]
    ref: NotRequired[str]
    commit: NotRequired[str]
    modules: NotRequired[list[Module]]


Pin = ContainerPin | ComposePin
# Of a stored compose file: NAME -> the encrypted content of a file. A person's extension fields are not stored.
SEALED = "x-backstay-files"


def sealed(file: Mapping[str, Any]) -> dict[str, str]:
    """Return NAME -> encrypted content of a stored compose file."""
    return dict(file.get(SEALED) or {})
