"""The tiers that samples are summed up in: bucket widths in seconds, from what each is made, rounding to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

SAMPLES = 0  # the width that stands for the samples themselves
TICK = 1  # every moment a bucket of its own
MINUTE, QUARTER, HOUR = 60, 900, 3600
# The owner of what all workloads use together. Workloads count from 1, and an id is never used again.
INSTALLATION = 0

# width -> the width that it is made of; from fine to coarse
OF_WORKLOAD: Mapping[int, int] = {MINUTE: SAMPLES, QUARTER: MINUTE, HOUR: QUARTER}
OF_INSTALLATION: Mapping[int, int] = {TICK: SAMPLES, MINUTE: TICK, QUARTER: MINUTE, HOUR: QUARTER}


def tiers_of(owner_id: int) -> Mapping[int, int]:
    """The tiers of an owner. A tick of one workload is summed as it is read; one of a thousand would be too much."""
    return OF_INSTALLATION if owner_id == INSTALLATION else OF_WORKLOAD


def floor(ts: int, width: int) -> int:
    """The start of the bucket that `ts` is in."""
    return ts - ts % width


def ceiling(ts: int, width: int) -> int:
    """The first start of a bucket at or after `ts`."""
    return ts + -ts % width
