"""The last output of a container before its removal. Goes to the redacted log only, never to the ledger."""

from __future__ import annotations

from tasks.failures import Failure, attempt
from tasks.job import Job

LINES = 50


def log(job: Job, container_id: str, name: str) -> None:
    """Log the last lines of a container of this deploy; failing to read them is no failure."""
    found = attempt(lambda: job.context.docker.containers.log_tail(container_id, LINES), Failure)
    lines = [] if isinstance(found, Failure) else found
    job.context.log.info(
        "output of %s v%s before it was removed",
        name,
        job.deploy.version,
        extra={"output": "\n".join(lines), "readable": not isinstance(found, Failure)},
    )
