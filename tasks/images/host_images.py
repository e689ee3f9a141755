"""The images of this Docker host: observing them, and applying the steps of tasks.images.retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from db import images
from tasks.context import Context
from tasks.docker.client import DockerEngine
from tasks.images.build import BUILT_BY, BUILT_FOR
from tasks.images.retention import HostImage, ImageStep, Verb, built_as, name_of, plan, prefix


@dataclass(frozen=True)
class Seen:
    """One observation of host and ledger. `undecided`: a deploy under way may yet need what nothing else needs."""

    there: list[HostImage]
    wanted: dict[str, set[str]]
    brought: dict[str, datetime]
    in_use: set[str]
    undecided: bool


def arrange(context: Context) -> list[ImageStep]:
    """Name the images to keep, remove those that nothing needs any more; return the steps taken. Raises Failure.

    Makes two calls of the Engine when there is nothing to do.
    """
    seen = look(context)
    return apply(context, steps(context, seen), seen.brought)


def look(context: Context) -> Seen:
    """Gather. The brought images are read before Docker, so that none pulled meanwhile counts as gone; the needed ones
    are read after it, so that a deploy that began in between is counted."""
    host = context.settings.host_name
    with context.database.reading() as session:
        brought = images.brought(session, host)
    there, used = on_host(context.docker), in_use(context.docker)
    with context.database.reading() as session:
        releases = images.wanted(session, host, context.settings.keep_images)
        undecided = images.undecided(session, host)
    wanted = {key: {name_of(context.installation, *one) for one in found} for key, found in releases.items()}
    return Seen(there, wanted, brought, used, undecided)


def steps(context: Context, seen: Seen) -> list[ImageStep]:
    """Decide. Nothing is removed while a deploy under way has not recorded yet which image it needs."""
    found = plan(seen.there, seen.wanted, seen.brought, seen.in_use, prefix(context.installation))
    return [step for step in found if not seen.undecided or step.verb is not Verb.REMOVE]


def apply(context: Context, found: list[ImageStep], brought: Mapping[str, datetime]) -> list[ImageStep]:
    """Apply; return the steps really done. A step that is no longer right is skipped."""
    return [step for step in found if _do(context, step, brought)]


def on_host(docker: DockerEngine) -> list[HostImage]:
    """Return all images, without the intermediate layers."""
    return [
        HostImage(one.id, one.tags, one.digests, built_as(one.labels.get(BUILT_BY, ""), one.labels.get(BUILT_FOR, "")))
        for one in docker.images.list_all()
    ]


def of_others(context: Context) -> set[str]:
    """Return the ids of the host's images that Backstay did not bring.

    The ledger is read first: an image of ours that is removed during the check is known as ours, and one that a pull
    begun now brings back will be recorded again.
    """
    with context.database.reading() as session:
        ours = images.brought(session, context.settings.host_name)
    return {image.id for image in on_host(context.docker)} - ours.keys()


def in_use(docker: DockerEngine) -> set[str]:
    """Return the ids of the images of all containers, running or not, whatever their owner."""
    return {one.image_id for one in docker.containers.list_all()}


def _do(context: Context, step: ImageStep, brought: Mapping[str, datetime]) -> bool:
    match step.verb:
        case Verb.NAME:
            context.docker.images.name(step.image_id, step.names[0])
            return True
        case Verb.UNNAME:
            for name in step.names:
                context.docker.images.remove(name)
            return True
        case Verb.FORGET:
            return _forget(context, step, brought)
        case Verb.REMOVE:
            return _remove(context, step, brought)


def _remove(context: Context, step: ImageStep, brought: Mapping[str, datetime]) -> bool:
    host = context.settings.host_name
    with context.database.reading() as session:
        needed = images.wanted(session, host, context.settings.keep_images)
        if step.image_id in needed or images.undecided(session, host):
            return False
    # Name by name, never by force: Docker keeps an image that a new container uses.
    for name in step.names or (step.image_id,):
        context.docker.images.remove(name)
    if context.docker.images.inspect(step.image_id) is not None:
        return False
    context.log.info("an image was removed", extra={"image": step.image_id, "names": list(step.names)})
    return _forget(context, step, brought)


def _forget(context: Context, step: ImageStep, brought: Mapping[str, datetime]) -> bool:
    if step.image_id not in brought:  # built here, and never recorded
        return True
    with context.database.writing() as session:
        images.forget(session, context.settings.host_name, {step.image_id: brought[step.image_id]})
    return True
