"""Housekeeping: deletes what is older than what is kept, in steps that hold no lock for long."""

from __future__ import annotations

from db import container_events, events, ledger, samples, workloads
from tasks import host_images
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.retention import Verb


def tidy(context: Context) -> str:
    """Prune every workload; answers a sentence with counts. Safe to run at any time and to break off."""
    with context.database.reading() as session:
        ids = [workload.id for workload in workloads.every(session)]
    rows = sum(prune_ledger(context, workload_id) for workload_id in ids)
    old = sum(prune_samples(context, workload_id) for workload_id in ids)
    with context.database.writing() as session:
        workloads.drop_unused_documents(session)
    return f"deleted {rows} deploys, {old} samples and {arrange_images(context)} images"


def after_deploy(context: Context, workload_id: int, succeeded: bool) -> None:
    """What need not wait for the next full round: the ledger of the workload, and the images after a success."""
    prune_ledger(context, workload_id)
    if succeeded:
        arrange_images(context)


def arrange_images(context: Context) -> int:
    """Name the images that are kept, remove those of ours that nothing needs; answers how many went.

    Docker being away is no harm: the next round comes.
    """
    refused = None
    try:
        return sum(step.verb is Verb.REMOVE for step in host_images.arrange(context))
    except Failure as failure:
        refused = failure.code
    context.log.info("the images were left as they are", extra={"code": str(refused)})
    return 0


def prune_ledger(context: Context, workload_id: int) -> int:
    """Prune the deploys and events of one workload; answers how many deploys went."""
    settings = context.settings
    with context.database.writing() as session:
        events.prune(session, workload_id)
        container_events.prune(session, workload_id)
        return ledger.prune(session, workload_id, settings.keep_deploys, settings.keep_images)


def prune_samples(context: Context, workload_id: int) -> int:
    """Delete the samples of one workload that are too old, an hour at a time; answers how many went."""
    before = int(now().timestamp()) - samples.KEEP_RAW_SECONDS
    total = 0
    while not context.stopping.is_set():
        with context.database.writing() as session:
            gone = samples.prune(session, workload_id, before)
        if gone == 0:
            break
        total += gone
    return total
