"""What a deploy did: the verdict and its reasons, over windows of samples and counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.impact.leak import MIB
from tasks.impact.series import Series, by_service, summed
from tasks.impact.verdict import WARM_UP_S, Counts, SinceWarm, Window, assess, next_look_s, with_leak
from tests.conftest import FAULTS

START = 1_700_000_000
LONG = 1500
PAIRS = 1000 if FAULTS == "all" else 200  # of windows that differ by noise alone


def window(
    version: int = 1, cpu: float = 20, memory_mib: float = 100, seconds: int = LONG, seed: int = 1, **counts: int
) -> Window:
    """A window with a tenth of jitter on CPU and a hundredth on memory."""
    rng, ts = np.random.default_rng(seed + version), np.arange(START, START + seconds, 15, dtype=float)
    series = Series(
        ts,
        cpu * (1 + rng.normal(0, 0.1, len(ts))),
        memory_mib * MIB * (1 + rng.normal(0, 0.01, len(ts))),
        limit=256 * MIB,
    )
    return Window(version, START, START + seconds, series, Counts(**counts))


def judged(before: Window | None, after: Window) -> tuple[str, list[str]]:
    """Verdict and reasons."""
    found = assess(before, after, SinceWarm(after.series))
    return found["verdict"], found["reasons"]


@pytest.mark.parametrize(
    ("before", "after", "verdict", "reasons"),
    [
        (window(), window(2), "same", []),
        (window(), window(2, memory_mib=112), "same", []),  # an eighth more
        (window(memory_mib=20), window(2, memory_mib=26), "same", []),  # 6 MiB more
        (window(cpu=1), window(2, cpu=3), "same", []),  # two points more
        (window(), window(2, memory_mib=130), "worse", ["memory_up"]),
        (window(), window(2, memory_mib=70), "better", ["memory_down"]),
        (window(), window(2, cpu=40), "worse", ["cpu_up"]),
        (window(), window(2, cpu=8), "better", ["cpu_down"]),
        (window(), window(2, cpu=8, memory_mib=130), "worse", ["memory_up", "cpu_down"]),
        (window(), window(2, crashes=1), "worse", ["crashes_up"]),
        (window(), window(2, oom_kills=1), "worse", ["oom_kills_up"]),
        (window(crashes=4), window(2, crashes=5), "same", []),
        (window(crashes=4), window(2), "better", ["crashes_down"]),
        (window(crashes=1), window(2), "same", []),
        (window(oom_kills=2), window(2, crashes=1), "worse", ["crashes_up", "oom_kills_down"]),
        (None, window(1), "not_enough_data", ["no_version_before"]),
        (window(seconds=300), window(2, memory_mib=200), "not_enough_data", ["too_few_samples"]),
        (window(), window(2, seconds=300, memory_mib=200), "not_enough_data", ["too_few_samples"]),
        (window(), window(2, seconds=60, crashes=3), "worse", ["crashes_up"]),
        (window(crashes=3), window(2, seconds=60), "not_enough_data", ["too_few_samples"]),
    ],
)
def test_the_verdict_follows_from_what_clearly_changed(
    before: Window | None, after: Window, verdict: str, reasons: list[str]
) -> None:
    assert judged(before, after) == (verdict, reasons)


def test_noise_alone_is_next_to_never_a_verdict() -> None:
    verdicts = []
    for seed in range(PAIRS):
        rng = np.random.default_rng(seed)
        cpu, memory = rng.uniform(0, 90), rng.uniform(8, 500)
        pair = [window(version, cpu, memory, seed=2 * seed) for version in (1, 2)]
        # A busy hour: now and then a burst of CPU, in one of the two more than in the other.
        for one, part in zip(pair, rng.uniform(0, 0.2, 2), strict=True):
            one.series.cpu[rng.random(len(one.series.cpu)) < part] += rng.uniform(0, 100)
        verdicts.append(judged(*pair)[0])
    assert verdicts.count("same") >= 0.995 * PAIRS


def test_every_number_that_made_the_verdict_is_there() -> None:
    found = assess(window(), window(2, memory_mib=130, restarts=1), SinceWarm(window(2).series))
    assert list(found) == ["verdict", "reasons", "before", "after", "services", "leak"]
    after = found["after"]
    assert (after["version"], after["since"], after["until"], after["samples"]) == (2, START, START + LONG, 100)
    assert after["memory_median"] == pytest.approx(130 * MIB, rel=0.01)
    assert after["memory_median"] < after["memory_p95"]
    assert after["cpu_median"] == pytest.approx(20, rel=0.1)
    assert after["cpu_median"] < after["cpu_p95"]
    assert (after["restarts"], after["crashes"], after["oom_kills"]) == (1, 0, 0)
    assert found["leak"]["leaking"] is False
    assert found["leak"]["seconds_to_limit"] is None


def growing(mib_a_minute: float, limit: int | None = 256 * MIB) -> SinceWarm:
    """Memory that only grows, from 64 MiB."""
    ts = np.arange(START, START + LONG + 1, 15, dtype=float)
    return SinceWarm(Series(ts, np.full(len(ts), 5.0), 64 * MIB + (ts - START) / 60 * mib_a_minute * MIB, limit))


def test_a_leak_outweighs_the_rest_and_says_how_long_the_memory_lasts() -> None:
    first = assess(None, window(1), growing(1))
    assert (first["verdict"], first["reasons"]) == ("leaking", ["leak", "no_version_before"])
    # 25 minutes have brought it to 89 MiB; the newest ten samples have their median a little over a minute earlier.
    assert first["leak"]["seconds_to_limit"] == pytest.approx((256 - 89) * 60, abs=120)
    assert first["leak"]["slope_bytes_per_hour"] == pytest.approx(60 * MIB, rel=0.001)
    assert assess(None, window(1), growing(1, limit=None))["leak"]["seconds_to_limit"] is None


def test_a_later_look_keeps_the_comparison_and_takes_the_leak_anew() -> None:
    first = assess(window(), window(2), growing(1))
    later = with_leak(first, growing(0))
    assert (first["verdict"], later["verdict"], later["reasons"]) == ("leaking", "same", [])
    assert (later["before"], later["after"]) == (first["before"], first["after"])
    nothing = SinceWarm(Series(*[np.array([])] * 3))
    assert with_leak(first, nothing)["leak"] is None


def test_a_service_that_leaks_is_named_though_a_large_restless_one_hides_it_in_the_sum() -> None:
    large, small = window(2, memory_mib=3000).series, growing(1).whole
    whole = replace(large, memory=large.memory + small.memory[: len(large.ts)])
    hidden = assess(None, window(2), SinceWarm(whole))
    assert hidden["verdict"] == "not_enough_data"
    assert hidden["leak"]["service"] is None
    found = assess(None, window(2), SinceWarm(whole, {"database": large, "web": small}))
    assert (found["verdict"], found["leak"]["service"]) == ("leaking", "web")
    assert found["leak"]["slope_bytes_per_hour"] == pytest.approx(60 * MIB, rel=0.001)


def test_the_medians_of_each_service_stand_beside_those_of_the_whole() -> None:
    before = replace(window(), services={"web": window(memory_mib=40).series, "old": window(memory_mib=9).series})
    after = replace(window(2), services={"web": window(2, memory_mib=60).series, "new": window(cpu=7).series})
    found = {one["service"]: one for one in assess(before, after, SinceWarm(after.series))["services"]}
    assert list(found) == ["new", "old", "web"]
    assert found["web"]["memory_before"] == pytest.approx(40 * MIB, rel=0.01)
    assert found["web"]["memory_after"] == pytest.approx(60 * MIB, rel=0.01)
    assert found["new"]["cpu_after"] == pytest.approx(7, rel=0.1)
    assert (found["new"]["cpu_before"], found["old"]["memory_after"]) == (None, None)


def test_services_are_told_apart_by_their_containers_and_one_alone_is_the_whole() -> None:
    rows = [(15, 1, 10.0, 100, 500), (15, 2, 5.0, 50, 500), (15, 3, 5.0, 7, None)]
    rows += [(30, 1, 20.0, 200, 500), (45, 1, 9.0, 90, 500), (45, 2, 9.0, 90, 500)]
    found = by_service(rows, {1: "web", 2: "web", 3: "db"})
    assert {name: series.memory.tolist() for name, series in found.items()} == {"db": [7], "web": [150, 180]}
    assert (found["db"].limit, found["web"].limit) == (None, 1000)
    assert by_service(rows, {1: "web", 2: "web", 3: "web", 4: "gone"}) == {}


def test_the_looks_are_at_half_an_hour_two_and_six_hours_and_then_each_day() -> None:
    assert [next_look_s(looks) / 3600 for looks in range(7)] == [0.5, 2, 6, 24, 48, 72, 96]
    assert next_look_s(0) > WARM_UP_S


def test_two_containers_are_summed_and_a_moment_at_which_one_is_missing_does_not_count() -> None:
    rows = [(15, 1, 10.0, 100, 500), (15, 2, 5.0, 50, 500), (30, 1, None, 100, 500), (30, 2, 5.0, 60, 500)]
    rows += [(45, 1, 10.0, 100, 500)]
    series = summed(rows)
    assert series.ts.tolist() == [15, 30]
    assert series.memory.tolist() == [150, 160]
    assert series.cpu[0] == 15
    assert np.isnan(series.cpu[1])
    assert series.limit == 1000
    assert summed([(15, 1, 1.0, 100, None), (15, 2, 1.0, 100, 500)]).limit is None
    assert len(summed([]).ts) == 0
    assert series.between(20, 40).ts.tolist() == [30]
