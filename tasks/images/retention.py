"""Which images of a host to keep: a decision. Pure: takes what exists and what is needed, returns steps.

A release kept for rollback puts a name of Backstay's own on its image, since `docker image prune` removes an image that
was pulled by digest and has no tag. An image is removed only if Backstay brought it, nothing needs it, no container
uses it, and no one else named it. See docs/decisions/0008-which-images-stay.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """The possible actions on an image."""

    NAME = "name"  # add a name
    UNNAME = "unname"  # remove a name; the image stays
    REMOVE = "remove"  # remove all its names, and so the image
    FORGET = "forget"  # drop its row: it is gone, or now belongs to someone else


@dataclass(frozen=True)
class HostImage:
    """An image of the host with its names: `repository:tag`, and `repository@sha256:…` for one from a registry.

    built_as: the prefix of its name when an installation built it, by its labels; an image built on top of it inherits
    them, so they mean nothing without the name.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    built_as: str = ""


@dataclass(frozen=True)
class ImageStep:
    """One action on one image; `names` are the names concerned."""

    verb: Verb
    image_id: str
    names: tuple[str, ...] = ()


def prefix(installation: str) -> str:
    """Return the prefix of an installation's names. The address is no one's registry, so no pull ever queries it."""
    return f"localhost/backstay-{installation}/"


def name_of(installation: str, workload: str, version: int, service: str = "") -> str:
    """Return the name that a release puts on its image, or on that of one of its services."""
    return f"{prefix(installation)}{workload}:v{version}" + (f"-{service[:100]}" if service else "")


def built_as(built_by: str, built_for: str) -> str:
    """Return the prefix of the names that an installation's builds for a workload give; empty when one is unknown."""
    return f"{prefix(built_by)}{built_for}:" if built_by and built_for else ""


def plan(
    there: Sequence[HostImage],
    wanted: Mapping[str, Collection[str]],
    brought: Collection[str],
    in_use: Collection[str],
    begins: str,
) -> list[ImageStep]:
    """Return the steps that bring the images of a host into the desired state.

    wanted: image id -> the names that releases put on it (none: an unfinished deploy needs it). brought: ids of what
    Backstay brought. in_use: ids of the images of all containers of the host, ours or not. begins: see `prefix`.
    """
    steps = [step for image in there for step in _of_one(image, wanted, brought, in_use, begins)]
    gone = set(brought) - {image.id for image in there}
    return steps + [ImageStep(Verb.FORGET, image_id) for image_id in sorted(gone)]


def _of_one(
    image: HostImage,
    wanted: Mapping[str, Collection[str]],
    brought: Collection[str],
    in_use: Collection[str],
    begins: str,
) -> Iterator[ImageStep]:
    ours = {tag for tag in image.tags if tag.startswith(begins)}
    names = set(wanted.get(image.id, ()))
    others = (set(image.tags) - ours) | set(image.digests)
    yield from (ImageStep(Verb.NAME, image.id, (name,)) for name in sorted(names - ours))
    if image.id in wanted or not (image.id in brought or _was_built_here(image, begins)):
        # Removing the last name would remove the image.
        if ours - names and (others or names):
            yield ImageStep(Verb.UNNAME, image.id, tuple(sorted(ours - names)))
    elif set(image.tags) - ours:
        if ours:
            yield ImageStep(Verb.UNNAME, image.id, tuple(sorted(ours)))
        yield ImageStep(Verb.FORGET, image.id)
    elif image.id not in in_use:
        yield ImageStep(Verb.REMOVE, image.id, (*sorted(ours), *sorted(image.digests)))


def _was_built_here(image: HostImage, begins: str) -> bool:
    # Recognized without a row as well: the engine may have died between the end of the build and its row.
    built = image.built_as
    return bool(built) and built.startswith(begins) and any(tag.startswith(built) for tag in image.tags)
