"""Verbs about webhooks: hook add, hook list, hook remove."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.cli.terminal import Json, Name, actor, data, opened_context, say, table, text

hooks = typer.Typer(help="Webhooks, which deploy a workload on a push.", no_args_is_help=True)
HEAD = ("ID", "SENDER", "EVENT", "LAST CALL", "OUTCOME")


@hooks.callback()
def _hooks() -> None:
    """Webhooks, which deploy a workload on a push."""


@hooks.command("add")
def add(
    name: Name,
    provider: Annotated[
        str, typer.Option("--provider", help="github, gitea, gitlab, bitbucket, registry, dockerhub, ghcr or generic.")
    ],
    branch: Annotated[str | None, typer.Option("--branch", help="Name or pattern; default: the source's own.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Name or pattern; default: the source's own.")] = None,
    paths: Annotated[
        list[str] | None,
        typer.Option("--path", help="Only pushes that change such a file: services/web/**, !docs/**; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a webhook to a workload. Its address and its secret are shown once."""
    from flows.shapes.webhooks import hook
    from flows.webhooks import lifecycle

    with opened_context() as context:
        made = lifecycle.add(context, name, actor(), provider, branch=branch, tag=tag, paths=paths)
        settings = context.settings
        base = settings.public_url.rstrip("/") or f"http://{settings.web_host}:{settings.web_port}"
        found = hook(made.hook) | {
            "url": base + made.path,
            "path": made.path,
            "token": made.token,
            "secret": made.secret,
        }
    if as_json:
        data(found)
        return
    text(f"address  {found['url']}")
    if found["secret"] in found["path"]:
        say("Save it now: it is not shown again. The secret is a part of it.")
    else:
        text(f"secret   {found['secret']}")
        say("Save both now: they are not shown again.")
    if not settings.public_url:
        say("If the sender reaches the web interface at another address, set BACKSTAY_PUBLIC_URL to it.")


@hooks.command("list")
def list_all(name: Name, as_json: Json = False) -> None:
    """List the webhooks of a workload, without their secrets."""
    from db import webhooks
    from flows.refusals import workload_named
    from flows.shapes.webhooks import hook

    with opened_context() as context, context.database.reading() as session:
        found = [hook(one) for one in webhooks.of_workload(session, workload_named(session, name).id)]
    if as_json:
        data({"hooks": found})
    else:
        table(HEAD, [_cells(one) for one in found])


@hooks.command("remove")
def remove(
    name: Name,
    number: Annotated[int, typer.Argument(metavar="ID", help="Its number in `hook list`.")],
    as_json: Json = False,
) -> None:
    """Remove a webhook; calls to its address are refused."""
    from flows.webhooks import lifecycle

    with opened_context() as context:
        gone = lifecycle.remove(context, name, number, actor())
    if not gone:
        say(f"backstay: {name} has no webhook {number}; `backstay hook list {name}` lists them.")
        raise typer.Exit(1)
    if as_json:
        data({"removed": number})
    else:
        text(f"Webhook {number} of {name} was removed.")


def _cells(hook: dict[str, Any]) -> list[str]:
    kind, pattern = ("branch", hook["branch"]) if hook["branch"] else ("tag", hook["tag"])
    last = hook["last"] or {"at": "-", "outcome": "-"}
    waits = f"{kind} {pattern}" if pattern else "the source's own"
    waits += f", {' '.join(hook['paths'])}" if hook["paths"] else ""
    return [str(hook["id"]), hook["provider"], waits, last["at"][:19].replace("T", " "), last["outcome"]]
