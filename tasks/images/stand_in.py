"""Whether the host's image of a tag may be deployed when the registry did not serve it. Pure.

An image that came from a registry may be an old one: it never stands in. One that was built or loaded here does, where
there is no registry to ask behind its name. See docs/decisions/0022-when-the-hosts-image-stands-in.md.
"""

from __future__ import annotations

from db.states import ErrorCode
from tasks.docker.records import ImageRecord
from tasks.docker.registry_errors import NOT_CONNECTED
from tasks.failures import Failure
from tasks.image_reference import DOCKER_HUB, Reference, digest_of

# The host of names that are for no registry: Docker asks port 80 of its own machine, where none is.
NO_REGISTRY = "localhost"
_NO_SUCH_IMAGE = frozenset({ErrorCode.AUTH_REQUIRED, ErrorCode.REFERENCE_NOT_FOUND})


def stands_in(reference: Reference, refused: Failure, local: ImageRecord, *, logged_in: bool) -> bool:
    """Return whether `local` may be used instead of what the registry refused. `logged_in`: credentials were sent."""
    origin = _came_from_registry(reference, local)
    if refused.kind == NOT_CONNECTED:
        return origin is False or (origin is None and reference.host == NO_REGISTRY)
    # Docker Hub is asked for every name without a registry, and denies what it does not have.
    nowhere = _names_no_registry(reference) and not logged_in and refused.code in _NO_SUCH_IMAGE
    return nowhere and origin is not True


def _came_from_registry(reference: Reference, local: ImageRecord) -> bool | None:
    """Return whether the image was pulled from or pushed to its repository; None where the Engine does not tell.

    With containerd's image store every image has a digest, which is its id.
    """
    digest = digest_of(local.repo_digests, reference.repository)
    if digest is None:
        return False
    return None if digest == local.id else True


def _names_no_registry(reference: Reference) -> bool:
    return reference.host == DOCKER_HUB and not reference.repository.startswith(f"{DOCKER_HUB}/")
