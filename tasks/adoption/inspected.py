"""A container and its image as Docker inspects them, and which of their keys say nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Raw = Mapping[str, Any]
MIB = 1024 * 1024
# What the Engine writes by itself, or what another key says as well.
SILENT_HOST = frozenset(
    [
        *("Binds", "Mounts", "VolumesFrom", "VolumeDriver", "PortBindings", "PublishAllPorts", "ContainerIDFile"),
        *("ConsoleSize", "CgroupnsMode", "Isolation", "MaskedPaths", "ReadonlyPaths", "KernelMemoryTCP"),
    ]
)
SILENT_CONFIG = frozenset(
    [
        *("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "Image", "Volumes", "OnBuild", "ArgsEscaped"),
        *("Shell", "ExposedPorts"),
    ]
)
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "NetworkMode": ("default", "bridge"),
    "IpcMode": ("private", "shareable"),
    "ShmSize": (64 * MIB,),
    "Runtime": ("runc",),
    "MemorySwappiness": (-1,),
    "PidsLimit": (-1,),
    "MemorySwap": (-1,),
}


@dataclass(frozen=True)
class Inspected:
    """A container with its image. `own`: whether a path may be mounted by a spec that allows it."""

    raw: Raw
    image: Raw

    @property
    def config(self) -> Raw:
        """How the program is started."""
        found: Raw = self.raw["Config"]
        return found

    @property
    def host(self) -> Raw:
        """What it gets of the host."""
        found: Raw = self.raw["HostConfig"]
        return found

    @property
    def of_image(self) -> Raw:
        """The same as `config`, as the image has it."""
        return self.image.get("Config") or {}

    @property
    def name(self) -> str:
        """The name, without the slash."""
        return str(self.raw["Name"]).removeprefix("/")

    @property
    def labels(self) -> dict[str, str]:
        """The labels, those of the image included."""
        return dict(self.config.get("Labels") or {})

    @property
    def networks(self) -> dict[str, Raw]:
        """Name of the network -> how the container is in it; without Docker's own networks."""
        found = (self.raw.get("NetworkSettings") or {}).get("Networks") or {}
        return {name: one or {} for name, one in found.items() if name not in {"bridge", "host", "none"}}

    def differs(self, key: str) -> bool:
        """Return whether a key of `config` is set and not from the image."""
        return bool(self.config.get(key)) and self.config.get(key) != self.of_image.get(key)


def is_default(key: str, value: Any) -> bool:
    """Return whether a key of HostConfig has the value that it has when nobody sets it."""
    return value in (None, "", 0, False, [], {}) or value in _DEFAULTS.get(key, ())


def remaining(found: Inspected, seen_host: frozenset[str], seen_config: frozenset[str]) -> Iterator[str]:
    """Yield the keys that are set and that the caller has not mapped: `docker inspect` has them under these names."""
    for key, value in sorted(found.host.items()):
        if key not in SILENT_HOST | seen_host and not is_default(key, value):
            yield f"HostConfig.{key}"
    for key, value in sorted(found.config.items()):
        is_own = value != found.of_image.get(key) and not is_default(key, value)
        if is_own and key not in SILENT_CONFIG | seen_config:
            yield f"Config.{key}"
