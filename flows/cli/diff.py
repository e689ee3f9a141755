"""The verb diff: changes from one version to another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from db.messages.refusals import RefusalCode
from flows.cli.terminal import Json, Name, data, opened_ledger, table, text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models import Deploy


def diff(
    name: Name,
    before: Annotated[int, typer.Argument(metavar="A", help="The version to go from.")],
    after: Annotated[int, typer.Argument(metavar="B", help="The version to go to.")],
    as_json: Json = False,
) -> None:
    """Show what changes from version A to version B: image, pin and configuration. Secrets by name only."""
    from db.diff import between

    with opened_ledger() as database, database.reading() as session:
        found = between(session, _row(session, name, before), _row(session, name, after))
    if as_json:
        data(found)
        return
    rows = [(key, found[key]["from"], found[key]["to"]) for key in ("image", "pin")]
    rows += [(one["key"], one["from"], one["to"]) for one in found["config"]]
    changed = [(key, _words(old), _words(new)) for key, old, new in rows if old != new]
    if changed:
        table(("KEY", f"V{before}", f"V{after}"), changed)
    else:
        text(f"Version {before} and version {after} are the same.")


def _row(session: Session, name: str, version: int) -> Deploy:
    from db import history
    from flows.refusals import Refusal, workload_named

    row = history.find(session, workload_named(session, name).id, version)
    if row is None:
        raise Refusal(RefusalCode.NO_SUCH_VERSION)
    return row


def _words(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("sha256") or value.get("digest") or value.get("image_id")
    return "-" if value is None else value if isinstance(value, str) else json.dumps(value)
