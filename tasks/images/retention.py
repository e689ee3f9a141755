"""Which images of a host stay, decided. Pure: sees what is there and what is needed, answers steps.

A release that is kept to go back to puts a name of Backstay's own on its image, since `docker image prune` takes an
image that was pulled by digest and has no tag. Removed is only what Backstay brought, nothing needs, no container uses,
and nobody else gave a name to. See docs/decisions/0008-which-images-stay.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    """What can be done about an image."""

    NAME = "name"  # put a name on it
    UNNAME = "unname"  # take a name away; the image stays
    REMOVE = "remove"  # take all its names away, and so the image
    FORGET = "forget"  # it is gone, or somebody else's now


@dataclass(frozen=True)
class HostImage:
    """An image of the host with its names: `repository:tag`, and `repository@sha256:…` for what a registry gave.

    built_as: how its name began when an installation built it, by its labels; an image that somebody builds upon it
    inherits them, so they mean nothing without the name.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    built_as: str = ""


@dataclass(frozen=True)
class ImageStep:
    """One thing to do with one image; `names` are the names that it is about."""

    verb: Verb
    image_id: str
    names: tuple[str, ...] = ()


def prefix(installation: str) -> str:
    """How the names of an installation begin. The address is nobody's registry, so no pull ever asks for them."""
    return f"localhost/backstay-{installation}/"


def name_of(installation: str, workload: str, version: int, service: str = "") -> str:
    """The name that a release puts on its image, or on that of one of its services."""
    return f"{prefix(installation)}{workload}:v{version}" + (f"-{service[:100]}" if service else "")


def built_as(built_by: str, built_for: str) -> str:
    """How the names begin that a build of an installation for a workload gives; empty when one of both is not known."""
    return f"{prefix(built_by)}{built_for}:" if built_by and built_for else ""


def plan(
    there: Sequence[HostImage],
    wanted: Mapping[str, Collection[str]],
    brought: Collection[str],
    in_use: Collection[str],
    begins: str,
) -> list[ImageStep]:
    """The steps that make the images of a host what they should be.

    wanted: image id -> the names that releases put on it (none: an unfinished deploy needs it). brought: ids of what
    Backstay brought. in_use: ids of the images of all containers of the host, whoever's. begins: see `prefix`.
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
        # Taking the last name away would remove the image.
        if ours - names and (others or names):
            yield ImageStep(Verb.UNNAME, image.id, tuple(sorted(ours - names)))
    elif set(image.tags) - ours:
        if ours:
            yield ImageStep(Verb.UNNAME, image.id, tuple(sorted(ours)))
        yield ImageStep(Verb.FORGET, image.id)
    elif image.id not in in_use:
        yield ImageStep(Verb.REMOVE, image.id, (*sorted(ours), *sorted(image.digests)))


def _was_built_here(image: HostImage, begins: str) -> bool:
    # Known without a row as well: the engine may have died between the end of the build and its row.
    built = image.built_as
    return bool(built) and built.startswith(begins) and any(tag.startswith(built) for tag in image.tags)
