"""The images that Backstay brought to each Docker host, and those its releases still need. Knows no Docker.

An image that was on the host before is never recorded here, and so never removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import history, pins, workloads
from db.models import Image


def remember(
    session: Session, host: str, image_id: str, now: datetime, repository: str | None = None, digest: str | None = None
) -> None:
    """Record that Backstay pulled or built an image. A second time only renews the moment: see `forget`."""
    if session.get(Image, (host, image_id)) is None:
        # Two deploys may bring the same image at once: one row is enough.
        with suppress(IntegrityError), session.begin_nested():
            session.add(Image(host=host, image_id=image_id, repository=repository, digest=digest, brought_at=now))
            return
    session.execute(update(Image).where(Image.host == host, Image.image_id == image_id).values(brought_at=now))


def brought(session: Session, host: str) -> dict[str, datetime]:
    """Return the images that Backstay brought to a host and that are not known to be gone: image id -> when."""
    return {row.image_id: row.brought_at for row in session.scalars(select(Image).where(Image.host == host))}


def forget(session: Session, host: str, seen: Mapping[str, datetime]) -> None:
    """Forget images that are gone or no longer ours, given as `brought` returned them. One brought again since then
    stays."""
    for image_id, brought_at in seen.items():
        session.execute(
            delete(Image).where(Image.host == host, Image.image_id == image_id, Image.brought_at == brought_at)
        )


def wanted(session: Session, host: str, keep_images: int) -> dict[str, set[tuple[str, int, str]]]:
    """Return image id -> the (workload, version, service) of the releases on this host that a rollback may restore.
    The service is empty where a release is one image; of several that share an image it is the first.

    An image that only an unfinished deploy needs has an empty set: it must stay, but no rollback can use it yet.
    """
    found: dict[str, set[tuple[str, int, str]]] = {}
    for workload in workloads.every(session, host):
        for row in history.kept_to_go_back_to(session, workload.id, keep_images):
            for image_id, service in pins.services_of(row.pin).items():
                found.setdefault(image_id, set()).add((workload.name, row.version, service))
    for row in history.unfinished(session, host):
        for image in pins.images(row.pin):
            if image.image_id is not None:
                found.setdefault(image.image_id, set())
    return found


def undecided(session: Session, host: str) -> bool:
    """Return whether an unfinished deploy may still turn out to need an image that no other release needs."""
    return any(_is_open(row.pin) for row in history.unfinished(session, host))


def _is_open(pin: object) -> bool:
    found = list(pins.images(pin))
    return not found or any(image.image_id is None for image in found)
