"""Samples of CPU and memory: inserting a tick, reading a span, deleting old ones. Aggregation is in tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, cast, delete, func, insert, select
from sqlalchemy.orm import Session

from db.metrics import tiers
from db.metrics.bucket_widths import INSTALLATION, SAMPLES
from db.models import OWNER, Sample

COLUMNS = ("ts", "container_id", "cpu_percent", "memory_usage", "memory_limit")
SUMS = ("ts", "cpu_percent", "memory_usage", "memory_limit")
MOST_PRUNED = 4000
PRUNED_SPAN_S = 3600


def insert_tick(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows of one tick; keys as the columns of Sample. It may be late: sums that lack it are made again."""
    if rows:
        tiers.hold(session, shared=True)
        session.execute(insert(Sample), rows)
        tiers.reopen(session, rows)


def span(session: Session, owner_id: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of COLUMNS of one workload with since <= ts <= until (epoch seconds), by ts."""
    columns = [getattr(Sample, name) for name in COLUMNS]
    return _raw(
        session,
        select(*columns)
        .where(Sample.owner_id == owner_id, Sample.owner_type == OWNER, Sample.ts.between(since, until))
        .order_by(Sample.ts),
    )


def sums(session: Session, owner_id: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of SUMS of one workload with since <= ts <= until, one per moment, by ts: its containers added up.

    The same as tasks.metrics.aggregate makes of `span`, in a third of the time: the containers of a moment are stored
    side by side, so the database adds them up as it reads, where Python would have to fetch each of them.
    """
    return _raw(session, _SUMS, owner=owner_id, since=since, until=until)


def sums_of_all(session: Session, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of SUMS over every workload, one per moment."""
    query = _of_each_owner(Sample.ts, *_added_up()).where(Sample.ts.between(since, until))
    return _raw(session, query.group_by(Sample.ts).order_by(Sample.ts))


def span_of_all(session: Session, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of COLUMNS of every workload with since <= ts <= until, in no order."""
    columns = [getattr(Sample, name) for name in COLUMNS]
    return _raw(session, _of_each_owner(*columns).where(Sample.ts.between(since, until)))


def count_of_all(session: Session, since: int, until: int) -> int:
    """Count the samples of every workload with since <= ts <= until."""
    return session.scalar(_of_each_owner(func.count()).where(Sample.ts.between(since, until))) or 0


def last_of_each(session: Session, since: int) -> list[tuple[Any, ...]]:
    """Return rows (owner_id, *COLUMNS) of every workload since then, by ts: current values for a list of workloads."""
    columns = [getattr(Sample, name) for name in COLUMNS]
    return _raw(session, _of_each_owner(Sample.owner_id, *columns).where(Sample.ts >= since).order_by(Sample.ts))


def first(session: Session, owner_id: int, since: int) -> int | None:
    """Return the earliest ts at or after `since` that a workload has samples of."""
    return session.scalar(select(func.min(Sample.ts)).where(Sample.owner_id == owner_id, Sample.ts >= since))


def first_of_all(session: Session, since: int) -> int | None:
    """Return the earliest ts at or after `since` that any workload has samples of."""
    owners = _owners()
    of_one = select(func.min(Sample.ts)).where(Sample.owner_id == owners.c.id, Sample.ts >= since).scalar_subquery()
    of_each = select(of_one.label("ts")).select_from(owners).where(owners.c.id.is_not(None)).subquery()
    earliest: int | None = session.scalar(select(func.min(of_each.c.ts)))
    return earliest


def after_rows(session: Session, owner_id: int, since: int, rows: int) -> int | None:
    """Return the ts of the row that follows `rows` rows from `since` on; None when there are no more than that."""
    query = select(Sample.ts).where(Sample.owner_id == owner_id, Sample.ts >= since).order_by(Sample.ts)
    return session.scalar(query.offset(rows).limit(1))


def prune(session: Session, owner_id: int, before: int) -> int:
    """Delete the oldest samples of a workload older than `before`, a part per call; return how many.

    Small steps keep the write lock short, an hour or some thousand rows: call it until it returns 0.
    """
    oldest = session.scalar(select(func.min(Sample.ts)).where(Sample.owner_id == owner_id, Sample.ts < before))
    if oldest is None:
        return 0
    end = min(before, oldest + PRUNED_SPAN_S)
    crowded = after_rows(session, owner_id, oldest, MOST_PRUNED)
    if crowded is not None:
        end = min(end, max(crowded, oldest + 1))
    for owner in (owner_id, INSTALLATION):
        tiers.note_pruned(session, owner, SAMPLES, end)
    gone: Any = session.execute(delete(Sample).where(Sample.owner_id == owner_id, Sample.ts < end))
    return int(gone.rowcount)


def _added_up() -> tuple[Any, ...]:
    memory = cast(func.sum(Sample.memory_usage), BigInteger)  # PostgreSQL would return a Decimal
    return func.sum(Sample.cpu_percent), memory, func.max(Sample.memory_limit)


def _owners() -> Any:
    # From one owner to the next by the key: the table is clustered by owner, and a search by moment alone would
    # read all of it.
    seek = select(func.min(Sample.owner_id).label("id")).cte("owners", recursive=True)
    following = select(func.min(Sample.owner_id)).where(Sample.owner_id > seek.c.id).scalar_subquery()
    return seek.union_all(select(following).where(seek.c.id.is_not(None)))


def _of_each_owner(*columns: Any) -> Select[Any]:
    owners = _owners()
    return select(*columns).select_from(owners.join(Sample, Sample.owner_id == owners.c.id))


# Made once: building the statement for each read would cost half as much as the read of half an hour.
_SUMS = (
    select(Sample.ts, *_added_up())
    .where(Sample.owner_id == bindparam("owner"), Sample.ts.between(bindparam("since"), bindparam("until")))
    .group_by(Sample.ts)
    .order_by(Sample.ts)
)


def _raw(session: Session, query: Any, **values: int) -> list[tuple[Any, ...]]:
    # The driver's own rows: SQLAlchemy's row objects cost six times as much for a 6 h window (204 ms against 34 ms).
    # Through the connection: the session's own execute() wraps the cursor and hides the driver's rows.
    with session.connection().execute(query, values) as result:
        return list(result.cursor.fetchall())
