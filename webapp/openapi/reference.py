"""The OpenAPI document of the running version."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from webapp.openapi.document import whole, written

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
def document() -> Response:
    """Answer the content of docs/openapi.json."""
    return Response(written(whole(current_app.url_map)), mimetype="application/json")
