"""Housekeeping: sums up samples, and deletes what exceeds its retention, in steps that hold no lock for long."""

from __future__ import annotations

from db import event_log, history, ledger, pins, webhooks, workloads
from db.metrics import container_events
from flows.upkeep import rollups
from tasks.content import store
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.git import cache
from tasks.images import build_log, host_images
from tasks.images.retention import Verb


def tidy(context: Context, longest_way_s: float = rollups.LONGEST_WAY_S) -> str:
    """Sum up and prune every workload; return a sentence with counts. Safe to run at any time and to interrupt.

    Between two steps it leaves the write lock free for at most `longest_way_s`: 0 when no other writer needs it.
    """
    with context.database.reading() as session:
        ids = [workload.id for workload in workloads.every(session)]
    moment = int(now().timestamp())
    rows = sum(prune_ledger(context, workload_id) for workload_id in ids)
    rollups.sum_up(context, ids, moment, longest_way_s)
    old = rollups.prune(context, ids, moment, longest_way_s)
    with context.database.writing() as session:
        workloads.drop_unused_documents(session)
    cache.prune(context)
    prune_content(context, moment)
    shrink_build_cache(context)
    return f"deleted {rows} deploys, {old} samples and {arrange_images(context)} images"


def prune_content(context: Context, moment: int) -> None:
    """Remove the files of static sites that no row and no spec needs. moment: epoch seconds."""
    with context.database.reading() as session:
        if history.unfinished(session):
            return  # a queued deploy has its content in no pin yet
        needed = {found for pin in history.every_pin(session) if (found := pins.content(pin))}
        needed |= {str(one.spec["source"].get("content")) for one in workloads.every(session)}
    store.prune(context.settings, needed, moment)


def shrink_build_cache(context: Context) -> int:
    """Shrink the Engine's build cache to its bound, the least recently used first; return the bytes freed.

    The cache is the Engine's: what others build on this host is in it too. If Docker is unreachable, the next round
    does it.
    """
    bound, refused = context.settings.build_cache_max_gb, None
    if not bound:
        return 0
    try:
        freed = context.docker.builds.prune_cache(int(bound * 10**9))
    except Failure as failure:
        freed, refused = 0, failure.code
    if freed or refused:
        context.log.info("the build cache was pruned", extra={"bytes": freed, "code": str(refused)})
    return freed


def after_deploy(context: Context, workload_id: int, succeeded: bool) -> None:
    """Prune without waiting for the next full round: the ledger of the workload, and the images after a success."""
    prune_ledger(context, workload_id)
    if succeeded:
        arrange_images(context)


def arrange_images(context: Context) -> int:
    """Tag the images that are kept, remove those of ours that nothing needs; return how many were removed.

    If Docker is unreachable, the next round does it.
    """
    refused = None
    try:
        return sum(step.verb is Verb.REMOVE for step in host_images.arrange(context))
    except Failure as failure:
        refused = failure.code
    context.log.info("the images were left as they are", extra={"code": str(refused)})
    return 0


def prune_ledger(context: Context, workload_id: int) -> int:
    """Prune the deploys and events of one workload; return how many deploys were deleted."""
    settings = context.settings
    with context.database.writing() as session:
        event_log.prune(session, workload_id)
        container_events.prune(session, workload_id)
        webhooks.prune(session, workload_id, now())
        gone = ledger.prune(session, workload_id, settings.keep_deploys, settings.keep_images)
        versions = history.versions(session, workload_id)
    build_log.prune(settings, workload_id, versions)
    return gone
