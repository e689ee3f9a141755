"""The OpenAPI document of this very version."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from webapp.openapi.document import whole, written

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
def document() -> Response:
    """What docs/openapi.json has."""
    return Response(written(whole(current_app.url_map)), mimetype="application/json")
