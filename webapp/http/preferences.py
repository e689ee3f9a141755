"""Preferences of a reader, kept in cookies: the language and the theme. Set by ?lang= and ?theme= on any page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, g, request

from db.states import Reason, Status
from tasks.metrics.coverage import WINDOWS
from tasks.specs import NAME
from webapp.i18n import i18n
from webapp.i18n.words import WORKLOAD_STATUSES

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
A_YEAR_S = 365 * 24 * 3600
KNOWN: dict[str, Callable[[str], bool]] = {
    "before": str.isdigit,
    "limit": str.isdigit,
    "status": {*Status, *WORKLOAD_STATUSES}.__contains__,
    "reason": {*Reason}.__contains__,
    "window": WINDOWS.__contains__,
}
_NAME = re.compile(NAME)


def theme() -> str:
    """Return auto, light or dark."""
    for asked in (request.args.get("theme"), request.cookies.get(THEME_COOKIE)):
        if asked in THEMES:
            return str(asked)
    return "auto"


def here(**changes: str) -> str:
    """Return the address of this page with other arguments."""
    return f"{page()}?{urlencode({**known_arguments(), **changes})}"


def page() -> str:
    """Return the path of this page, or /apps: an unknown path may contain anything and is not repeated."""
    name = (request.view_args or {}).get("name")
    # A logged-in user sees only names of existing workloads echoed; before the login no answer may reveal which exist.
    is_known = name is None or name == g.get("workload") or (g.get("caller") is None and _NAME.match(name))
    is_one = request.method == "GET" and request.endpoint is not None and request.endpoint != "static"
    if is_one and is_known:
        return request.path
    # The page of an app, also in answer to a refused form of it.
    return f"/apps/{name}" if name and name == g.get("workload") else "/apps"


def known_arguments() -> dict[str, str]:
    """Return the query arguments that our pages understand; the rest may be anything, for example a password."""
    return {key: value for key, value in request.args.items() if key in KNOWN and KNOWN[key](value)}


def install(app: Flask) -> None:
    """Store the chosen preferences, and pass them to the templates."""
    app.after_request(_keep)
    app.context_processor(_for_templates)


def _keep(response: Response) -> Response:
    chosen = {i18n.COOKIE: (i18n.LANGUAGES, "lang"), THEME_COOKIE: (THEMES, "theme")}
    for cookie, (known, argument) in chosen.items():
        value = request.args.get(argument)
        if value in known:
            # Readable by our own script on purpose: it switches the theme without a round trip. Not a secret.
            response.set_cookie(cookie, str(value), max_age=A_YEAR_S, samesite="Lax", secure=request.is_secure)
    return response


def _for_templates() -> dict[str, Any]:
    return {
        "language": i18n.language(),
        "locale_code": i18n.LOCALES[i18n.language()],
        "languages": i18n.LANGUAGES,
        "theme": theme(),
        "themes": THEMES,
        "here": here,
    }
