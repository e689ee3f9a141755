"""The API reference: the OpenAPI document as a page, rendered on the server, without scripts and outside resources."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template

from webapp.openapi.as_text import calls, keys_of
from webapp.openapi.document import whole

blueprint = Blueprint("handbook", __name__)


@blueprint.get("/reference")
def show() -> str:
    """Render every call, then every shape."""
    document = whole(current_app.url_map)
    shapes = [
        {"name": name, "says": schema.get("description", ""), "keys": keys_of(schema), "values": schema.get("enum", [])}
        for name, schema in sorted(document["components"]["schemas"].items())
    ]
    return render_template("reference.html", groups=calls(document), shapes=shapes, info=document["info"])
