"""`make bench`: Backstay beside what it is compared with, in one run; prints a table of ratios. ARGS names the parts.

collection  a sweep over 60 containers, by files and by the API, beside `docker stats`
reading     a window of samples: in process, over HTTP, and by Prometheus from the same series
growth      the same read with 1000 workloads beside it
keeping     inserting a tick beside the bare driver; how long summing up and pruning hold the write lock; bytes a sample
prefect     a week of runs in Prefect's database, and what its vacuum leaves of them
builds      building an app again by BuildKit, beside the classic builder
up          a real `backstay up`: deploys and rollbacks beside the Docker SDK alone, and what it costs to do nothing
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import builds, collection, growth, keeping, orchestrator, reading, up
from tests.bench.table import Line, show

PARTS: dict[str, Callable[[Path], list[Line]]] = {
    "collection": collection.main,
    "reading": reading.main,
    "growth": growth.main,
    "keeping": keeping.main,
    "prefect": orchestrator.main,
    "builds": builds.main,
    "up": up.main,
}


def main(wanted: list[str]) -> None:
    """Run the parts, each in a directory that is gone afterwards."""
    if unknown := set(wanted) - PARTS.keys():
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: dict[str, list[Line]] = {}
    for name in wanted or PARTS:
        print(f"== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"backstay-bench-{name}-") as directory:
            found[name] = PARTS[name](Path(directory))
    show(found)


if __name__ == "__main__":
    main(sys.argv[1:])
