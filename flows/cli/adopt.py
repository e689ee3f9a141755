"""The verb adopt: a running container, or a compose project, becomes a workload. Nothing is restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.terminal import Json, actor, data, opened_context, say, table, text
from flows.cli.workloads import Detach, to_the_end

if TYPE_CHECKING:
    from db.models import Deploy
    from tasks.adoption.look import Adoptable
    from tasks.context import Context


def adopt(
    containers: Annotated[
        list[str] | None, typer.Argument(metavar="[CONTAINER]...", help="Names or ids of running containers.")
    ] = None,
    compose: Annotated[str, typer.Option("--compose", metavar="PROJECT", help="A project of Docker Compose.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the workload. Default: that of what is adopted.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the spec and what becomes of each setting; write nothing.")
    ] = False,
    detach: Detach = False,
    as_json: Json = False,
) -> None:
    """Make workloads of running containers, one of each, or one of a compose project. Nothing is restarted. Exit code 1
    if it fails."""
    given = containers or []
    if bool(given) == bool(compose):
        raise typer.BadParameter("name containers, or a project with --compose.")
    if name and len(given) > 1:
        raise typer.BadParameter("--name goes with one container.")
    with opened_context() as context:
        found = _found(context, given, compose, name)
        if not as_json:
            for one in found:
                _show(one, dry_run)
        rows = [None if dry_run else _adopted(context, one, detach) for one in found]
        if as_json:
            shown = [_as_data(one) | {"row": row and _row(context, row)} for one, row in zip(found, rows, strict=True)]
            data({"workloads": shown, "dry_run": dry_run})
    if not detach and any(row is not None and row.status != "succeeded" for row in rows):
        raise typer.Exit(1)


def _found(context: Context, containers: list[str], project: str, name: str) -> list[Adoptable]:
    """Read all before the first is adopted, so that a mistake in the last one adopts none."""
    from flows.workloads.adoption import find_container, find_project

    if project:
        return [find_project(context, project, name)]
    return [find_container(context, one, name) for one in containers]


def _adopted(context: Context, found: Adoptable, detach: bool) -> Deploy:
    from db.states import Status, Trigger
    from flows.cli.follow import failure
    from flows.new_deploy import Asked
    from flows.workloads.adoption import request_adoption

    row = request_adoption(context, found, Asked(Trigger.CLI, actor()))
    if detach:
        say(f"The adoption of {found.name} is {row.status}; follow it with `backstay releases {found.name}`.")
        return row
    row = to_the_end(context, row)
    if row.status == Status.SUCCEEDED:
        say(f"{found.name} is adopted: version {row.version} is live, and nothing was restarted.")
    else:
        say(failure(context, found.name, row))
    return row


def _show(found: Adoptable, dry_run: bool) -> None:
    from flows.cli.adoption_lines import SETTINGS, first_deploy, setting_rows, shown, summary
    from tasks.adoption.project import as_yaml

    notes = found.mapped.notes
    if dry_run:
        text(as_yaml(shown(found.mapped.spec)).rstrip())
        if found.mapped.secrets:
            text(f"# secrets, whose values go into the vault: {', '.join(sorted(found.mapped.secrets))}")
        text("")
        table(SETTINGS, setting_rows(notes))
        text("")
    for line in (*summary(found.name, [one[2] for one in found.containers], notes), *first_deploy(found.kind, notes)):
        text(line)


def _as_data(found: Adoptable) -> dict[str, Any]:
    from flows.cli.adoption_lines import shown
    from tasks.adoption.notes import share_mapped

    notes = found.mapped.notes
    return {
        "name": found.name,
        "spec": shown(found.mapped.spec),
        "secrets": sorted(found.mapped.secrets),
        "containers": [{"id": one[0], "service": one[1], "name": one[2]} for one in found.containers],
        "settings": [{"key": one.full_key, "fate": str(one.fate), "into": one.into} for one in notes],
        "mapped": round(share_mapped(notes), 3),
    }


def _row(context: Context, row: Deploy) -> dict[str, Any]:
    from flows.cli.workloads import fresh_row

    return fresh_row(context, row, context.workload(row.workload_id).name)
