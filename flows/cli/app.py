"""Console script `backstay`: one verb per line, each in the module of its subject.

Imports little at the top, so that `backstay --help` is quick; every verb imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from flows.cli import accounts, adopt, apply, backup, diff, git_credentials, processes, system, webhooks, workloads
from flows.cli.terminal import say

INTERRUPTED = 130
OURS = ("db", "tasks", "flows")  # the sentence of our own error is complete

app = typer.Typer(
    name="backstay",
    help="Deploy container workloads, record every deploy exactly, and roll any of them back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(processes.up)
app.command()(processes.engine)
app.command()(processes.web)
app.command()(processes.migrate)
app.command()(apply.apply)
app.command()(adopt.adopt)
app.command()(workloads.deploy)
app.command()(workloads.rollback)
app.command()(workloads.releases)
app.command()(diff.diff)
app.command()(workloads.status)
app.command()(workloads.logs)
app.command()(workloads.remove)
app.add_typer(webhooks.hooks, name="hook")
app.add_typer(git_credentials.credentials, name="git-credential")
app.add_typer(accounts.tokens, name="token")
app.add_typer(accounts.users, name="user")
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(system.settings)
app.command()(system.sweep)
app.command()(system.doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return the exit code. Whatever happens, print at most one line of error and no traceback."""
    try:
        code = app(args=list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, for instance `head`, has closed the pipe. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _report(error)
    return code if isinstance(code, int) else 0


def _report(error: Exception) -> int:
    from flows.cli.errors import explain, write_down

    code, sentence = explain(error)
    say(f"backstay: {sentence}")
    if code == 1 and type(error).__module__.partition(".")[0] not in OURS:
        write_down(error)
    return code
