"""The installation as a whole: what it stands on, how sampling goes, CPU and memory of all apps together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, render_template

from db import history
from db import workloads as stored
from db.rows import iso, row
from flows.engine_start import is_running
from webapp.current import context
from webapp.pages.apps import newest_now
from webapp.readiness import Readiness
from webapp.words import ENGINE, SERVICES

blueprint = Blueprint("system", __name__)


@blueprint.get("/system")
def show() -> str:
    """Services, collector, deploys under way, and the usage of each app."""
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    down = readiness.down()
    services = [{"name": name, "is_up": name not in down} for name in SERVICES]
    services.append({"name": ENGINE, "is_up": is_running(context().settings)})
    return render_template("system.html", services=services, settings=context().settings, **_gathered())


def _gathered() -> dict[str, Any]:
    with context().database.reading() as session:
        every = stored.every(session)
        newest = newest_now(session)
        names = {workload.id: workload.name for workload in every}
        url = context().settings.prefect_ui_url
        under_way = [
            row(deploy, names[deploy.workload_id], None, url)
            for deploy in history.unfinished(session)
            if deploy.workload_id in names
        ]
        has_live = bool(history.live_and_latest(session)[0])
    usage = [{"name": workload.name, **newest[workload.id]} for workload in every if workload.id in newest]
    return {"usage": usage, "under_way": under_way, "collector": collector(newest, has_live), "total": len(every)}


def collector(newest: dict[int, dict[str, Any]], has_live: bool) -> dict[str, Any]:
    """State of sampling: off, idle (nothing to sample), collecting or late; with the last moment."""
    if context().settings.stats_interval == 0:
        return {"state": "off", "last": None}
    if not newest:
        return {"state": "late" if has_live else "idle", "last": None}
    last = max(point["ts"] for point in newest.values())
    return {"state": "collecting", "last": iso(datetime.fromtimestamp(last, UTC))}
