"""The web app, put together from its blueprints. `gunicorn 'webapp.app:create_app()'` runs it."""

from __future__ import annotations

from types import ModuleType

from flask import Flask
from werkzeug.routing import IntegerConverter

from db.settings import load_settings
from flows.refusals import Refusal
from flows.shapes.base import LARGEST
from tasks.context import Context
from tasks.logs.log import guard_streams
from webapp.api import (
    build_logs,
    content,
    csv_export,
    deploys,
    git_credentials,
    health,
    impacts,
    metrics,
    observations,
    registries,
    stats,
    streams,
    webhooks,
    workloads,
)
from webapp.api import system as installation
from webapp.checks.prefect_runs import Runs
from webapp.checks.readiness import Readiness
from webapp.http import auth, compression, headers, preferences, problems
from webapp.http.current import EXTENSION
from webapp.http.login_backoff import Attempts
from webapp.i18n import i18n
from webapp.openapi import handbook, reference
from webapp.pages import actions, apps, builds, credentials, login, logs, specs, system
from webapp.pages import webhooks as webhook_pages
from webapp.presenters import template_helpers

MAX_BODY = 1024 * 1024
BLUEPRINTS: tuple[ModuleType, ...] = (
    health,
    webhooks,
    impacts,
    installation,
    metrics,
    workloads,
    deploys,
    stats,
    csv_export,
    streams,
    observations,
    registries,
    reference,
    git_credentials,
    build_logs,
    content,
    builds,
    login,
    apps,
    actions,
    webhook_pages,
    logs,
    specs,
    system,
    handbook,
    credentials,
)


def create_app(context: Context | None = None) -> Flask:
    """Build the app on a context; without one, on the settings of the environment."""
    app = routes()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions[EXTENSION] = opened = context or _own_context()
    app.extensions["backstay.attempts"] = Attempts()
    app.extensions[webhooks.ATTEMPTS] = Attempts()
    app.extensions[webhooks.DECOY] = webhooks.decoy(opened)
    app.extensions["backstay.readiness"] = Readiness(opened)
    app.extensions["backstay.runs"] = Runs(opened)
    app.extensions["backstay.seats"] = streams.StreamLimit()
    for part in (compression, headers, preferences, auth, i18n, problems, template_helpers):
        part.install(app)
    app.register_error_handler(Refusal, problems.refused)
    return app


def routes() -> Flask:
    """Build an app with the routes alone, without a context behind them."""
    app = Flask("webapp")
    app.url_map.strict_slashes = False
    app.url_map.converters["version"] = VersionConverter
    for module in BLUEPRINTS:
        app.register_blueprint(module.blueprint)
    return app


def _own_context() -> Context:
    """Return a context for a web process of its own."""
    context = Context.open(load_settings(), "web")
    guard_streams(context.redactor)
    return context


class VersionConverter(IntegerConverter):
    """A version in an address. A number too large for the column becomes the largest, which no deploy ever has."""

    def to_python(self, value: str) -> int:
        """See werkzeug.routing.BaseConverter."""
        return int(min(super().to_python(value), LARGEST))
