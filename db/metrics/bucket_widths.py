"""The tiers of summed samples: bucket widths in seconds, the tier each is made from, rounding to a bucket. Pure."""

from __future__ import annotations

from collections.abc import Mapping

SAMPLES = 0  # the width that stands for the samples themselves
TICK = 1  # one bucket per moment
MINUTE, QUARTER, HOUR = 60, 900, 3600
# The owner of the totals of all workloads. Workloads count from 1, and an id is never reused.
INSTALLATION = 0

# width -> the width that it is made from; from fine to coarse, the same for a workload and for the installation
TIERS: Mapping[int, int] = {TICK: SAMPLES, MINUTE: TICK, QUARTER: MINUTE, HOUR: QUARTER}


def floor(ts: int, width: int) -> int:
    """Return the start of the bucket that contains `ts`."""
    return ts - ts % width


def ceiling(ts: int, width: int) -> int:
    """Return the first start of a bucket at or after `ts`."""
    return ts + -ts % width
