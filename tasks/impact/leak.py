"""Whether memory leaks: a robust slope, and a careful yes or no. Pure: numpy arrays in.

A leak raises the floor, steadily. So the span is cut into blocks, and of each the floor is taken (its lowest value but
one: what a garbage collector cleans up shows above it). It leaks when the floor rises from every block to the next, by
enough to matter, in the second half as well as in the first. One step up, a cache that fills and levels off, a saw
tooth and jitter do not do that. See docs/metrics.md for what this cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.impact.series import Array

MIB = 1024 * 1024
SHORTEST_S = 20 * 60
BLOCKS = 6
FEWEST_IN_BLOCK = 3
POINTS = 200  # the slope is taken over no more: it looks at every pair
# What a rise must be at least: in bytes, as part of the memory, and against the scatter within the blocks.
LEAST_BYTES, LEAST_PART, LEAST_SCATTERS = 4 * MIB, 0.03, 1.0
LEAST_EVENNESS, LARGEST_EVENNESS = 0.25, 3.0  # each rise, as a multiple of the average one
LEAST_LASTING = 0.5  # the rise of the second half, as part of the first half's


@dataclass(frozen=True)
class Trend:
    """slope: bytes a second. grown: bytes by which the floor rose from the first block to the last; None: too short."""

    slope: float
    grown: float | None
    leaking: bool


def trend(ts: Array, memory: Array) -> Trend | None:
    """How memory (bytes) went over ts (seconds, ascending). None for less than two moments."""
    if len(ts) < 2:
        return None
    slope = theil_sen(*thinned(ts, memory))
    blocks = _blocks(ts, memory)
    if blocks is None:
        return Trend(slope, None, False)
    floors = np.array([np.partition(block, 1)[1] for block in blocks])
    scatter = float(np.median([np.median(np.abs(block - np.median(block))) for block in blocks])) * 1.4826
    grown = float(floors[-1] - floors[0])
    matters = grown >= max(LEAST_BYTES, LEAST_PART * float(floors[0]), LEAST_SCATTERS * scatter)
    return Trend(slope, grown, bool(matters and slope > 0 and _is_steady(floors)))


def theil_sen(ts: Array, values: Array) -> float:
    """The median of the slopes between all pairs of points: a third of them may be anything."""
    first, second = np.triu_indices(len(ts), 1)
    elapsed = ts[second] - ts[first]
    apart = elapsed > 0
    return float(np.median((values[second] - values[first])[apart] / elapsed[apart])) if apart.any() else 0.0


def thinned(ts: Array, values: Array) -> tuple[Array, Array]:
    """At most POINTS points: medians of neighbours."""
    if len(ts) <= POINTS:
        return ts, values
    pieces = np.array_split(np.arange(len(ts)), POINTS)
    return np.array([np.median(ts[one]) for one in pieces]), np.array([np.median(values[one]) for one in pieces])


def _blocks(ts: Array, memory: Array) -> list[Array] | None:
    if ts[-1] - ts[0] < SHORTEST_S:
        return None
    edges = np.linspace(ts[0], ts[-1], BLOCKS + 1)[1:-1]
    blocks = np.split(memory, np.searchsorted(ts, edges))
    return blocks if min(len(block) for block in blocks) >= FEWEST_IN_BLOCK else None


def _is_steady(floors: Array) -> bool:
    rises = np.diff(floors)
    even = rises.min() >= LEAST_EVENNESS * rises.mean() and rises.max() <= LARGEST_EVENNESS * rises.mean()
    half = len(rises) // 2
    return bool(even and rises[-half:].sum() >= LEAST_LASTING * rises[:half].sum())
