"""Builds the tiers: a step advances one tier of one owner, in one transaction, as short as writing a tick.

A step reads what is finer, sums it up and moves the mark, so a crash leaves the tier as it was, and the next round
resumes at the mark. Does not decide when (flows.upkeep.housekeeping does) and adds nothing up itself (buckets does).
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.metrics import containers, samples, tiers
from db.metrics.bucket_widths import INSTALLATION, SAMPLES, TIERS, floor
from db.models import Workload
from tasks.metrics.buckets import VERSION, tier_of_samples, tier_of_tier
from tasks.metrics.frames import framed, whole
from tasks.metrics.history import with_versions

if TYPE_CHECKING:
    import pandas as pd

# Younger ticks may still be on their way. A late one undoes the tiers that lack it, so this only saves work.
SETTLE_S = 30
# The number of samples (or buckets of the finer tier) in a step, about: 15 ms of the write lock.
MOST_ROWS = 1500
LONGEST_S = 30 * 86400
SHORTEST_S = 5
PARTS_OF_A_PERCENT = frozenset({"cpu_sum", "cpu_max"})  # the other columns are whole numbers


def find_older(session: Session, owner_id: int) -> None:
    """Undo the tiers of an owner from its first sample on, if that is older than they are: history was imported."""
    since = min((since for since, _ in tiers.marks(session, owner_id).values()), default=None)
    if since is None:
        return
    tiers.hold(session)
    earliest = _first(session, owner_id, tiers.pruned(session, owner_id, SAMPLES))
    if earliest is not None and earliest < since:
        tiers.lower(session, owner_id, earliest)


def advance(session: Session, owner_id: int, width: int, now: int) -> bool:
    """Advance one tier of one owner by a step; return whether there is more to do. Needs a writing session."""
    if not _is_there(session, owner_id):
        return False
    tiers.hold(session)
    source = TIERS[width]
    marks = tiers.marks(session, owner_id)
    reached = marks[width][1] if width in marks else None
    end = floor(now - SETTLE_S if source == SAMPLES else marks.get(source, (0, 0))[1], width)
    if reached is not None and reached >= end:
        return False
    start = _start(session, owner_id, width, reached, marks)
    if start is None or start >= end:  # nothing but a gap
        if reached is not None:
            tiers.put(session, owner_id, width, (reached, end), [])
        return False
    until = min(end, _until(session, owner_id, width, start))
    rows = _rows(session, owner_id, width, start, until)
    tiers.put(session, owner_id, width, (start if reached is None else reached, until), rows)
    return until < end


def deletable(session: Session, owner_id: int, width: int, before: int) -> int:
    """Return the time up to which samples or buckets may be deleted: no later than `before`, nor than rolled up."""
    reached = [
        tiers.marks(session, owner).get(tier, (0, 0))[1]
        for owner in {owner_id, INSTALLATION}
        for tier, source in TIERS.items()
        if source == width and (owner == owner_id or width == SAMPLES)
    ]
    return min([before, *reached])


def _is_there(session: Session, owner_id: int) -> bool:
    # Locked, so that a removal waits and then also removes what is written here.
    query = select(Workload.id).where(Workload.id == owner_id, Workload.removing_at.is_(None))
    locked = query.with_for_update(read=True, key_share=True)
    return owner_id == INSTALLATION or session.scalar(locked) is not None


def _start(
    session: Session, owner_id: int, width: int, reached: int | None, marks: dict[int, tuple[int, int]]
) -> int | None:
    """Return the first bucket from the mark on that contains data, or may; None when there is none."""
    source = TIERS[width]
    if source != SAMPLES:
        first = marks[source][0] if source in marks else None
    else:
        first = _first(session, owner_id, reached or 0)
    return None if first is None else max(floor(first, width), reached or 0)


def _first(session: Session, owner_id: int, since: int) -> int | None:
    if owner_id == INSTALLATION:
        return samples.first_of_all(session, since)
    return samples.first(session, owner_id, since)


def _until(session: Session, owner_id: int, width: int, start: int) -> int:
    """Return where a step from `start` ends: after about MOST_ROWS rows, and at least one bucket."""
    source = TIERS[width]
    if source == SAMPLES and owner_id == INSTALLATION:
        return start + _seconds_of_all(session, start)
    if source == SAMPLES:
        crowded = samples.after_rows(session, owner_id, start, MOST_ROWS)
    else:
        crowded = tiers.after_rows(session, owner_id, source, start, MOST_ROWS)
    return start + LONGEST_S if crowded is None else max(floor(crowded, width), start + width)


def _seconds_of_all(session: Session, start: int) -> int:
    # The span of that many rows of all workloads is unknown, so spans are tried, each twice as long.
    seconds = SHORTEST_S
    while seconds < LONGEST_S and samples.count_of_all(session, start, start + 2 * seconds - 1) <= MOST_ROWS:
        seconds *= 2
    return seconds


def _rows(session: Session, owner_id: int, width: int, since: int, until: int) -> list[dict[str, Any]]:
    source = TIERS[width]
    if source != SAMPLES:
        finer = framed(tiers.all_buckets(session, owner_id, source, since, until), (*tiers.COLUMNS, "whole"))
        return _records(tier_of_tier(finer, width)) if len(finer) else []
    if owner_id == INSTALLATION:
        rows = framed(samples.span_of_all(session, since, until - 1), samples.COLUMNS).assign(**{VERSION: 0})
    else:
        plain = framed(samples.span(session, owner_id, since, until - 1), samples.COLUMNS)
        rows = with_versions(plain, containers.versions(session, owner_id))
    return _records(tier_of_samples(rows, width)) if len(rows) else []


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    columns = [rows[name].tolist() if name in PARTS_OF_A_PERCENT else whole(rows[name]) for name in rows.columns]
    records = (dict(zip(rows.columns, values, strict=True)) for values in zip(*columns, strict=True))
    return [
        {**record, "whole": bool(record["whole"]), "cpu_max": None if isnan(record["cpu_max"]) else record["cpu_max"]}
        for record in records
    ]
