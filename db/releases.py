"""The shapes of what a release is: its configuration, and the pin that says what exactly runs. Pure: types only.

Rows keep pins as JSON, documents keep configurations; both come back as these dictionaries, unchecked.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Port(TypedDict):
    """A port of the container; without `host` it is not published."""

    container: int
    host: NotRequired[int]
    address: str


class Volume(TypedDict):
    """A named volume and where it is mounted."""

    name: str
    path: str


class HealthCheck(TypedDict, total=False):
    """One of http, tcp, docker, running_s, and how long it may take."""

    http: str
    port: int
    tcp: int
    docker: bool
    running_s: float
    timeout_s: float


class Resources(TypedDict, total=False):
    """Limits of the container."""

    memory_mb: int
    cpus: float


class Release(TypedDict):
    """A configuration that was deployed: the spec without what belongs to the workload. Secrets by name only."""

    source: dict[str, Any]
    ports: list[Port]
    volumes: list[Volume]
    env: NotRequired[dict[str, str]]
    secrets: NotRequired[list[str]]
    health: NotRequired[HealthCheck]
    resources: NotRequired[Resources]
    command: NotRequired[list[str]]
    stop_timeout_s: NotRequired[int]


class _Pin(TypedDict):
    kind: str
    image_from: NotRequired[str]  # of what is built: `kept` or `build`
    no_change: NotRequired[int]  # the version that went on serving


class ContainerPin(_Pin):
    """A release of one container, of whatever kind. `image_id` is None until the image is on the host."""

    image_id: str | None


class RegistryImage(TypedDict):
    """An image of a registry; without `digest` only the host has it, without `image_id` only the registry may."""

    image: str
    repository: str | None
    digest: str | None
    image_id: str | None


class ImagePin(ContainerPin):
    """A RegistryImage that is a release."""

    image: str
    repository: str | None
    digest: str | None


class GitPin(ContainerPin):
    """A commit, and what in it is built."""

    url: str
    ref: str
    commit: str
    context: str
    dockerfile: str


class StaticPin(ContainerPin):
    """Files by their hash and the server they are put into; of a repository where they came from."""

    content: str
    server: str
    root: str
    url: NotRequired[str]
    ref: NotRequired[str]
    revision: NotRequired[str]


class ServicePin(RegistryImage):
    """The image of one service; `build` is its recipe, when it is built."""

    build: NotRequired[dict[str, Any]]
    image_from: NotRequired[str]


class ServiceRun(TypedDict):
    """How a service runs: how many containers, whether they may end well, since which version, made of what."""

    count: int
    once: bool
    since: int
    made_of: str


class ComposePin(_Pin):
    """A compose file. `sha256` names the stored file and `runs` says how it runs, both once it is prepared."""

    services: dict[str, ServicePin]
    sha256: NotRequired[str]
    runs: NotRequired[dict[str, ServiceRun]]
    url: NotRequired[str]
    ref: NotRequired[str]
    commit: NotRequired[str]


Pin = ContainerPin | ComposePin
