"""The list of apps and the page of one. They show what the JSON endpoints answer."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, redirect, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from db import events, samples
from db import workloads as stored
from tasks.aggregate import per_owner_now
from webapp import params, shapes
from webapp.api import deploys, observations
from webapp.api import workloads as api
from webapp.current import context, reading

blueprint = Blueprint("apps", __name__)
SHOWN_ROWS = 30
SHOWN_EVENTS = 30
# A reading older than a few ticks is not "now".
NOW_S = 90


@blueprint.get("/")
def home() -> Response:
    """The list is the home page."""
    return redirect("/apps", 303)


@blueprint.get("/apps")
def overview() -> str:
    """All apps with what they use now."""
    return render_template("apps.html", apps=api.summaries(), now=usage_now())


@blueprint.get("/apps/<name>")
def show(name: str) -> str:
    """One app: state, history, metrics, events."""
    before = params.integer("before", None, 1, params.LARGEST)
    with reading(name) as (session, workload):
        app = api.describe(session, workload)
        rows = deploys.page(session, workload, SHOWN_ROWS + 1, before=before)
        log = [shapes.event(entry) for entry in events.page(session, workload.id, SHOWN_EVENTS)]
    runtime = observations.snapshot(workload)
    return render_template(
        "app.html", app=app, rows=rows[:SHOWN_ROWS], has_more=len(rows) > SHOWN_ROWS, events=log, runtime=runtime
    )


def usage_now() -> dict[str, dict[str, Any]]:
    """CPU and memory of each app at its last moment, by name."""
    with context().database.reading() as session:
        newest = newest_now(session)
        return {workload.name: newest[workload.id] for workload in stored.every(session) if workload.id in newest}


def newest_now(session: Session) -> dict[int, dict[str, Any]]:
    """The sums at the last moment of each workload, by its id; absent when that moment is long ago."""
    rows = samples.last_of_each(session, int(time.time()) - NOW_S)
    return per_owner_now(rows) if rows else {}
