"""Totals that only grow, of figures that outlast the rows. Exported at /metrics.

name             label                                    what is added
deploys          the final status                         1
deploy_ms        ""                                       the duration, of deploys that began
deploy_bucket    the bound of BUCKETS_S, or "+Inf"        1, in the one bucket that the duration falls into
exits            tasks.events.classify.Cause              1
restarts         tasks.events.classify.Cause              1
ooms             ""                                       1
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.models import Deploy, Tally

BUCKETS_S = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)
BOUNDS = (*(str(bound) for bound in BUCKETS_S), "+Inf")


def add(session: Session, workload_id: int, name: str, label: str = "", by: int = 1) -> None:
    """Add to a total; a new one starts at 0."""
    grown = (
        update(Tally)
        .where(Tally.workload_id == workload_id, Tally.name == name, Tally.label == label)
        .values(total=Tally.total + by)
        .returning(Tally.total)
    )
    while session.execute(grown).first() is None:
        # Two transactions may insert it at once; then the second adds to the first one's.
        with suppress(IntegrityError), session.begin_nested():
            session.add(Tally(workload_id=workload_id, name=name, label=label, total=0))


def count_deploy(session: Session, deploy: Deploy) -> None:
    """Count a deploy that has ended."""
    add(session, deploy.workload_id, "deploys", deploy.status)
    if deploy.started_at is None or deploy.finished_at is None:
        return
    seconds = (deploy.finished_at - deploy.started_at).total_seconds()
    add(session, deploy.workload_id, "deploy_ms", by=round(seconds * 1000))
    add(session, deploy.workload_id, "deploy_bucket", bucket(seconds))


def bucket(seconds: float) -> str:
    """Return the bound of the bucket that contains a duration. Pure."""
    return next((str(bound) for bound in BUCKETS_S if seconds <= bound), "+Inf")


def list_all(session: Session) -> dict[tuple[int, str, str], int]:
    """Return all totals, by (workload id, name, label)."""
    return {(row.workload_id, row.name, row.label): row.total for row in session.scalars(select(Tally))}
