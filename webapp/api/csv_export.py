"""The samples as CSV, for spreadsheets: the points of the JSON, with a readable time beside the epoch seconds."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Blueprint, Response

from webapp.api import stats

blueprint = Blueprint("spreadsheets", __name__, url_prefix="/api")
COLUMNS = ["ts", "time", "cpu_percent", "memory_usage", "memory_limit"]


@blueprint.get("/workloads/<name>/stats/history.csv")
def of_workload(name: str) -> Response:
    """Answer the points of one workload."""
    return _csv(stats.of_workload(name), name)


@blueprint.get("/stats/history.csv")
def of_installation() -> Response:
    """Answer the points summed over every workload."""
    return _csv(stats.of_installation(), "all")


def _csv(answer: Response, name: str) -> Response:
    points = orjson.loads(answer.get_data())
    headers = {"Content-Disposition": f'attachment; filename="{name}-{stats.window_name()}.csv"'}
    return Response(table(points), headers=headers, mimetype="text/csv")


def table(points: list[dict[str, Any]]) -> str:
    """Return points as CSV with a header line; a missing value is an empty cell. Pure."""
    more = [key for key in (points[0] if points else {}) if key not in COLUMNS]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *more], restval="", extrasaction="ignore")
    writer.writeheader()
    for point in points:
        moment = datetime.fromtimestamp(point["ts"], UTC).isoformat().replace("+00:00", "Z")
        writer.writerow({**point, "time": moment})
    return text.getvalue()
