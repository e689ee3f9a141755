"""Verbs that are processes: up, engine, web; and migrate, which they need first."""

from __future__ import annotations

import os

import typer

from flows.cli.terminal import Json, data, text


def up() -> None:
    """Run everything: Prefect, the engine and the web interface, until Ctrl-C."""
    from db.settings import load_settings
    from flows.supervisor.up import run

    raise typer.Exit(run(load_settings()))


def engine() -> None:
    """Run the engine alone: it carries out deploys and collects samples. `up` does this for you."""
    from db.settings import load_settings
    from flows.engine.start import run

    raise typer.Exit(run(load_settings()))


def web() -> None:
    """Run the web interface alone, under gunicorn. `up` does this for you."""
    from db.settings import ensure_home, load_settings
    from flows.home_locks import share_as_web
    from flows.supervisor.programs import gunicorn

    settings = load_settings()
    ensure_home(settings)
    share_as_web(settings)
    argv = gunicorn(settings)
    os.execv(argv[0], argv)  # noqa: S606 - a list, no shell


def migrate(as_json: Json = False) -> None:
    """Migrate the ledger's database to the schema of this version."""
    from db.migrate import upgrade
    from flows.cli.terminal import opened_ledger

    with opened_ledger() as database:
        revision = upgrade(database)
    if as_json:
        data({"revision": revision})
    else:
        text(f"The ledger is at revision {revision}.")
