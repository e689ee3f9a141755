"""Verbs about workloads: deploy, rollback, releases, status, logs, remove."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.tables import (
    RELEASES,
    STANDING,
    release_cells,
    standing_cells,
    status_line,
)
from flows.cli.terminal import Json, Name, actor, data, opened_context, opened_ledger, say, table, text

if TYPE_CHECKING:
    from db.models import Deploy, Workload, WorkloadHealth
    from flows.requests import Asked
    from tasks.context import Context

Detach = Annotated[bool, typer.Option("--detach", help="Return at once instead of following the deploy.")]


def deploy(
    name: Name,
    image: Annotated[
        str | None, typer.Option("--image", help="Deploy this image instead of the one in the spec.")
    ] = None,
    ref: Annotated[
        str | None, typer.Option("--ref", help="Deploy this branch, tag or commit instead of the one in the spec.")
    ] = None,
    upload: Annotated[Path | None, typer.Option("--upload", help="Files to serve: a directory, tar or zip.")] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Deploy a workload and follow the deploy to its end. Exit code 1 if it fails."""
    from flows.workloads import uploads

    _carry_out(name, lambda context, asked: uploads.deploy(context, name, asked, image, ref, upload), detach, as_json)


def rollback(
    name: Name,
    version: Annotated[
        int | None,
        typer.Argument(metavar="[VERSION]", help="Default: the newest earlier version that succeeded and differs."),
    ] = None,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Roll back to an earlier version, its image and its configuration. Exit code 1 if that fails."""
    from flows.requests import request_rollback

    _carry_out(name, lambda context, asked: request_rollback(context, name, asked, version), detach, as_json)


def releases(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many deploys.")] = 20,
    as_json: Json = False,
) -> None:
    """List deploys, newest first."""
    from db import history

    with opened_context() as context, context.database.reading() as session:
        workload = _find(context, name)
        live = history.live(session, workload.id)
        rows = [_row(context, deploy, name, live) for deploy in history.page(session, workload.id, limit=limit)]
    if as_json:
        data({"deploys": rows})
        return
    table(RELEASES, [release_cells(row) for row in rows])


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One workload, with its containers.")] = None,
    as_json: Json = False,
) -> None:
    """Show how all workloads are, or one. Exit code 1 if that one is not well."""
    from db import history, workloads
    from db.health import status as stored_status

    with opened_context() as context:
        if name is not None:
            return _status_of_one(context, name, as_json)
        with context.database.reading() as session:
            live, last = history.live_and_latest(session)
            stored = stored_status.every(session)
            found = [_standing(context, each, live, last, stored) for each in workloads.every(session)]
    if as_json:
        return data({"workloads": found})
    return table(STANDING, [standing_cells(each) for each in found])


def logs(
    name: Name,
    tail: Annotated[int, typer.Option("--tail", min=1, max=2000, help="How many lines.")] = 100,
    as_json: Json = False,
) -> None:
    """Print the last lines of output of the workload's containers."""
    from tasks.containers import live_reads

    with opened_context() as context:
        workload = _find(context, name)
        lines = live_reads.of_host(context, workload.host).log_tail(workload, tail)
    if as_json:
        return data({"lines": lines})
    for line in lines:
        text(line)
    if not lines:
        say(f"{name} has no output yet, or no container.")
    return None


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Remove a workload with its containers, its files in HOME/files, history and samples. Its volumes are kept. Exit
    code 1 if it takes longer; the engine then continues the removal."""
    from flows.cli.follow import follow_removal
    from flows.workloads.removal import request_removal

    if sys.stdin.isatty() and not yes:
        typer.confirm(_question(name), abort=True, err=True)
    with opened_context() as context:
        removal = request_removal(context, name, actor())
        try:
            unfinished = None if detach else follow_removal(context, removal)
        except KeyboardInterrupt:
            say(f"The removal of {name} continues.")
            raise
    if unfinished:
        say(f"backstay: {unfinished}")
        raise typer.Exit(1)
    if as_json:
        data({"removing": name} if detach else {"removed": name})
    else:
        text(f"{name} is being removed." if detach else f"{name} was removed.")


def _question(name: str) -> str:
    from db import adopted

    with opened_ledger() as database, database.reading() as session:
        names = [one.name for one in adopted.of_workload(session, name)]
    those = f" (among them adopted ones: {', '.join(names)})" if names else ""
    return f"Remove {name} with its containers{those}, its files in HOME/files, history and samples?"


def _carry_out(name: str, request: Callable[[Context, Asked], Deploy], detach: bool, as_json: bool) -> None:
    from db.states import Status, Trigger
    from flows.cli.follow import failure
    from flows.requests import Asked

    with opened_context() as context:
        row = request(context, Asked(Trigger.CLI, actor()))
        back = f" to version {row.rollback_of}" if row.rollback_of else ""
        say(f"{name} version {row.version}: {row.reason}{back} of {row.requested}")
        if not detach:
            row = to_the_end(context, row)
        if as_json:
            data(fresh_row(context, row, name))
        told = failure(context, name, row)
    if detach:
        return say(f"The deploy is {row.status}; follow it with `backstay releases {name}`.")
    if row.status == Status.SUCCEEDED:
        return say(f"{name} version {row.version} is live.")
    say(told)
    raise typer.Exit(1)


def to_the_end(context: Context, asked: Deploy) -> Deploy:
    """Follow a deploy, printing its stages; return its last row."""
    from flows.cli.follow import follow

    row, told = asked, 0
    try:
        for row in follow(context, asked):
            for stage in row.stages[told:]:
                say(f"  {stage['name']:<9} {stage['ms'] / 1000:6.1f} s")
            told = len(row.stages)
    except KeyboardInterrupt:
        say("The deploy continues; `backstay releases` shows its result.")
        raise
    return row


def fresh_row(context: Context, row: Deploy, name: str) -> dict[str, Any]:
    """Return a row as --json prints it."""
    from db import history

    with context.database.reading() as session:
        return _row(context, row, name, history.live(session, row.workload_id))


def _row(context: Context, deploy: Deploy, name: str, live: Deploy | None) -> dict[str, Any]:
    from flows.shapes.deploys import row

    return row(deploy, name, live, context.settings.prefect_ui_url)


def _find(context: Context, name: str) -> Workload:
    from flows.refusals import workload_named

    with context.database.reading() as session:
        return workload_named(session, name)


def _standing(
    context: Context,
    workload: Workload,
    live: dict[int, Deploy],
    last: dict[int, Deploy],
    stored: dict[int, WorkloadHealth],
) -> dict[str, Any]:
    from db.health.status import standing
    from flows.home_locks import is_engine_running
    from flows.shapes.status import status_keys

    now_live, newest = live.get(workload.id), last.get(workload.id)
    watched = is_engine_running(context.settings)
    return {
        "name": workload.name,
        **status_keys(standing(workload, now_live, newest, stored.get(workload.id), watched=watched)),
        "source": workload.spec["source"],
        "host": workload.host,
        "live": _row(context, now_live, workload.name, now_live) if now_live else None,
        "last": _row(context, newest, workload.name, now_live) if newest else None,
    }


def _status_of_one(context: Context, name: str, as_json: bool) -> None:
    from db import history
    from db.health import status as stored_status
    from db.health.codes import NOT_WELL
    from tasks.containers import live_reads

    workload = _find(context, name)
    with context.database.reading() as session:
        live, last = history.live_and_latest(session)
        stored = stored_status.every(session)
    runtime = live_reads.of_host(context, workload.host).runtime_state(workload)
    found = _standing(context, workload, live, last, stored) | {"runtime": runtime}
    if as_json:
        data(found)
    else:
        _print_status(found)
    if found["status"] in NOT_WELL:
        raise typer.Exit(1)


def _print_status(found: dict[str, Any]) -> None:
    table(STANDING, [standing_cells(found)])
    if why := status_line(found):
        text(f"  {why}")
    for each in found["runtime"]["containers"]:
        text(f"  {each['name']}  version {each['version']}  {each['state']}  restarts {each['restarts']}")
    if not found["runtime"]["available"]:
        say("Docker does not respond, so the containers are unknown.")
