"""The image kind: a tag is resolved to a digest, and the digest is what is pulled.

An image that no registry has but the host does is pinned by its image id, which is as exact; tasks.images.stand_in
decides when that may be.
"""

from __future__ import annotations

from typing import Any, cast

from db import event_log, images
from db.messages.events import tell
from db.releases import ImagePin, RegistryImage
from db.states import ErrorCode
from tasks.context import now
from tasks.docker.records import ImageRecord
from tasks.failures import Failure, attempt
from tasks.image_reference import Reference, digest_of, image_pin, parse_reference
from tasks.images import host_images
from tasks.images.stand_in import stands_in
from tasks.job import Job
from tasks.rollout import single
from tasks.rollout.protocol import Rollout
from tasks.sources.image import IF_MISSING


class ImageKind:
    """See tasks.kinds.SourceKind."""

    name = "image"
    takes: str | None = "image"
    rollout: Rollout = single

    def requested(self, source: dict[str, Any]) -> str:
        """Return the reference as it was written."""
        return str(source["image"])

    def pin(self, job: Job) -> ImagePin:
        """Return {"kind", "image", "repository", "digest", "image_id"}; only a local image's id is known yet."""
        source = job.release["source"]
        return resolve(job, self.requested(source), from_host=source.get("pull") == IF_MISSING)

    def prepare(self, job: Job) -> ImagePin:
        """Pull by digest unless that exact image is there. A pin's image id is checked, else filled in."""
        pin = cast("ImagePin", job.pinned)
        return {**pin, "image_id": provide(job, pin)}

    def is_unchanged(self, job: Job) -> bool:
        """Return False: a person may deploy the same image again for a fresh start."""
        return False


def resolve(job: Job, image: str, *, from_host: bool) -> ImagePin:
    """Return the pin of an image reference, as ImageKind.pin does. `from_host`: no registry is asked for an image of
    that name that the host has. Raises Failure."""
    reference = parse_reference(image)
    if reference is None:
        raise Failure(ErrorCode.INVALID_SOURCE, "reference")
    if reference.digest is not None:
        return image_pin(image, reference.repository, reference.digest, None)
    local = job.context.docker.images.inspect(reference.tagged) if from_host else None
    if local is not None:
        job.notes.append(tell("host_image_kept", image=reference.tagged))
    else:
        credentials = job.context.credentials_for(reference.host)
        asked = attempt(lambda: job.context.docker.images.registry_digest(reference.tagged, credentials), Failure)
        if not isinstance(asked, Failure):
            return image_pin(image, reference.repository, asked, None)
        local = _local_instead(job, reference, Failure(asked.code, asked.kind), logged_in=credentials is not None)
    return image_pin(image, reference.repository, digest_of(local.repo_digests, reference.repository), local.id)


def provide(job: Job, pin: RegistryImage) -> str:
    """Bring the image of a pin onto the host unless that exact image is there; return its image id.

    Raises Failure: pin_unavailable, pin_mismatch, and a registry's errors.
    """
    present = _present(job, pin)
    if present is None:
        present = _bring(job, pin)
    if present is None:
        raise Failure(ErrorCode.PIN_UNAVAILABLE, "absent")
    if pin["image_id"] not in {None, present.id}:
        raise Failure(ErrorCode.PIN_MISMATCH, "image", verified=False)
    return present.id


def _local_instead(job: Job, reference: Reference, refused: Failure, *, logged_in: bool) -> ImageRecord:
    """Return the host's own image of that tag where it may stand in. Raises the registry's refusal otherwise."""
    if refused.code in {ErrorCode.ENGINE_UNREACHABLE, ErrorCode.INVALID_SOURCE}:
        raise refused
    local = job.context.docker.images.inspect(reference.tagged)
    if local is not None and stands_in(reference, refused, local, logged_in=logged_in):
        job.notes.append(tell("registry_silent", image=reference.tagged))
        return local
    if local is not None:
        with job.context.database.writing() as session:
            told = tell("host_image_refused", image=reference.tagged)
            event_log.note(session, job.deploy.workload_id, told, now(), level="error")
    raise refused


def _present(job: Job, pin: RegistryImage) -> ImageRecord | None:
    if pin["image_id"] is not None:
        return job.context.docker.images.inspect(pin["image_id"])
    return job.context.docker.images.inspect(f"{pin['repository']}@{pin['digest']}")


def _bring(job: Job, pin: RegistryImage) -> ImageRecord | None:
    """Pull, and record that Backstay did, unless the host already had the image under another name."""
    others = host_images.of_others(job.context)
    _pull(job, pin)
    present = _present(job, pin)
    if present is not None and present.id not in others:
        with job.context.database.writing() as session:
            images.remember(session, job.deploy.host, present.id, now(), pin["repository"], pin["digest"])
    return present


def _pull(job: Job, pin: RegistryImage) -> None:
    repository, digest = pin["repository"], pin["digest"]
    if repository is None or digest is None:
        raise Failure(ErrorCode.PIN_UNAVAILABLE, "local")
    reference = parse_reference(repository)
    credentials = job.context.credentials_for(reference.host) if reference else None
    images, look = job.context.docker.images, job.raise_if_cancelled
    refused = attempt(lambda: images.pull(repository, digest, credentials, look), Failure)
    if refused is not None:
        # For a pin that was valid once, "not found" means that it is gone.
        gone = job.is_rollback and refused.code is ErrorCode.REFERENCE_NOT_FOUND
        raise Failure(ErrorCode.PIN_UNAVAILABLE if gone else refused.code, refused.kind)
