"""What reading a compose file costs: `python -m tests.docker.bomb_cost HOME FOLDER < compose.yaml`, as JSON.

A process of its own, because the kernel reckons what a process was before it became another program to its memory, and
the largest child of a test process may be of another test.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from db.settings import Settings
from tasks.compose import cli
from tasks.context import Context
from tasks.failures import Failure


def main(home: str, folder: str) -> None:
    """Read the file of standard input, and print the outcome, the seconds of CPU and the bytes."""
    context = Context.open(Settings(home=Path(home)), "bomb", quiet=True)
    text = sys.stdin.buffer.read()
    try:
        cli.config(context, "p", Path(folder), ["--file", "-", "config", "--format", "json"], {}, text)
        outcome = "read"
    except Failure as failure:
        outcome = f"{failure.code} {failure.kind}"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([outcome, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))


main(*sys.argv[1:])
