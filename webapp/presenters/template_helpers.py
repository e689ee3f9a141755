"""Globals of every template: the caller, the labels, the addresses of static files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, g
from markupsafe import Markup, escape

from webapp.i18n import words
from webapp.i18n.i18n import gettext
from webapp.presenters import rollback_preview

STATIC = Path(__file__).parents[1] / "static"


def install(app: Flask) -> None:
    """Register the labels and helpers with the templates."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["word"] = lambda code, table: gettext(words.word(code, table))
    app.jinja_env.filters["translated"] = gettext
    app.jinja_env.filters["rich"] = rich
    app.jinja_env.filters["shown"] = rollback_preview.shown
    app.jinja_env.globals["table_of"] = words.table
    app.jinja_env.globals["chart_words"] = lambda: {key: gettext(text) for key, text in words.CHART.items()}
    app.jinja_env.globals["echarts"] = f"vendor/{vendored('echarts')['file']}"
    app.context_processor(lambda: {"caller": g.get("caller")})


def rich(text: str) -> Markup:
    """Return the text as HTML, with the parts between backticks as code."""
    parts = (
        Markup("<code>{}</code>").format(part) if odd % 2 else escape(part) for odd, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def vendored(name: str) -> dict[str, Any]:
    """Return the entry of a vendored part. Raises StopIteration if it is missing, which stops the app's start."""
    parts = json.loads((STATIC / "vendor" / "vendor.json").read_text())
    return next(part for part in parts if part["name"] == name)
