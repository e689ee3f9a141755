"""The list of apps and the page of one. They show the data of the JSON endpoints."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from db import event_log, history, pins, webhooks, workloads
from db.metrics import samples
from db.models import Deploy, Workload
from db.releases import Release
from flows.shapes.webhooks import hook
from tasks.kinds import KINDS
from tasks.metrics.aggregate import per_owner_now
from webapp.api import observations
from webapp.api.workloads import describe, summaries
from webapp.http.current import context, reading
from webapp.pages import history_panel
from webapp.presenters import event_lines, spec_lines
from webapp.presenters.sparkline import SPAN_S, polylines
from webapp.presenters.top_consumers import NOW_S

blueprint = Blueprint("apps", __name__)
SHOWN_EVENTS = 30
LONGEST_SEARCH = 80


@blueprint.get("/")
def home() -> Response:
    """Redirect to the list, the home page."""
    return redirect("/apps", 303)


@blueprint.get("/apps")
def overview() -> str:
    """Render the apps, all or those that match a search, with their current and recent usage."""
    every = summaries()
    search, status = request.args.get("q", "")[:LONGEST_SEARCH].strip(), request.args.get("status", "")
    shown = [app for app in every if _fits(app, search.lower(), status)]
    now, lines = usage()
    return render_template(
        "apps.html", apps=shown, total=len(every), search=search, status=status, now=now, lines=lines
    )


@blueprint.get("/apps/<name>")
def show(name: str) -> str:
    """Render one app: state, history, metrics, events."""
    return page_of(name, history_panel.chosen())


def page_of(name: str, choice: history_panel.Choice, refused: str | None = None) -> str:
    """Render the page of an app; `refused` is the code of a refused request. Raises Problem."""
    with reading(name) as (session, workload):
        app = describe(session, workload)
        shown = history_panel.panel(session, workload, choice)
        live = history.live(session, workload.id)
        running = workloads.release(session, live) if live else None
        ports = _ports(session, workload, live, running)
        called_by = [hook(one) for one in webhooks.of_workload(session, workload.id)]
        log = [event_lines.line(entry) for entry in event_log.page(session, workload.id, SHOWN_EVENTS)]
    history_panel.mark_gone(shown["rows"])
    return render_template(
        "app.html",
        app=app,
        **shown,
        **_about(workload),
        ports=ports and spec_lines.port_links(ports, request.host),
        events=log,
        hooks=called_by,
        runtime=observations.runtime_of(workload),
        refused=refused,
    )


def _ports(
    session: Session, workload: Workload, live: Deploy | None, running: Release | None
) -> list[dict[str, Any]] | None:
    """Return the ports of the live version, else those of the next one; None while they are unknown."""
    release: Mapping[str, Any] = running or workload.spec
    if release["source"]["kind"] != "compose":
        return list(release.get("ports", []))
    pin = pins.of_compose(live.pin) if live else None
    file = pin.get("sha256") if pin else None
    return spec_lines.compose_ports(workloads.document(session, file)) if file else None


def _about(workload: Workload) -> dict[str, Any]:
    """Return what the header and the settings show."""
    spec, secrets = workload.spec, sorted(workload.secrets)
    return {
        "requested": KINDS[spec["source"]["kind"]].requested(spec["source"]),
        "spec_lines": spec_lines.lines({**spec, "secrets": secrets}),
    }


def usage() -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Return, both by name, each app's CPU and memory at its last moment, and as lines over the last while."""
    with context().database.reading() as session:
        newest = newest_now(session)
        names = {workload.id: workload.name for workload in workloads.every(session)}
        moment = int(time.time())
        recent = samples.last_of_each(session, moment - SPAN_S)
    lines = polylines(recent, moment)
    return (
        {names[one]: point for one, point in newest.items() if one in names},
        {names[one]: line for one, line in lines.items() if one in names},
    )


def newest_now(session: Session) -> dict[int, dict[str, Any]]:
    """Return each workload's sums at its last moment, by its id; absent when that moment is too old."""
    found = samples.last_of_each(session, int(time.time()) - NOW_S)
    return per_owner_now(found) if found else {}


def _fits(app: dict[str, Any], search: str, status: str) -> bool:
    texts = (app["name"], *(str(value) for key, value in app["source"].items() if key != "kind"))
    return (not status or app["status"] == status) and any(search in text.lower() for text in texts)
