"""One workload's read with nobody beside it, and with 999 others that have as much history."""

from __future__ import annotations

from pathlib import Path

from tasks.context import Context
from tasks.metrics.coverage import WINDOWS
from tests.bench import ledger
from tests.bench.reading import in_this_process
from tests.bench.series import DAY, Fleet
from tests.bench.table import Line, medians

DAYS, OTHERS, ROUNDS = 30, 999, 40
MOST = 1.3


def main(directory: Path) -> list[Line]:
    """Read, grow, read again."""
    started = ledger.epoch()
    with ledger.opened(directory / "home") as context:
        ledger.fill(context, Fleet(workloads=1), started - DAYS * DAY, started + 900, started)
        alone = times(context)
        ledger.multiply(context, OTHERS)
        crowded = times(context)
        mb = ledger.size(context) / 1e6
    print(f"{OTHERS + 1} workloads, {DAYS} days: {mb:.0f} MB")
    return [
        Line(f"{window}: one workload of {OTHERS + 1} / the only one", crowded[window], "ms", alone[window], MOST)
        for window in WINDOWS
    ]


def times(context: Context) -> dict[str, float]:
    """Milliseconds of each window, in process."""

    def read(seconds: int) -> object:
        return lambda _: in_this_process(context, 1, seconds)

    found = medians(ROUNDS, *(read(seconds) for seconds in WINDOWS.values()))  # type: ignore[arg-type]
    return dict(zip(WINDOWS, found, strict=True))
