"""The evidence for the impact of a deploy: samples and events of the version and of the one before it.

The verdict on them is decided in tasks.impact. Only reads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from db import history
from db.metrics import container_events, impacts
from db.models import Deploy
from tasks.events.classify import OF_ITSELF, Cause, Kind
from tasks.impact import verdict
from tasks.impact.series import by_service, summed
from tasks.impact.verdict import LEAK_WINDOW_S, SETTLED_AFTER_S, WARM_UP_S, WINDOW_S, Counts, SinceWarm, Window


def assess(session: Session, deploy: Deploy, now: datetime) -> dict[str, Any] | None:
    """Return the verdict on a version that went live, from the data so far: tasks.impact.assess. None for other rows.

    A finished comparison is kept, since its samples are pruned; only the leak is checked again.
    """
    if deploy.finished_at is None or deploy.status != "succeeded":
        return None
    until = _end(session, deploy, now)
    since_warm = _since_warm(session, deploy, until)
    if deploy.impact is not None:
        return verdict.with_leak(deploy.impact, since_warm)
    return verdict.assess(_before(session, deploy), _after(session, deploy, until), since_warm)


def _end(session: Session, deploy: Deploy, now: datetime) -> datetime:
    """Return the time until which the version ran alone: the start of the next one's deploy, or now."""
    successor = impacts.replaced_by(session, deploy)
    return now if successor is None or successor.started_at is None else min(now, successor.started_at)


def _before(session: Session, deploy: Deploy) -> Window | None:
    if deploy.replaced is None or deploy.started_at is None:
        return None
    old = history.find(session, deploy.workload_id, deploy.replaced)
    if old is None or old.finished_at is None:
        return None
    until = deploy.started_at
    since = max(until - timedelta(seconds=WINDOW_S), old.finished_at + timedelta(seconds=WARM_UP_S))
    counted = max(until - timedelta(seconds=SETTLED_AFTER_S), old.finished_at)
    return _window(session, old, since, until, counted)


def _after(session: Session, deploy: Deploy, end: datetime) -> Window:
    assert deploy.finished_at is not None  # noqa: S101 - see assess
    since = deploy.finished_at + timedelta(seconds=WARM_UP_S)
    until = min(end, deploy.finished_at + timedelta(seconds=SETTLED_AFTER_S))
    return _window(session, deploy, since, until, counted=deploy.finished_at)


def _window(session: Session, deploy: Deploy, since: datetime, until: datetime, counted: datetime) -> Window:
    first, last = _seconds(since), _seconds(until)
    rows = impacts.samples_of(session, deploy, first, last)
    happened = container_events.count(session, deploy.workload_id, deploy.version, counted, until)
    services = impacts.services_of(session, deploy)
    return Window(deploy.version, min(first, last), last, summed(rows), counts(happened), by_service(rows, services))


def counts(happened: dict[str, int]) -> Counts:
    """Return restarts, crashes and out-of-memory kills, from numbers by "kind:cause". Pure."""
    natural = [Cause(one) for one in (*OF_ITSELF, Cause.DOCKER)]
    return Counts(
        restarts=sum(happened.get(f"{Kind.RESTART}:{cause}", 0) for cause in natural),
        crashes=happened.get(f"{Kind.EXIT}:{Cause.CRASH}", 0),
        oom_kills=happened.get(f"{Kind.OOM}:{Cause.OOM}", 0),
    )


def _since_warm(session: Session, deploy: Deploy, until: datetime) -> SinceWarm:
    """Return the samples since the version last started and warmed up, at most a day's."""
    assert deploy.finished_at is not None  # noqa: S101 - see assess
    since = max(deploy.finished_at, until - timedelta(seconds=LEAK_WINDOW_S))
    starts = [
        one.ts
        for one in container_events.between(session, deploy.workload_id, since, until)
        if one.kind == Kind.RESTART and one.deploy_version == deploy.version
    ]
    warm = max([deploy.finished_at, *starts]) + timedelta(seconds=WARM_UP_S)
    first, last = _seconds(max(since, warm)), _seconds(until)
    rows = impacts.samples_of(session, deploy, first, last)
    return SinceWarm(summed(rows), by_service(rows, impacts.services_of(session, deploy)))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
