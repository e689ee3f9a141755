"""Tiers of samples: how far each is valid, its buckets, and invalidation by late samples. Bucket contents are in tasks.

A tier is valid between the two ends of its mark. The rest is read from a finer tier, in the end from the samples, so
an answer never depends on when housekeeping last ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session

from db.metrics.bucket_widths import INSTALLATION, SAMPLES, TICK, TIERS, ceiling, floor
from db.models import Bucket, TierMark

COLUMNS = (
    "deploy_version",
    "ts",
    "ticks",
    "cpu_ticks",
    "cpu_sum",
    "cpu_max",
    "memory_sum",
    "memory_max",
    "memory_limit",
)
MOST_PRUNED = 2000
_LOCK = 7225344  # ours among PostgreSQL's advisory locks


def hold(session: Session, *, shared: bool = False) -> None:
    """Keep others from adding samples (or, `shared`, from summing up) until the transaction ends.

    A tick that is not yet committed would be missing from a bucket for ever. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        session.execute(select(lock(_LOCK)))


def marks(session: Session, owner_id: int) -> dict[int, tuple[int, int]]:
    """Return width -> (since, until), of the tiers of an owner that hold anything."""
    rows = session.connection().execute(_MARKS, {"owner": owner_id})
    return {width: (since, until) for width, since, until in rows}


def pruned(session: Session, owner_id: int, width: int) -> int:
    """Return the moment before which buckets (or samples) may have been deleted; 0 when none have been."""
    mark = session.get(TierMark, (owner_id, width))
    return 0 if mark is None else mark.pruned


def buckets(session: Session, owner_id: int, width: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of COLUMNS, those of all containers, with since <= ts < until."""
    return _rows(session, _WHOLE, owner_id, width, since, until)


def moments(session: Session, owner_id: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of samples.SUMS, one per moment with since <= ts < until, from the tier of single ticks."""
    return _rows(session, _MOMENTS, owner_id, TICK, since, until)


def buckets_by_version(session: Session, owner_id: int, width: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows of COLUMNS, one per known version, with since <= ts < until."""
    return _rows(session, _OF_VERSIONS, owner_id, width, since, until)


def all_buckets(session: Session, owner_id: int, width: int, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return every row of (*COLUMNS, "whole") with since <= ts < until."""
    return _rows(session, _ALL, owner_id, width, since, until)


def after_rows(session: Session, owner_id: int, width: int, since: int, rows: int) -> int | None:
    """Return the ts of the bucket that follows `rows` rows from `since` on; None when there are no more than that."""
    query = select(Bucket.ts).where(Bucket.owner_id == owner_id, Bucket.width == width, Bucket.ts >= since)
    return session.scalar(query.order_by(Bucket.ts).offset(rows).limit(1))


def put(session: Session, owner_id: int, width: int, span: tuple[int, int], rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the buckets of a span (since, until) by `rows`, keys as COLUMNS and "whole"; the mark then ends there."""
    since, until = span
    mark = session.get(TierMark, (owner_id, width), with_for_update=True)
    if mark is None:
        mark = TierMark(owner_id=owner_id, width=width, since=since, pruned=0)
        session.add(mark)
    mark.since, mark.until = min(mark.since, since), until
    session.execute(delete(Bucket).where(*_inside(owner_id, width, since, until)))
    if rows:
        session.execute(insert(Bucket), [{"owner_id": owner_id, "width": width, **row} for row in rows])
    session.flush()


def reopen(session: Session, rows: Iterable[Mapping[str, Any]]) -> None:
    """Reopen the sums that lack newly inserted samples, given by their keys "owner_id" and "ts"."""
    earliest: dict[int, int] = {}
    for row in rows:
        for owner in (row["owner_id"], INSTALLATION):
            earliest[owner] = min(row["ts"], earliest.get(owner, row["ts"]))
    first = min(earliest.values())
    for owner in session.scalars(select(TierMark.owner_id).where(TierMark.until > first).distinct()).all():
        if owner in earliest:
            lower(session, owner, earliest[owner])


def lower(session: Session, owner_id: int, ts: int) -> None:
    """Let every tier of an owner end before `ts`, so that it is summed up again from there.

    A bucket is left as it is when a part of its source has been deleted since.
    """
    for width, source in TIERS.items():
        mark = session.get(TierMark, (owner_id, width), with_for_update=True)
        start = floor(ts, width)
        if mark is not None and start < mark.until and start >= pruned(session, owner_id, source):
            mark.since, mark.until = min(mark.since, start), start
    session.flush()


def note_pruned(session: Session, owner_id: int, width: int, before: int) -> None:
    """Record that data older than `before` is being deleted."""
    mark = session.get(TierMark, (owner_id, width), with_for_update=True)
    if mark is None:
        session.add(TierMark(owner_id=owner_id, width=width, since=0, until=0, pruned=before))
    else:
        mark.pruned = max(mark.pruned, before)
    session.flush()


def prune(session: Session, owner_id: int, width: int, before: int) -> int:
    """Delete at most about MOST_PRUNED of the oldest buckets before a moment; return how many. Call it until 0."""
    key = (Bucket.owner_id == owner_id, Bucket.width == width)
    oldest = session.scalar(select(func.min(Bucket.ts)).where(*key, Bucket.ts < before))
    if oldest is None:
        return 0
    end = min(before, oldest + MOST_PRUNED * width)
    note_pruned(session, owner_id, width, ceiling(end, width))
    gone: Any = session.execute(delete(Bucket).where(*key, Bucket.ts < end))
    return int(gone.rowcount)


def forget(session: Session, owner_id: int) -> None:
    """Delete all data of an owner."""
    session.execute(delete(Bucket).where(Bucket.owner_id == owner_id))
    session.execute(delete(TierMark).where(TierMark.owner_id == owner_id))


def _inside(owner_id: Any, width: Any, since: Any, until: Any) -> tuple[Any, ...]:
    return Bucket.owner_id == owner_id, Bucket.width == width, Bucket.ts >= since, Bucket.ts < until


def _between(*names: str) -> Select[Any]:
    span = _inside(bindparam("owner"), bindparam("width"), bindparam("since"), bindparam("until"))
    return select(*(getattr(Bucket, name) for name in names)).where(*span).order_by(Bucket.ts)


# Made once, as in db.metrics.samples.
_ALL = _between(*COLUMNS, "whole")
_WHOLE = _between(*COLUMNS).where(Bucket.whole)
_MOMENTS = _between("ts", "cpu_max", "memory_max", "memory_limit").where(Bucket.whole)
_OF_VERSIONS = _between(*COLUMNS).where(Bucket.deploy_version > 0)
_MARKS = select(TierMark.width, TierMark.since, TierMark.until).where(
    TierMark.owner_id == bindparam("owner"), TierMark.width != SAMPLES
)


def _rows(
    session: Session, query: Select[Any], owner_id: int, width: int, since: int, until: int
) -> list[tuple[Any, ...]]:
    values = {"owner": owner_id, "width": width, "since": since, "until": until}
    with session.connection().execute(query, values) as result:  # as db.metrics.samples does, and for the same reason
        return list(result.cursor.fetchall())
