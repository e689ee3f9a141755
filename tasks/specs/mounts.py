"""What a container gets of the host: volumes, directories, devices, capabilities, and what `allow` lists. Pure.

A volume of its own is harmless. What reaches further is refused unless `allow` names it, so that nobody gives it by
mistake; tasks.rollout.mounts follows the links of a directory before it is mounted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from db.messages.key_problems import KeyProblem
from tasks.sources.base import Flag, Part, alone, spoken
from tasks.sources.invalid_spec import wrong
from tasks.specs.options import ContainerPath

# Keys that give power over the host.
POWERS = ("cap_add", "devices", "privileged")

VolumeName = Annotated[str, *spoken(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$", KeyProblem.NOT_A_VOLUME)]
# The rest of a path may have any character but those that end it in the Engine's lists; `..` would lead elsewhere.
HostPath = Annotated[
    str, Field(max_length=500), *spoken(r"^/(?!(?:.*/)?\.\.(?:/|$))[^:\x00\r\n]*$", KeyProblem.NOT_A_HOST_PATH)
]
Capability = Annotated[str, *spoken(r"^(?:CAP_)?[A-Z_]{3,40}$", KeyProblem.NOT_A_CAPABILITY)]
Device = Annotated[
    str,
    Field(max_length=500),
    *spoken(r"^/dev/[!-9;-~]+(?::/[!-9;-~]+)?(?::[rwm]{1,3})?$", KeyProblem.NOT_A_DEVICE),
]
Allowed = Annotated[
    str,
    Field(max_length=500),
    *spoken(
        rf"^(?:{'|'.join(POWERS)}|/(?!(?:.*/)?\.\.(?:/|$))[^:\x00\r\n]*)$",
        KeyProblem.NOT_TO_ALLOW,
    ),
]


class Volume(Part):
    """A volume of the workload, kept across deploys and rollbacks; with `existing` one of Docker's, by its own name,
    which is neither made nor removed; or, with `host_path`, a directory of the host."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [alone("name", "host_path"), alone("host_path", "name", "existing")]}
    )

    name: VolumeName | None = None
    host_path: HostPath | None = None
    path: ContainerPath
    read_only: Flag = None
    existing: Flag = None

    @model_validator(mode="after")
    def _is_of_one_place(self) -> Volume:
        if (self.name is None) == (self.host_path is None):
            raise wrong(KeyProblem.ONE_VOLUME)
        if self.existing and self.host_path is not None:
            raise wrong(KeyProblem.CONFLICTS_WITH, other="existing")
        return self


def not_allowed(
    volumes: list[Volume], powers: dict[str, Any], allow: list[str]
) -> Iterator[tuple[PydanticCustomError, str]]:
    """Yield the refusal of each thing that reaches beyond the container and is not in `allow`, and what would permit
    it there. `powers`: each of POWERS with its value."""
    for key, value in powers.items():
        if value and key not in allow:
            yield wrong(KeyProblem.NOT_ALLOWED, key, name=key), key
    for at, volume in enumerate(volumes):
        if volume.host_path is None:
            continue
        if not any(PurePosixPath(volume.host_path).is_relative_to(one) for one in allow if one.startswith("/")):
            yield wrong(KeyProblem.HOST_PATH_NOT_ALLOWED, f"volumes.{at}.host_path"), volume.host_path
