"""CPU and memory over time: sums over containers per timestamp, of one workload or of all."""

from __future__ import annotations

import time

from flask import Blueprint, Response, request

from db.messages.refusals import RefusalCode
from db.metrics.bucket_widths import INSTALLATION
from tasks.metrics import history
from tasks.metrics.coverage import DEFAULT_WINDOW, WINDOWS
from webapp.http.answers import unchanged_or_json
from webapp.http.current import context, find_workload_id
from webapp.http.problems import Problem

blueprint = Blueprint("stats", __name__, url_prefix="/api")


@blueprint.get("/workloads/<name>/stats/history")
def of_workload(name: str) -> Response:
    """Answer points of one workload, or with ?by=deploy of each of its versions; [] when there are none."""
    read = history.history_by_deploy if by_deploy() else history.history
    with context().database.reading() as session:
        points = read(session, context().settings, find_workload_id(session, name), window(), int(time.time()))
    return unchanged_or_json(points)


@blueprint.get("/stats/history")
def of_installation() -> Response:
    """Answer points summed over every workload."""
    with context().database.reading() as session:
        points = history.history(session, context().settings, INSTALLATION, window(), int(time.time()))
    return unchanged_or_json(points)


def window() -> int:
    """Return the requested window in seconds. Raises Problem(bad_window)."""
    return WINDOWS[window_name()]


def window_name() -> str:
    """Return the requested window as written in the query: 30m, 6h. Raises Problem(bad_window)."""
    name = request.args.get("window", DEFAULT_WINDOW)
    if name not in WINDOWS:
        raise Problem(RefusalCode.BAD_WINDOW)
    return name


def by_deploy() -> bool:
    """Return whether points are requested per deploy. Raises Problem(bad_request)."""
    if request.args.get("by", "deploy") != "deploy":
        raise Problem(RefusalCode.BAD_REQUEST, "by: must be deploy")
    return "by" in request.args
