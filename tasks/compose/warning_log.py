"""The warnings about a compose file, as notes of a deploy: they come to the event log at its end, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from db.messages.events import Told, tell
from tasks.compose import cli, model, warnings
from tasks.compose.opened_files import EnvFile
from tasks.failures import Failure
from tasks.job import Job


def listener(job: Job) -> Callable[[bytes], None]:
    """Return what is to be handed the error output of `docker compose config`. The same warning is noted once."""
    return lambda output: _note(job, warnings.read(output))


def note_left_out(job: Job) -> None:
    """Note the variables that services ask for by name alone and that are not set: Docker Compose is silent there."""
    _note(job, warnings.Warned(unset=warnings.shortened(model.left_out(job.rendered or {}))))


def note_why_unread(job: Job, failure: Failure, missing: Sequence[EnvFile]) -> None:
    """Note what is known of why Docker Compose did not read the file. `missing`: files that it looked for."""
    if failure.kind == cli.TOO_LARGE:
        most, mega = cli.CONFIG_LIMITS, 1_000_000
        memory, output = most.data_bytes // mega, most.output_bytes // mega
        job.notes.append(tell("compose_too_large", megabytes=memory, seconds=most.cpu_s, output=output))
    elif missing and failure.kind == cli.REFUSED:
        keys, paths = (list(dict.fromkeys(getattr(one, what) for one in missing)) for what in ("key", "path"))
        told = tell("compose_env_missing", keys=warnings.shortened(keys), paths=warnings.shortened(paths))
        job.notes.append(told)


def _note(job: Job, warned: warnings.Warned) -> None:
    version, found = job.deploy.version, list[Told]()
    if warned.unset:
        found.append(tell("compose_unset", version=version, names=warned.unset))
    if warned.keys:
        found.append(tell("compose_warned", version=version, keys=warned.keys))
    if warned.others:
        found.append(tell("compose_warned_more", version=version, count=warned.others))
    job.notes += [one for one in found if one not in job.notes]
