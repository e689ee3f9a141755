"""One look at the containers of a live version: whether it runs as pinned, whether it is well, both stored.

Gather, decide (tasks.containers.health_status), apply. A look that finds nothing new writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db import event_log, history, ledger
from db.health import status
from db.health.codes import WINDOW_S, Judgement, StatusReason, WorkloadStatus
from db.messages.events import tell
from db.metrics import container_events, containers
from db.models import ContainerEvent, Deploy, Workload
from db.states import UNFINISHED
from tasks.containers import converge
from tasks.containers.health_status import End, Facts, is_changing, judge
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord
from tasks.events.classify import OF_ITSELF, Cause
from tasks.failures import Failure, attempt
from tasks.kinds import kind_of

WINDOW = timedelta(seconds=WINDOW_S)
_REASONS: dict[str, StatusReason] = {
    Cause.CRASH: StatusReason.CRASHED,
    Cause.OOM: StatusReason.OUT_OF_MEMORY,
    Cause.FINISHED: StatusReason.FINISHED,
    Cause.BY_HAND: StatusReason.STOPPED_BY_HAND,
    # During a deploy a person's stop cannot be told from its own, and what a deploy stopped reconcile starts again.
    Cause.DEPLOY: StatusReason.STOPPED_BY_HAND,
}


@dataclass(frozen=True)
class Look:
    """What a look came to. `facts`: None when Docker did not answer."""

    live: Deploy
    judgement: Judgement
    facts: Facts | None = None


def nobody_fails(_docker_id: str) -> bool:
    """Return False: nobody probes."""
    return False


def look(
    context: Context, workload: Workload, is_failing: Callable[[str], bool] = nobody_fails, *, is_away: bool = False
) -> Look | None:
    """Look at a workload once and store what has changed; None when it has no live version, or is being deployed.

    `is_failing` says of a container whether it fails the check of its spec. `is_away`: Docker has just not answered, so
    it is not asked. To be called with the lock of the workload. Raises LedgerUnavailable.
    """
    with context.database.reading() as session:
        live, newest = history.live(session, workload.id), history.latest(session, workload.id)
    if live is None or newest is None or newest.status in UNFINISHED:
        return None
    records = None if is_away else attempt(lambda: converge.observe(context, workload.name), Failure)
    if records is None or isinstance(records, Failure):
        judgement = Judgement(WorkloadStatus.UNKNOWN, StatusReason.DOCKER_AWAY)
        _store(context, workload, live, judgement)
        return Look(live, judgement)
    facts = _facts(context, workload, live, records, is_failing)
    _refresh_index(context, workload, records)
    if not is_changing(facts):
        _verify(context, live, facts.as_pinned)
    judgement = judge(facts)
    _store(context, workload, live, judgement)
    return Look(live, judgement, facts)


def _facts(
    context: Context,
    workload: Workload,
    live: Deploy,
    records: Sequence[ContainerRecord],
    is_failing: Callable[[str], bool],
) -> Facts:
    rollout = kind_of(workload).rollout
    parts, moment = rollout.parts(live, records), now()
    with context.database.reading() as session:
        since = max(moment - WINDOW, live.finished_at or moment)
        ended = container_events.exits_since(session, workload.id, live.version, since, sorted(OF_ITSELF))
        last = _last_ends(session, [one for one in records if not one.serves])
    done = {one.id for part in parts if part.may_end for one in part.containers}
    unasked = [one for one in ended if not (one.docker_id in done and one.cause == Cause.FINISHED)]
    recent = [end for one in unasked if (end := _end(one))]
    failing = {part.name for part in parts for one in part.containers if one.running and is_failing(one.id)}
    return Facts(parts, recent, last, rollout.runs_as_pinned(live, records), failing)


def _last_ends(session: Session, down: Sequence[ContainerRecord]) -> dict[str, End]:
    """Return how each container ended that is down; not the end of an earlier start of it."""
    found = container_events.last_exits(session, [one.id for one in down])
    started = {one.id: datetime.fromisoformat(one.started_at) for one in down if one.started_at}
    return {
        docker_id: end
        for docker_id, row in found.items()
        if (docker_id not in started or row.ts >= started[docker_id]) and (end := _end(row))
    }


def _end(row: ContainerEvent) -> End | None:
    reason = _REASONS.get(row.cause)
    return End(row.docker_id, reason, row.ts, row.exit_code) if reason else None


def _refresh_index(context: Context, workload: Workload, records: list[ContainerRecord]) -> None:
    with context.database.reading() as session:
        known = {one.docker_id for one in containers.present(session, workload.id)}
    if known != {one.id for one in records}:
        converge.refresh_index(context, workload, records)


def _verify(context: Context, live: Deploy, as_pinned: bool) -> None:
    if live.verified is as_pinned:
        return
    with context.database.writing() as session:
        moment = now()
        if ledger.mark_verified(session, live.id, as_pinned, moment):
            code, level = ("as_pinned_again", "info") if as_pinned else ("drifted", "error")
            event_log.note(session, live.workload_id, tell(code, version=live.version), moment, level=level)


def _store(context: Context, workload: Workload, live: Deploy, found: Judgement) -> None:
    with context.database.reading() as session:
        if status.is_told(status.find(session, workload.id), live, found):
            return
    with context.database.writing() as session:
        status.put(session, workload.id, live, found, now())
