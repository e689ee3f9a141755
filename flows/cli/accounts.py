"""Verbs for tokens and users: token create, user add, user password. A password is never an argument."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import Json, data, opened_ledger, say, text

SHORTEST_PASSWORD = 8

tokens = typer.Typer(help="API tokens.", no_args_is_help=True, rich_markup_mode=None)
users = typer.Typer(help="People who log in.", no_args_is_help=True, rich_markup_mode=None)


class Role(StrEnum):
    """A viewer may read, an admin may do everything."""

    ADMIN = "admin"
    VIEWER = "viewer"


RoleOption = Annotated[Role, typer.Option("--role", help="A viewer may read, an admin may do everything.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Read the password from this file instead of the terminal.")
]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="The user's login name.")]


@tokens.callback()
def _tokens() -> None:
    """API tokens."""


@tokens.command("create")
def create_token(
    role: RoleOption,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Create an API token. It is shown once."""
    from db.access import accounts

    with opened_ledger() as database, database.writing() as session:
        value, row = accounts.create_token(session, role, label, datetime.now(UTC))
        answer = {"token": value, "id": row.id, "role": row.role, "label": row.label}
    if as_json:
        data(answer)
        return
    text(value)
    say("Save it now: it is not shown again.")


@users.command("add")
def add_user(
    name: UserName, role: RoleOption = Role.ADMIN, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Add a user. The password is read from the terminal, standard input or --password-file."""
    from db.access import accounts

    if not name.strip() or len(name) > 80:
        raise typer.BadParameter("a name has 1 to 80 characters.")
    password = _password(password_file)
    with opened_ledger() as database, database.writing() as session:
        user = accounts.add_user(session, name, role, password, datetime.now(UTC))
        answer = {"id": user.id, "name": user.name, "role": user.role}
    if as_json:
        data(answer)
    else:
        text(f"{name} can log in now, as {role}.")


@users.command("password")
def change_password(name: UserName, password_file: PasswordFile = None) -> None:
    """Set a new password for a user and end their sessions."""
    from db.access import accounts

    password = _password(password_file)
    with opened_ledger() as database, database.writing() as session:
        known = accounts.set_password(session, name, password)
    if not known:
        say(f"backstay: no user is called {name}; create one with `backstay user add {name}`.")
        raise typer.Exit(1)
    text(f"{name} has a new password.")


def _password(file: Path | None) -> str:
    if file is not None:
        password = file.read_text().partition("\n")[0].rstrip("\r")
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt="Repeat the password", err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        raise typer.BadParameter(f"a password has at least {SHORTEST_PASSWORD} characters.")
    return password
