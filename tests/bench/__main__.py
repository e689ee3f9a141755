"""`make bench`: Backstay beside what it is compared with, in one run; prints tables of ratios. ARGS names the parts.

reading     a window of samples: in process, over HTTP, and by Prometheus from the same series
growth      the same read with 1000 workloads beside it
keeping     inserting a tick, summing up, pruning: how long each holds the write lock; bytes a sample
prefect     a week of runs in Prefect's database, and what its vacuum leaves of them
up          a real `backstay up`: deploys and rollbacks beside the Docker SDK alone, and what it costs to do nothing
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import reading, up

PARTS: dict[str, Callable[[Path], None]] = {"reading": reading.main, "up": up.main}


def main(wanted: list[str]) -> None:
    """Run the parts, each in a directory that is gone afterwards."""
    if unknown := set(wanted) - PARTS.keys():
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for name in wanted or PARTS:
        print(f"\n== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix=f"backstay-bench-{name}-") as directory:
            PARTS[name](Path(directory))


if __name__ == "__main__":
    main(sys.argv[1:])
