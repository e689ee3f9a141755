"""The spec of a workload, as written by a person and validated. Pure: knows no database and no Docker.

Every refusal names the key and what it should be, never the value, which may be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from db.messages.key_problems import KeyProblem
from tasks.sources import Source, parse_source
from tasks.sources.base import Flag, Part, WrittenText, spoken, whole
from tasks.sources.compose import ComposeSource, is_reserved
from tasks.sources.invalid_spec import InvalidSpec, Reason, all_wrong, reasons_of, refusal_of, wrong
from tasks.specs.health import Health
from tasks.specs.mounts import POWERS, Allowed, Capability, Device, Volume, not_allowed
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
from tasks.specs.ports import PortMapping, overlaps

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


# Key -> those of which nothing can be said while it is wrong.
_DECIDES = {"ports": ("health",), "allow": ("volumes", *POWERS), "env": ("secrets",), "secrets": ("env",)}
_VOLUMES, _ALLOW = TypeAdapter(list[Volume]), TypeAdapter(list[Allowed])


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
        if (error := all_wrong(_contradictions(self))) is not None:
            raise error
        return self


def _contradictions(spec: Spec) -> Iterator[PydanticCustomError]:
    """Yield every way in which keys that are right by themselves do not go together."""
    mounted = [volume.path for volume in spec.volumes]
    yield from _once("ports", [place for port in spec.ports for place in port.places()])
    yield from overlaps(spec.ports)
    yield from _once("networks", spec.networks or [])
    yield from _once("volumes", mounted)
    yield from _once("tmpfs", [*mounted, *(one.path for one in spec.tmpfs or [])])
    powers = {key: getattr(spec, key) for key in POWERS}
    yield from (error for error, _ in not_allowed(spec.volumes, powers, spec.allow or []))
    if both := set(spec.env) & set(spec.secrets):
        yield wrong(KeyProblem.IN_ENV_TOO, "secrets", name=sorted(both)[0])
    if isinstance(spec.source, ComposeSource):
        yield from _apart_from_file(spec)
    if spec.health and spec.health.http and not (spec.health.port or _has_tcp_port(spec)):
        yield wrong(KeyProblem.NO_PORT, "health.port")


def _has_tcp_port(spec: Spec) -> bool:
    return any(not port.is_udp for port in spec.ports)


def _once(key: str, values: list[Any]) -> Iterator[PydanticCustomError]:
    if len(values) != len(set(values)):
        yield wrong(KeyProblem.TWICE, key)


def _apart_from_file(spec: Spec) -> Iterator[PydanticCustomError]:
    """Yield spec keys that the compose file itself sets, service by service."""
    for key in ("ports", "volumes", "networks", "command", "resources", *OPTIONS):
        if getattr(spec, key) not in (None, [], Resources(memory_mb=None, cpus=None)):
            yield wrong(KeyProblem.IN_COMPOSE_FILE, key)
    for key, names in (("env", spec.env), ("secrets", spec.secrets)):
        for name in sorted(filter(is_reserved, names)):
            yield wrong(KeyProblem.RESERVED, f"{key}.{name}")
        for name in sorted(name for name in names if not COMPOSE_NAME.fullmatch(name)):
            yield wrong(KeyProblem.NOT_IN_COMPOSE, f"{key}.{name}")
    if spec.health and (spec.health.http or spec.health.tcp):
        yield wrong(KeyProblem.COMPOSE_HEALTH, "health")


def parse_spec(data: object) -> Spec:
    """Return a validated spec. Raises InvalidSpec with every bad key, every contradiction among the others, and what
    `allow` needs to have."""
    if not isinstance(data, dict):
        raise InvalidSpec("spec", KeyProblem.NOT_A_MAPPING)
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        wrong_keys = {str(one["loc"][0]) for one in error.errors(include_url=False, include_input=False) if one["loc"]}
        refusal = InvalidSpec.of([*reasons_of(error), *_of_the_rest(data, wrong_keys)], _needs_allowed(data))
    raise refusal


def _of_the_rest(data: dict[str, Any], wrong_keys: set[str]) -> list[Reason]:
    """Return the contradictions among the keys that are right by themselves; none where every key is."""
    if not wrong_keys:
        return []
    unsure = {name for key, names in _DECIDES.items() if key in wrong_keys for name in names}
    rest = {key: value for key, value in data.items() if key not in wrong_keys | unsure}
    stand_in = {"name": "x", "source": {"kind": "image", "image": "x"}}
    try:
        Spec.model_validate(stand_in | rest)
    except ValidationError as error:
        return reasons_of(error)
    return []


def _needs_allowed(data: dict[str, Any]) -> list[str]:
    """Return the complete `allow` for what a spec has that reaches beyond the container; empty if it lacks nothing."""
    with suppress(ValidationError):
        volumes = _VOLUMES.validate_python(data.get("volumes") or [])
        allow = _ALLOW.validate_python(data.get("allow") or [])
        lacking = [name for _, name in not_allowed(volumes, {key: data.get(key) for key in POWERS}, allow)]
        return [*allow, *dict.fromkeys(lacking)] if lacking else []
    return []


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
