"""The CLI's output: data on stdout (a table, or JSON with --json), messages to the person on stderr."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from db.connection import Database
    from tasks.context import Context

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the workload.")]


def say(line: str) -> None:
    """Print a line for the person at the terminal, never for a pipe."""
    typer.echo(line, err=True)


def data(value: Any) -> None:
    """Print JSON on stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def text(line: str) -> None:
    """Print a line of output on stdout."""
    typer.echo(line)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns, the last one ragged."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def opened_context() -> Iterator[Context]:
    """Open the context of this installation; close it at the end."""
    from db.settings import load_settings
    from tasks.context import Context

    context = Context.open(load_settings(), "cli", quiet=True)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def opened_ledger() -> Iterator[Database]:
    """Open the ledger alone, for verbs that need no Docker and no Prefect; a second quicker than the whole context."""
    from db.connection import Database
    from db.settings import ensure_home, load_settings

    settings = load_settings()
    ensure_home(settings)
    database = Database(settings.ledger_url)
    try:
        yield database
    finally:
        database.close()


def actor() -> str:
    """Return the name of the person at the keyboard, for the ledger."""
    if sudo_user := os.environ.get("SUDO_USER"):
        return sudo_user
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
