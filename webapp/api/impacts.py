"""Events of a workload over time as marks for a chart, and the impact of each deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response

from db import history
from db.metrics import container_events
from db.serialize import iso
from db.states import FINAL
from flows.shapes.base import filled
from tasks.context import now
from tasks.impact.evidence import assess
from webapp.api.deploys import find
from webapp.api.stats import window
from webapp.http.answers import json_answer
from webapp.http.current import reading
from webapp.presenters.chart_marks import marks
from webapp.shapes.deploys import WholeImpact

blueprint = Blueprint("impacts", __name__, url_prefix="/api/workloads/<name>")
MOST_DEPLOYS = 200


@blueprint.get("/marks")
def marks_of(name: str) -> Response:
    """Answer deploys, failures, rollbacks, crashes, restarts and kills within a window, oldest first."""
    until = now()
    since = until - timedelta(seconds=window())
    with reading(name) as (session, workload):
        deploys = history.page(session, workload.id, limit=MOST_DEPLOYS)
        ended = [one for one in deploys if one.status in FINAL and one.finished_at and one.finished_at >= since]
        happened = container_events.between(session, workload.id, since, until)
        return json_answer(marks(ended, happened))


@blueprint.get("/deploys/<version:version>/impact")
def show(name: str, version: int) -> Response:
    """Answer the verdict on a version and the numbers behind it; provisional until it has settled."""
    with reading(name) as (session, workload):
        deploy = find(session, workload, version)
        found = deploy.impact if deploy.impact and not deploy.live else assess(session, deploy, now())
    return json_answer(_shape(version, found, settled=deploy.impact is not None))


def _shape(version: int, found: dict[str, Any] | None, *, settled: bool) -> dict[str, Any]:
    # A version that never went live had no impact.
    found = found or {"verdict": "not_enough_data", "reasons": ["never_live"], "before": None, "after": None}
    sides = {side: _dated(found.get(side)) for side in ("before", "after", "leak")}
    return filled(WholeImpact, found, version=version, settled=settled, **{"services": [], **found, **sides})


def _dated(side: dict[str, Any] | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return side | {key: iso(datetime.fromtimestamp(side[key], UTC)) for key in ("since", "until")}
