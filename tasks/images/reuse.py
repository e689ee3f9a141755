"""Images built here, for every kind that builds: an earlier release's image if it is kept, else a new one.

The pin says which: `image_from` is `kept` or `build`. Building the same source again gives another image id (layers
carry times), so the row that caused the build is pinned to the new id; the source of the build is the same.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from db import event_log, history, images, ledger, pins
from db.messages.events import Told, tell
from db.releases import ContainerPin
from db.serialize import pin_short
from tasks.context import now
from tasks.images.build import Order, build, labels_of
from tasks.images.build_context import pack
from tasks.images.build_log import BuildLog
from tasks.images.retention import name_of
from tasks.job import Job


@dataclass(frozen=True)
class Materials:
    """The input of a build: a directory, the Dockerfile in it, and label values (revision, source, version).

    args, target: of the Dockerfile. secrets: id of a secret mount -> value.
    """

    directory: Path
    dockerfile: str
    facts: dict[str, str] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    target: str = ""
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


Recipe = Callable[[BuildLog], AbstractContextManager[Materials]]


def provide(job: Job, recipe: Recipe) -> ContainerPin:
    """Return the pin with the host's image for it; `recipe` is used only when a build is needed. Raises Failure."""
    log = BuildLog(job.context, job.workload.name, job.deploy.workload_id, job.deploy.version)
    try:
        return _kept(job, log) or _built(job, recipe, log)
    finally:
        log.close()


def _kept(job: Job, log: BuildLog) -> ContainerPin | None:
    """Return the pin with the image of the release itself or of another one built from the same, if one is there."""
    pin = cast("ContainerPin", job.pinned)
    with job.context.database.reading() as session:
        same = [row for row in history.succeeded(session, job.deploy.workload_id) if history.same_pin(row.pin, pin)]
    own = job.deploy.rollback_of
    for row in sorted(same, key=lambda row: (row.version != own, -row.version)):
        image_id = pins.image_id(row.pin)
        if image_id and job.context.docker.images.inspect(image_id) is not None:
            log.say(f"Nothing was built: the image of version {row.version} is there, built from {pin_short(pin)}.")
            if not job.is_rollback:
                _tell(job, tell("built_before", version=job.deploy.version, source=pin_short(pin), of=row.version))
            return {**pin, "image_id": image_id, "image_from": "kept"}
    return None


def _built(job: Job, recipe: Recipe, log: BuildLog) -> ContainerPin:
    context = job.context
    pin: ContainerPin = {**cast("ContainerPin", job.pinned), "image_id": None}
    with context.database.writing() as session:
        # While the row has no image, no image counts as unneeded.
        ledger.record_pin(session, job.deploy.id, pin)
    context.settings.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    tag = name_of(context.installation, job.workload.name, job.deploy.version)
    with recipe(log) as materials, tempfile.TemporaryFile(dir=context.settings.work) as tar:
        # The current time on every file: web servers derive their ETag from it.
        pack(materials.directory, materials.dockerfile, tar, int(time.time()))
        labels = labels_of(context.installation, job.workload.name, now(), **materials.facts)
        how = (materials.args, materials.target, materials.secrets)
        order = Order(materials.dockerfile, tag, labels, *how)
        image_id = build(context, tar, order, log, job.check_cancelled, job.notes.append, job.deploy.version)
    _remember(job, image_id)
    if job.is_rollback:
        _tell(job, tell("built_again", version=job.deploy.version, source=pin_short(pin)))
    return {**pin, "image_id": image_id, "image_from": "build"}


def _remember(job: Job, image_id: str) -> None:
    with job.context.database.writing() as session:
        images.remember(session, job.deploy.host, image_id, now())


def _tell(job: Job, told: Told) -> None:
    with job.context.database.writing() as session:
        event_log.note(session, job.deploy.workload_id, told, now())
