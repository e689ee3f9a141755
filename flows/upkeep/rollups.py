"""Upkeep of the tiers of samples: summing up new ones, deleting old ones, in steps that hold no lock for long."""

from __future__ import annotations

import time
from collections.abc import Iterable

from db.metrics import containers, samples, tiers
from db.metrics.bucket_widths import INSTALLATION, SAMPLES, TICK, TIERS
from tasks.context import Context
from tasks.metrics import rollup
from tasks.metrics.history import kept_s

# The longest pause between two steps, unless the caller passes another.
LONGEST_WAY_S = 0.1
# One step covers a minute; more than a few are a backlog, which housekeeping catches up on.
STEPS_A_MINUTE = 5
# A tick may have been in flight when its container was removed.
LAST_SAMPLES_S = 600


def sum_up(context: Context, workload_ids: Iterable[int], now: int, longest_way_s: float = LONGEST_WAY_S) -> None:
    """Bring all tiers of these workloads and of the installation up to `now` (epoch seconds). May be interrupted."""
    for owner in (*workload_ids, INSTALLATION):
        with context.database.writing() as session:
            rollup.find_older(session, owner)
        for width in TIERS:
            while _step(context, owner, width, now, longest_way_s):
                pass


def sum_up_installation(context: Context, now: int) -> None:
    """Add up new ticks over all workloads, each minute, so that a read has only a few left to add."""
    for _ in range(STEPS_A_MINUTE):
        if not _step(context, INSTALLATION, TICK, now, LONGEST_WAY_S):
            break


def prune(context: Context, workload_ids: Iterable[int], now: int, longest_way_s: float = LONGEST_WAY_S) -> int:
    """Delete samples and buckets that are too old and already summed up; return how many samples were deleted."""
    kept = kept_s(context.settings)
    ids = list(workload_ids)
    for owner in (*ids, INSTALLATION):
        for width in TIERS:
            _prune(context, owner, width, now - kept[width], longest_way_s)
    gone = sum(_prune(context, owner, SAMPLES, now - kept[SAMPLES], longest_way_s) for owner in ids)
    for workload_id in ids:
        with context.database.writing() as session:
            pruned = tiers.pruned(session, workload_id, SAMPLES)
            containers.forget_removed(session, workload_id, pruned - LAST_SAMPLES_S)
    return gone


def _step(context: Context, owner_id: int, width: int, now: int, longest_way_s: float) -> bool:
    if context.stopping.is_set():
        return False
    import pandas  # noqa: F401 - takes a second the first time, which must not fall under the write lock

    began = time.monotonic()
    with context.database.writing() as session:
        is_more = rollup.advance(session, owner_id, width, now)
    if is_more:
        _give_way(context, began, longest_way_s)
    return is_more


def _prune(context: Context, owner_id: int, width: int, before: int, longest_way_s: float) -> int:
    total = 0
    while not context.stopping.is_set():
        began = time.monotonic()
        with context.database.writing() as session:
            limit = rollup.deletable(session, owner_id, width, before)
            if width == SAMPLES:
                gone = samples.prune(session, owner_id, limit)
            else:
                gone = tiers.prune(session, owner_id, width, limit)
        if gone == 0:
            break
        total += gone
        _give_way(context, began, longest_way_s)
    return total


def _give_way(context: Context, began: float, longest_way_s: float) -> None:
    """Leave the write lock free for as long as a step held it: waiting writers poll it only now and then (SQLite)."""
    context.stopping.wait(min(longest_way_s, time.monotonic() - began))
