"""The spec of a workload, as written by a person and validated. Pure: knows no database and no Docker.

Every refusal names the key and what it should be, never the value, which may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator

from db.messages.key_problems import KeyProblem
from tasks.sources import Source, parse_source
from tasks.sources.base import Flag, Part, WrittenText, spoken, whole
from tasks.sources.compose import ComposeSource, is_reserved
from tasks.sources.invalid_spec import InvalidSpec, refusal_of, wrong
from tasks.specs.health import Health
from tasks.specs.mounts import POWERS, Allowed, Capability, Device, Volume, raise_unless_allowed
from tasks.specs.options import (
    ContainerPath,
    HostAddress,
    HostName,
    LabelName,
    LabelValue,
    Log,
    Restart,
    Tmpfs,
    Ulimit,
    UlimitName,
    User,
)
from tasks.specs.options import Mebibytes as SharedMebibytes
from tasks.specs.ports import PortMapping, raise_unless_apart

NAME = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$"
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
# What a compose file can refer to: `${A-b}` means something else there.
COMPOSE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Of one container; absent in what is stored unless given.
OPTIONS = (
    *("entrypoint", "user", "working_dir", "read_only", "tmpfs", "shm_mb", "ulimits", "labels", "extra_hosts"),
    *("log", "restart", *POWERS, "allow", "init"),
)


Mebibytes = Annotated[int, Field(strict=True, ge=6, le=16_777_216), BeforeValidator(whole)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=3600), BeforeValidator(whole)]
WatchSeconds = Annotated[int, Field(strict=True, ge=5, le=3600), BeforeValidator(whole)]
NetworkName = Annotated[str, Field(pattern=NAME)]
EnvName = Annotated[str, Field(max_length=200), *spoken(ENV_NAME, KeyProblem.NOT_A_VARIABLE)]


class Resources(Part):
    """Limits of the container; absent means none."""

    memory_mb: Mebibytes | None = None
    cpus: float | None = Field(None, ge=0.01, le=1024)


class Spec(Part):
    """A complete spec. `secrets` is write-only. `init`: whether Docker's init is process 1; by default unless the image
    brings one of its own."""

    name: str = Field(pattern=NAME)
    source: Source
    ports: list[PortMapping] = Field(default_factory=list, max_length=200)
    env: dict[EnvName, WrittenText] = Field(default_factory=dict)
    secrets: dict[EnvName, SecretStr] = Field(default_factory=dict)
    health: Health | None = None
    resources: Resources = Resources(memory_mb=None, cpus=None)
    volumes: list[Volume] = Field(default_factory=list)
    command: list[str] | None = Field(None, min_length=1)
    entrypoint: list[str] | None = Field(None, min_length=1)
    user: User | None = None
    working_dir: ContainerPath | None = None
    read_only: Flag = None
    tmpfs: list[Tmpfs] | None = Field(None, min_length=1, max_length=50)
    shm_mb: SharedMebibytes | None = None
    ulimits: dict[UlimitName, Ulimit] | None = None
    labels: dict[LabelName, LabelValue] | None = Field(None, max_length=200)
    extra_hosts: dict[HostName, HostAddress] | None = Field(None, max_length=200)
    log: Log | None = None
    restart: Restart | None = None
    cap_add: list[Capability] | None = Field(None, max_length=50)
    devices: list[Device] | None = Field(None, max_length=50)
    privileged: Flag = None
    allow: list[Allowed] | None = Field(None, max_length=100)
    networks: list[NetworkName] | None = Field(None, max_length=16)
    stop_timeout_s: Seconds = 10
    init: bool | None = Field(None, strict=True)
    auto_rollback: bool = Field(False, strict=True)
    watch_s: WatchSeconds = 60
    host: str = Field("local", pattern=NAME)

    @model_validator(mode="after")
    def _fits_together(self) -> Spec:
        _once("ports", [place for port in self.ports for place in port.places()])
        raise_unless_apart(self.ports)
        _once("networks", self.networks or [])
        mounted = [volume.path for volume in self.volumes]
        _once("volumes", mounted)
        _once("tmpfs", [*mounted, *(one.path for one in self.tmpfs or [])])
        raise_unless_allowed(self.volumes, {key: getattr(self, key) for key in POWERS}, self.allow or [])
        if both := set(self.env) & set(self.secrets):
            raise wrong(KeyProblem.IN_ENV_TOO, "secrets", name=sorted(both)[0])
        if isinstance(self.source, ComposeSource):
            _goes_with_compose(self)
        if self.health and self.health.http and not (self.health.port or _has_tcp_port(self)):
            raise wrong(KeyProblem.NO_PORT, "health.port")
        return self


def _has_tcp_port(spec: Spec) -> bool:
    return any(not port.is_udp for port in spec.ports)


def _once(key: str, values: list[Any]) -> None:
    if len(values) != len(set(values)):
        raise wrong(KeyProblem.TWICE, key)


def _goes_with_compose(spec: Spec) -> None:
    """Refuse spec keys that the compose file itself sets, service by service."""
    for key in ("ports", "volumes", "networks", "command", "resources", *OPTIONS):
        if getattr(spec, key) not in (None, [], Resources(memory_mb=None, cpus=None)):
            raise wrong(KeyProblem.IN_COMPOSE_FILE, key)
    for key, names in (("env", spec.env), ("secrets", spec.secrets)):
        if reserved := sorted(filter(is_reserved, names)):
            raise wrong(KeyProblem.RESERVED, f"{key}.{reserved[0]}")
        if unusable := sorted(name for name in names if not COMPOSE_NAME.fullmatch(name)):
            raise wrong(KeyProblem.NOT_IN_COMPOSE, f"{key}.{unusable[0]}")
    if spec.health and (spec.health.http or spec.health.tcp):
        raise wrong(KeyProblem.COMPOSE_HEALTH, "health")


def parse_spec(data: object) -> Spec:
    """Return a validated spec. Raises InvalidSpec with the first bad key."""
    if not isinstance(data, dict):
        raise InvalidSpec("spec", KeyProblem.NOT_A_MAPPING)
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        refusal = refusal_of(error)
    raise refusal


def redirected(source: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    """Return a stored source with another image or ref. Raises InvalidSpec naming the bare key."""
    try:
        return parse_source(source | {key: value})
    except ValidationError as error:
        refusal = refusal_of(error, key)
    raise refusal


def public(spec: Spec) -> dict[str, Any]:
    """Return the spec as it is stored and shown: JSON values, without secret values and their names."""
    return spec.model_dump(mode="json", exclude={"secrets"}, exclude_none=True)


RELEASE_KEYS = (
    *("source", "ports", "env", "health", "resources", "volumes", "command", *OPTIONS, "networks", "stop_timeout_s"),
)


def release_of(spec: dict[str, Any], secret_names: list[str]) -> dict[str, Any]:
    """Return the part of a stored spec that belongs to a release and that a rollback restores. Secrets by name only."""
    return {key: spec[key] for key in RELEASE_KEYS if key in spec} | {"secrets": sorted(secret_names)}
