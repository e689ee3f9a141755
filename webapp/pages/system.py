"""The installation as a page, with the data of GET /api/system: services, top consumers, deploys under way."""

from __future__ import annotations

from flask import Blueprint, render_template

from webapp.api.stats import window_name
from webapp.api.system import overview

blueprint = Blueprint("system", __name__)


@blueprint.get("/system")
def show() -> str:
    """Render services, disks, collector, usage, deploys under way."""
    return render_template("system.html", system=overview(), window=window_name())
