"""The tiers that samples are summed up in: bucket widths in seconds, from what each is made, rounding to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

SAMPLES = 0  # the width that stands for the samples themselves
TICK = 1  # every moment a bucket of its own
MINUTE, QUARTER, HOUR = 60, 900, 3600
# The owner of what all workloads use together. Workloads count from 1, and an id is never used again.
INSTALLATION = 0

# width -> the width that it is made of; from fine to coarse, the same for a workload and for the installation
TIERS: Mapping[int, int] = {TICK: SAMPLES, MINUTE: TICK, QUARTER: MINUTE, HOUR: QUARTER}


def floor(ts: int, width: int) -> int:
    """The start of the bucket that `ts` is in."""
    return ts - ts % width


def ceiling(ts: int, width: int) -> int:
    """The first start of a bucket at or after `ts`."""
    return ts + -ts % width
