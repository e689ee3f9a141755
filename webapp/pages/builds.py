"""The build log as a page: complete without scripts, followed live with them."""

from __future__ import annotations

from flask import Blueprint, render_template

from webapp.api import build_logs, deploys
from webapp.http.current import reading

blueprint = Blueprint("build_pages", __name__)


@blueprint.get("/apps/<name>/build/<version:version>")
def show(name: str, version: int) -> str:
    """Render the log so far; the page itself polls for more."""
    with reading(name) as (session, workload):
        deploy = deploys.find(session, workload, version)
    text, offset, complete = "", 0, False
    while True:
        piece = build_logs.piece(workload, deploy, offset)
        text, complete = text + piece.text, piece.complete
        if complete or piece.offset <= offset:
            break
        offset = piece.offset
    return render_template("build.html", name=name, deploy=deploy, text=text, offset=piece.offset, complete=complete)
