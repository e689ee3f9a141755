"""The warnings about a compose file, as notes of a deploy: they come to the event log at its end, however it ends."""

from __future__ import annotations

from collections.abc import Callable

from db.messages.events import Told, tell
from tasks.compose import model
from tasks.compose.reading import warnings
from tasks.job import Job


def listener(job: Job) -> Callable[[bytes], None]:
    """Return what is to be handed the error output of `docker compose config`. The same warning is noted once."""
    return lambda output: _note(job, warnings.read(output))


def note_left_out(job: Job) -> None:
    """Note the variables that services ask for by name alone and that are not set: Docker Compose is silent there."""
    _note(job, warnings.Warned(unset=warnings.shortened(model.left_out(job.rendered or {}))))


def _note(job: Job, warned: warnings.Warned) -> None:
    version, found = job.deploy.version, list[Told]()
    if warned.unset:
        found.append(tell("compose_unset", version=version, names=warned.unset))
    if warned.keys:
        found.append(tell("compose_warned", version=version, keys=warned.keys))
    if warned.others:
        found.append(tell("compose_warned_more", version=version, count=warned.others))
    job.notes += [one for one in found if one not in job.notes]
