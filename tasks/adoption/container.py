"""A running container as the spec of a workload, and what of it a spec cannot say. Pure.

Takes what `docker inspect` prints of the container and of its image; see tasks.adoption.inspect for the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tasks.adoption import limits, places, process
from tasks.adoption.inspected import Inspected, remaining
from tasks.adoption.notes import Note, Notes
from tasks.adoption.platforms import name_from, platform_of, swarm_service
from tasks.image_reference import parse_reference

_HOW = "the container of the first deploy does not have it"


@dataclass(frozen=True)
class Mapped:
    """A spec without its secrets, these, and the notes. Only the secrets hold values that nobody may see."""

    spec: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)
    notes: list[Note]

    @property
    def complete(self) -> dict[str, Any]:
        """The spec as `flows.workloads.lifecycle.checked` takes it."""
        return self.spec | ({"secrets": self.secrets} if self.secrets else {})


def map_container(found: Inspected, name: str, may_mount: Callable[[str], bool]) -> Mapped:
    """Return the spec of a container. `may_mount`: whether a directory may be mounted once it is allowed."""
    notes = Notes()
    spec: dict[str, Any] = {"name": name or name_from(found.labels, found.name)}
    spec["source"] = _source(found, notes)
    secrets: dict[str, str] = {}
    process.take(found, spec, secrets, notes)
    places.take(found, spec, notes, may_mount)
    limits.take(found, spec, notes)
    for key in remaining(found, limits.HOST | places.HOST | process.HOST, process.CONFIG):
        notes.lost(key, _HOW)
    tell_of_the_tool(found, notes)
    return Mapped(spec, secrets, notes.all)


def image_of(found: Inspected) -> str:
    """Return a reference that names the image: as the container was started, else a name that the image has; empty
    when it has none."""
    written = str(found.config.get("Image") or "")
    candidates = [written.partition("@")[0] if _is_tagged(written) else written]
    candidates += [*(found.image.get("RepoTags") or []), *(found.image.get("RepoDigests") or [])]
    return next((one for one in candidates if parse_reference(one) and not _is_no_name(one, found)), "")


def _source(found: Inspected, notes: Notes) -> dict[str, Any]:
    source: dict[str, Any] = {"kind": "image", "image": image_of(found)}
    if not found.image.get("RepoDigests"):
        source["pull"] = "if_missing"  # it was built or loaded here, and no registry has it under this name
    notes.mapped("Config.Image", "source.image")
    return source


def _is_tagged(reference: str) -> bool:
    parsed = parse_reference(reference)
    return parsed is not None and parsed.tag is not None


def _is_no_name(reference: str, found: Inspected) -> bool:
    """Return whether it is the beginning of the image's id, which is a reference by its grammar, or a name by which
    an installation of Backstay keeps an image for another app."""
    number, written = (one.removeprefix("sha256:") for one in (str(found.raw["Image"]), reference))
    is_id = len(written) >= 12 and number.startswith(written)
    return is_id or reference.startswith("localhost/backstay-")


def tell_of_the_tool(found: Inspected, notes: Notes, *, in_project: bool = False) -> None:
    """Note what the tool that started a container may still do to it."""
    platform, service = platform_of(found.labels), swarm_service(found.labels)
    if platform is not None:
        notes.dropped(f"managed by {platform.name}", platform.warning)
    if service:
        notes.lost(
            f"Swarm service {service}",
            "Swarm starts another container when this one stops: scale the service to 0 right before the first deploy; "
            "ports that it publishes are none of the container's",
        )
    if not in_project and (project := found.labels.get("com.docker.compose.project")):
        notes.dropped(
            f"Compose project {project}", "`docker compose` still knows the container; --compose takes it all"
        )
