"""Reviews of the impact of deploys, each minute: stores the verdicts that have settled, and sends them to Prefect.

Costs two short queries while no version is due. An event of Prefect carries codes and numbers only, so that an
automation can match on the verdict and notify; it is sent until Prefect has accepted it, under an id that makes
duplicates harmless.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from db import ledger
from db.connection import LedgerUnavailable
from db.metrics import impacts
from db.models import Deploy
from tasks.context import Context, now
from tasks.prefect_api import PrefectUnreachable

EVENT = "backstay.deploy.impact"
TOLD_WITHIN = timedelta(days=1)  # anything older is no news
_NAMESPACE = UUID("8c1f6f5e-4f0e-4c53-9d6a-2f1d3a9b7c10")


def look(context: Context) -> None:
    """Review every version that is due once; then send new verdicts to Prefect."""
    moment = now()
    try:
        for deploy_id in due(context, moment):
            if context.stopping.is_set():
                return
            settle(context, deploy_id, moment)
        tell(context, moment)
    except LedgerUnavailable as unavailable:
        context.log.warning("the impact has to wait for the ledger", extra={"cause": str(unavailable.cause)})


def due(context: Context, moment: datetime) -> list[int]:
    """Return ids of the deploys of this host that are due for a review."""
    with context.database.reading() as session:
        live = impacts.live_on(session, context.settings.host_name)
        found = list(impacts.replaced_unseen(session, context.settings.host_name))
    if not live:
        return found
    from tasks.impact.verdict import next_look_s  # imports numpy: only when a review is due

    ages = [(number, (moment - finished).total_seconds(), looks) for number, finished, looks in live]
    return found + [number for number, age, looks in ages if age >= next_look_s(looks)]


def settle(context: Context, deploy_id: int, moment: datetime) -> None:
    """Judge a deploy and store the verdict."""
    from tasks.impact.evidence import assess
    from tasks.impact.verdict import next_look_s

    # Outside the transaction that stores it: a day of samples takes longer than the write lock should be held.
    with context.database.reading() as session:
        deploy = session.get(Deploy, deploy_id)
        found = assess(session, deploy, moment) if deploy is not None else None
    if deploy is None or found is None or deploy.finished_at is None:
        return
    age = moment - deploy.finished_at
    # Reviews missed while no engine ran are not made up for.
    looks = (deploy.impact_looks or 0) + 1
    while next_look_s(looks) <= age.total_seconds():
        looks += 1
    is_news = deploy.impact is None or deploy.impact["verdict"] != found["verdict"]
    waits = deploy.impact_told is False
    told = not waits and (not is_news or (deploy.impact is None and age > TOLD_WITHIN))
    with context.database.writing() as session:
        ledger.mark_impact(session, deploy_id, found, looks, told=told)


def tell(context: Context, moment: datetime) -> None:
    """Send Prefect every verdict that it lacks; the next call retries those it does not accept now."""
    with context.database.reading() as session:
        waiting = impacts.untold(session, context.settings.host_name)
    try:
        for deploy, name in waiting:
            context.prefect.tell(event(deploy, name, context.installation, moment))
            with context.database.writing() as session:
                ledger.mark_told(session, deploy.id, deploy.impact_looks or 0)
    except PrefectUnreachable:
        context.log.info("Prefect is away, the news of an impact have to wait", extra={"waiting": len(waiting)})


def event(deploy: Deploy, workload: str, installation: str, moment: datetime) -> dict[str, Any]:
    """Return the event in the form of Prefect's REST API. Pure."""
    impact = deploy.impact or {}
    return {
        "id": str(uuid5(_NAMESPACE, f"{installation}:{deploy.id}:{deploy.impact_looks}")),
        "occurred": moment.isoformat(),
        "event": EVENT,
        "resource": {
            "prefect.resource.id": f"backstay.workload.{workload}",
            "prefect.resource.name": workload,
            "backstay.version": str(deploy.version),
            "backstay.verdict": impact.get("verdict", ""),
        },
        "payload": {"version": deploy.version, **impact},
    }
