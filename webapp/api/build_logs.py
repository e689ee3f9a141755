"""The build log of a deploy, whole or from the offset of the last answer, also while it grows."""

from __future__ import annotations

from flask import Blueprint, Response

from db.models import Deploy, Workload
from db.states import UNFINISHED
from flows.shapes.base import LARGEST
from tasks.images import build_log
from webapp.api import deploys
from webapp.http import params
from webapp.http.answers import json_answer
from webapp.http.current import context, reading
from webapp.shapes.deploys import BuildLog

blueprint = Blueprint("build_logs", __name__, url_prefix="/api/workloads/<name>")


@blueprint.get("/deploys/<version:version>/build-log")
def show(name: str, version: int) -> Response:
    """Answer a part of the log: empty and complete for a deploy that built nothing."""
    offset = params.integer("offset", 0, 0, LARGEST) or 0
    with reading(name) as (session, workload):
        deploy = deploys.find(session, workload, version)
    return json_answer(piece(workload, deploy, offset))


def piece(workload: Workload, deploy: Deploy, offset: int) -> BuildLog:
    """Return a part of the log. The row was read before the file, so a finished row means a complete file."""
    found = build_log.read(context().settings, workload.id, deploy.version, offset)
    complete = found.at_end and deploy.status not in UNFINISHED
    return BuildLog(text=found.text, offset=found.offset, complete=complete)
