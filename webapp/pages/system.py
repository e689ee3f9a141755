"""The installation as a whole, as GET /api/system has it: what it stands on, who uses most, what is under way."""

from __future__ import annotations

from flask import Blueprint, render_template

from webapp.api.stats import window_name
from webapp.api.system import overview

blueprint = Blueprint("system", __name__)


@blueprint.get("/system")
def show() -> str:
    """Services, disks, collector, usage, deploys under way."""
    return render_template("system.html", system=overview(), window=window_name())
