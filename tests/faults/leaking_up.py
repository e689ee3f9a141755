"""`backstay up`, but with the engine of tests.faults.leaking_engine. Run as `python -m tests.faults.leaking_up`."""

from __future__ import annotations

import sys

from flows.cli.app import main
from flows.supervisor import programs

_ours = programs.backstay


def _backstay(verb: str) -> list[str]:
    return [sys.executable, "-P", "-m", "tests.faults.leaking_engine"] if verb == "engine" else _ours(verb)


if __name__ == "__main__":
    programs.backstay = _backstay
    sys.exit(main(["up"]))
