"""The adoption of containers that others started: what runs is compared with the pin, and nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from db import adopted, pins
from db.messages.events import Told, tell
from db.models import Deploy
from db.states import ErrorCode
from tasks.containers import converge
from tasks.failures import Failure
from tasks.job import Job
from tasks.rollout.protocol import Rollout


def verify(job: Job, rollout: Rollout) -> None:
    """Compare the containers of the row with its pin. Raises Failure(pin_mismatch) when one has been replaced or has
    stopped since they were read."""
    with job.context.database.reading() as session:
        row = session.get_one(Deploy, job.deploy.id)  # with its pin as it is by now
        tied = adopted.of_row(session, row)
    records = converge.inspect_adopted(job.context, tied)
    if not tied or not rollout.runs_as_pinned(row, records):
        raise Failure(ErrorCode.PIN_MISMATCH, "adopted", verified=False)


def lines(session: Session, row: Deploy) -> Iterator[tuple[str, Told]]:
    """Yield the lines of the event log after an adoption, each with its level."""
    yield "info", tell("adopted", version=row.version, containers=[one.name for one in adopted.of_row(session, row)])
    if keys := pins.not_carried(row.pin):
        yield "warning", tell("adopted_differs", version=row.version, keys=keys)


def index(job: Job) -> None:
    """Add the containers to the index, so that they are sampled. Raises Failure, LedgerUnavailable."""
    converge.refresh_index(job.context, job.workload, converge.observe(job.context, job.workload.name))
