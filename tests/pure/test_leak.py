"""Leaks are called, and nothing else is: over many seeded runs of each kind of noise.

Two hundred of each; BACKSTAY_FAULTS=all makes them a thousand.
"""

from __future__ import annotations

import numpy as np
import pytest

from tasks.impact.leak import MIB, theil_sen, thinned, trend
from tasks.impact.series import Array
from tasks.impact.verdict import SETTLED_AFTER_S, WARM_UP_S
from tests.conftest import FAULTS

RUNS = 1000 if FAULTS == "all" else 200
MOST_FALSE_ALARMS = 0.005
# What there is of a version when it is half an hour old: a sample each 15 s since it has warmed up.
TS = np.arange(WARM_UP_S, SETTLED_AFTER_S + 1, 15, dtype=float)
LEAK = TS / 60 * MIB


def app(rng: np.random.Generator, *, steps: bool = False) -> Array:
    """The memory of an app that does not leak: jitter, a garbage collector, a warm-up, spikes, and steps if asked."""
    base = rng.uniform(16, 128) * MIB
    memory = base + rng.normal(0, base * rng.uniform(0.001, 0.006), len(TS))
    period = rng.uniform(20, 240)
    memory += base * rng.uniform(0, 0.15) * ((TS + rng.uniform(0, period)) % period) / period
    memory += base * rng.uniform(0, 0.5) * (1 - np.exp(-TS / rng.uniform(20, 150)))
    memory += (rng.random(len(TS)) < 0.02) * base * rng.uniform(0, 1)
    for _ in range(rng.poisson(0.7) if steps else 0):
        memory += (rng.uniform(TS[0], TS[-1]) < TS) * base * rng.uniform(-0.08, 0.1)
    return memory


def restless(rng: np.random.Generator) -> Array:
    """One that wanders about besides, and is as large as half a gigabyte."""
    base = rng.choice([20, 60, 120, 250, 500]) * MIB
    drift, shocks = np.zeros(len(TS)), rng.normal(0, base * rng.uniform(0, 0.004), len(TS))
    for i in range(1, len(TS)):
        drift[i] = 0.97 * drift[i - 1] + shocks[i]
    return app(rng, steps=True) * base / (64 * MIB) + drift


def leaking(memories: list[Array]) -> float:
    """The part of the runs that are called leaking."""
    found = [trend(TS, memory) for memory in memories]
    return sum(one is not None and one.leaking for one in found) / len(found)


def test_a_leak_of_a_mebibyte_a_minute_is_called_within_half_an_hour() -> None:
    runs = [app(np.random.default_rng(seed)) + LEAK for seed in range(RUNS)]
    assert leaking(runs) >= 0.99
    # A step in between hides some of them until the next look, not most.
    assert leaking([app(np.random.default_rng(seed), steps=True) + LEAK for seed in range(RUNS)]) >= 0.85


@pytest.mark.parametrize("kind", ["steady", "with steps", "restless", "jitter alone"])
def test_what_does_not_leak_is_next_to_never_called_leaking(kind: str) -> None:
    def run(seed: int) -> Array:
        rng = np.random.default_rng(10_000 + seed)
        match kind:
            case "restless":
                return restless(rng)
            case "jitter alone":
                return np.asarray(rng.uniform(8, 4096) * MIB * (1 + rng.normal(0, rng.uniform(0, 0.1), len(TS))))
            case _:
                return app(rng, steps=kind == "with steps")

    # Jitter alone is called now and then, so that its rate takes a thousand runs to tell; they cost little.
    runs = 1000 if kind == "jitter alone" else RUNS
    assert leaking([run(seed) for seed in range(runs)]) <= MOST_FALSE_ALARMS


@pytest.mark.parametrize(
    "memory",
    [
        np.full(len(TS), 64.0 * MIB),
        64 * MIB + (TS > 900) * 40.0 * MIB,  # one step
        64 * MIB + ((TS > 700).astype(float) + (TS > 1300)) * 20 * MIB,  # two steps
        164 * MIB - np.exp(-(TS - WARM_UP_S) / 300) * 100.0 * MIB,  # a cache that fills and levels off
        64 * MIB + LEAK * 0.1,  # too little to tell in half an hour
        64 * MIB - LEAK,
        64 * MIB + (TS % 600) / 600 * 30 * MIB,  # a slow garbage collector
        2048 * MIB + LEAK,  # one part in a hundred
    ],
    ids=["flat", "step", "two steps", "cache", "slow", "shrinking", "saw", "large"],
)
def test_what_only_looks_like_a_leak_is_none(memory: Array) -> None:
    found = trend(TS, memory)
    assert found is not None
    assert not found.leaking


def test_the_slope_of_a_leak_is_its_slope_whatever_a_quarter_of_the_samples_say() -> None:
    rng = np.random.default_rng(1)
    memory = 64 * MIB + LEAK
    memory[rng.random(len(TS)) < 0.25] *= 3
    assert theil_sen(TS, memory) * 60 == pytest.approx(MIB, rel=0.15)
    clean = trend(TS, 64 * MIB + LEAK)
    assert clean is not None
    assert clean.slope * 60 == pytest.approx(MIB)
    assert clean.grown == pytest.approx(25 * 5 / 6 * MIB, rel=0.05)


def test_a_slow_leak_shows_over_a_day() -> None:
    rng = np.random.default_rng(2)
    ts = np.arange(0, 24 * 3600, 15, dtype=float)
    flat = 100 * MIB * (1 + rng.normal(0, 0.01, len(ts)))
    (found, none) = (trend(ts, flat + ts / 3600 * MIB), trend(ts, flat))
    assert found is not None
    assert found.leaking
    assert found.slope * 3600 == pytest.approx(MIB, rel=0.1)
    assert none is not None
    assert not none.leaking


def test_less_than_twenty_minutes_are_no_leak_and_one_sample_is_nothing() -> None:
    short = TS <= WARM_UP_S + 19 * 60
    found = trend(TS[short], (64 * MIB + LEAK * 10)[short])
    assert found is not None
    assert (found.leaking, found.grown) == (False, None)
    assert trend(TS[:1], LEAK[:1]) is None


def test_samples_that_are_thinned_keep_their_slope() -> None:
    ts = np.arange(0, 5000, dtype=float)
    few, values = thinned(ts, ts * 3)
    assert len(few) == 200
    assert theil_sen(few, values) == pytest.approx(3)
    assert thinned(ts[:5], ts[:5])[0] is not None
    assert theil_sen(ts[:1], ts[:1]) == 0.0
