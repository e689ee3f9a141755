"""Verbs about credentials of git servers: git-credential set, list, remove. A secret is never an argument."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.terminal import Json, data, opened_context, say, table, text

credentials = typer.Typer(
    help="Credentials of git servers, of a whole host or of one repository.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Host = Annotated[
    str, typer.Argument(metavar="HOST[/PATH]", help="git.example, git.example:8443/acme, github.com/acme/shop.")
]


@credentials.callback()
def _credentials() -> None:
    """Credentials of git servers."""


@credentials.command("set")
def put(
    host: Host,
    username: Annotated[str | None, typer.Option("--username", help="Default: one that works with any token.")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="Read a token or password from this file.")
    ] = None,
    ssh_key_file: Annotated[
        Path | None, typer.Option("--ssh-key-file", help="A private key without passphrase.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Store or replace credentials. Without a file, the token is read from the terminal or standard input."""
    from flows import git_logins

    given = {"username": username, "ssh_key": _read(ssh_key_file) if ssh_key_file else None}
    if token_file is not None:
        given["password"] = _read(token_file).partition("\n")[0].rstrip("\r")
    elif ssh_key_file is None:
        given["password"] = _typed()
    with opened_context() as context:
        stored = git_logins.store(context, host, {key: value for key, value in given.items() if value is not None})
    if as_json:
        data(stored)
    else:
        text(f"The credentials for {stored['host']} are stored.")


@credentials.command("list")
def list_all(as_json: Json = False) -> None:
    """List for which hosts and repositories credentials are stored, without their secrets."""
    from flows import git_logins

    with opened_context() as context:
        found = git_logins.every(context)
    if as_json:
        data({"git_credentials": found})
    else:
        table(("HOST", "USER", "HAS"), [[one["host"], one["username"], ", ".join(one["has"])] for one in found])


@credentials.command("remove")
def remove(host: Host, as_json: Json = False) -> None:
    """Remove credentials."""
    from flows import git_logins

    with opened_context() as context:
        gone = git_logins.remove(context, host)
    if not gone:
        say(f"backstay: no credentials are stored for {host}; `backstay git-credential list` lists them.")
        raise typer.Exit(1)
    if as_json:
        data({"removed": host})
    else:
        text(f"The credentials for {host} were removed.")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        pass
    raise typer.BadParameter(f"{file} is no readable text file.")


def _typed() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Token or password", hide_input=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
