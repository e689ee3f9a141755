"""The last lines of an app's log as a page, for a browser without scripts; the panel uses the JSON endpoint."""

from __future__ import annotations

from flask import Blueprint, render_template

from tasks.containers import live_reads
from tasks.failures import Failure
from webapp.http.current import context, workload_named

blueprint = Blueprint("logs", __name__)
LINES = 200


@blueprint.get("/apps/<name>/log")
def show(name: str) -> str:
    """Render the lines, or that Docker does not answer."""
    workload, lines = workload_named(name), None
    try:
        lines = live_reads.of_host(context(), workload.host).log_tail(workload, LINES)
    except Failure as failure:
        context().log.info("no log to show", extra={"cause": str(failure.code)})
    return render_template("log.html", name=name, lines=lines)
