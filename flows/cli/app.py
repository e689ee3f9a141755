"""The console script `backstay`: one verb a line, each in the module of its subject.

Imports little at the top, so that `backstay --help` is quick; every verb imports what it needs when it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from flows.cli import accounts as cli_accounts
from flows.cli import backup as cli_backup
from flows.cli import diff as cli_diff
from flows.cli import processes as cli_processes
from flows.cli import system as cli_system
from flows.cli import webhooks as cli_hooks
from flows.cli import workloads as cli_workloads
from flows.cli.terminal import say

INTERRUPTED = 130
OURS = ("db", "tasks", "flows")  # an error of ours has said all there is in its sentence

app = typer.Typer(
    name="backstay",
    help="Deploys container workloads, remembers every deploy exactly, and takes any of them back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(cli_processes.up)
app.command()(cli_processes.engine)
app.command()(cli_processes.web)
app.command()(cli_processes.migrate)
app.command()(cli_workloads.apply)
app.command()(cli_workloads.deploy)
app.command()(cli_workloads.rollback)
app.command()(cli_workloads.releases)
app.command()(cli_diff.diff)
app.command()(cli_workloads.status)
app.command()(cli_workloads.logs)
app.command()(cli_workloads.remove)
app.add_typer(cli_hooks.hooks, name="hook")
app.add_typer(cli_accounts.tokens, name="token")
app.add_typer(cli_accounts.users, name="user")
app.command()(cli_backup.backup)
app.command()(cli_backup.restore)
app.command()(cli_system.settings)
app.command()(cli_system.sweep)
app.command()(cli_system.doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; answers the exit code. Whatever happens, at most one line of error and no traceback."""
    try:
        code = app(args=list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` say, has seen enough. Python would complain once more when it flushes at its end.
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
