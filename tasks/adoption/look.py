"""Reading a container that others started: what `backstay adopt` needs to know of it. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from db.messages.refusals import RefusalCode
from db.releases import ImagePin, Pin
from tasks.adoption.container import Mapped, image_of, map_container
from tasks.adoption.inspected import Inspected, Raw
from tasks.adoption.notes import lost_keys
from tasks.compose.policy import DOCKER_SOCKETS
from tasks.context import Context
from tasks.image_reference import digest_of, image_pin, parse_reference
from tasks.labels import INSTALLATION, MAIN_SERVICE
from tasks.rollout.mounts import may_mount


class CannotAdopt(Exception):  # noqa: N818 - it names what happened
    """Something that cannot be adopted, with the code to refuse it with."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Adoptable:
    """What is to be adopted. `containers`: (id, service, name) of each; `pin`: what runs."""

    mapped: Mapped
    kind: str
    pin: Pin
    containers: list[tuple[str, str, str]]

    @property
    def name(self) -> str:
        """The name of the workload."""
        return str(self.mapped.spec["name"])


def container(context: Context, reference: str, name: str = "") -> Adoptable:
    """Read a running container, by its name or id. Raises CannotAdopt, Failure."""
    raw = context.docker.containers.describe(reference)
    if raw is None:
        raise CannotAdopt(RefusalCode.NO_SUCH_CONTAINER)
    found = inspected(context, raw)
    if not raw["State"].get("Running") or raw["State"].get("Paused"):
        raise CannotAdopt(RefusalCode.NOT_RUNNING)
    if not image_of(found):
        raise CannotAdopt(RefusalCode.IMAGE_WITHOUT_NAME)
    mapped = map_container(found, name, lambda path: is_mountable(context, path))
    pin = pin_of(found)
    pin["not_carried"] = lost_keys(mapped.notes)
    return Adoptable(mapped, "image", pin, [(str(raw["Id"]), MAIN_SERVICE, found.name)])


def inspected(context: Context, raw: Raw) -> Inspected:
    """Return a container with its image. Raises CannotAdopt when it is Backstay's."""
    if INSTALLATION in (raw["Config"].get("Labels") or {}):
        raise CannotAdopt(RefusalCode.ALREADY_MANAGED)
    # The image of a container may have been removed by force: then nothing is inherited from it.
    return Inspected(raw, context.docker.images.describe(str(raw["Image"])) or {"Config": {}})


def pin_of(found: Inspected) -> ImagePin:
    """Return the pin of the image that a container runs: by its digest, if it is from a registry, and by its id."""
    image = image_of(found)
    reference = parse_reference(image)
    repository = reference.repository if reference else image
    digest = digest_of(list(found.image.get("RepoDigests") or []), repository)
    return image_pin(image, repository, digest, str(found.raw["Image"]))


def is_mountable(context: Context, path: str) -> bool:
    """Return whether a spec that allows a directory of the host may mount it."""
    address = context.settings.engine_address
    sockets = {*DOCKER_SOCKETS, *([address.removeprefix("unix://")] if address.startswith("unix://") else [])}
    return may_mount(path, [path], sockets, [str(context.settings.home)])
