"""Whether memory leaks: a robust slope, and a cautious yes or no. Pure: numpy arrays in.

A leak raises the floor steadily. So the span is cut into blocks, and the floor of each is taken (its second lowest
value: garbage not yet collected shows above it). It leaks when the floor rises from every block to the next, by enough
to matter, in the second half as well as in the first. A single step up, a cache that fills and levels off, a sawtooth
and jitter do not do that. See docs/metrics.md for what this cannot detect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.impact.series import Array

MIB = 1024 * 1024
SHORTEST_S = 20 * 60
BLOCKS = 6
FEWEST_IN_BLOCK = 3
POINTS = 200  # the slope is taken over no more: it compares every pair
# The least rise: in bytes, as a fraction of the memory, and relative to the scatter within the blocks.
LEAST_BYTES, LEAST_PART, LEAST_SCATTERS = 4 * MIB, 0.03, 1.0
LEAST_EVENNESS, LARGEST_EVENNESS = 0.25, 3.0  # each rise, as a multiple of the average one
LEAST_LASTING = 0.5  # the rise of the second half, as a fraction of the first half's


@dataclass(frozen=True)
class Trend:
    """slope: bytes per second. grown: rise of the floor in bytes from the first to the last block; None: too short."""

    slope: float
    grown: float | None
    leaking: bool


def trend(ts: Array, memory: Array) -> Trend | None:
    """Return how memory (bytes) changed over ts (seconds, ascending). None for fewer than two moments."""
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
    """Return the median of the slopes between all pairs of points: a third of them may be outliers."""
    first, second = np.triu_indices(len(ts), 1)
    elapsed = ts[second] - ts[first]
    apart = elapsed > 0
    return float(np.median((values[second] - values[first])[apart] / elapsed[apart])) if apart.any() else 0.0


def thinned(ts: Array, values: Array) -> tuple[Array, Array]:
    """Return at most POINTS points: medians of neighbours."""
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
