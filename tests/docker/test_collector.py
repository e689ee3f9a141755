"""Samples of real containers: what they use is what is stored, by the cgroup files and by the Engine's API alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from docker.models.containers import Container as DockerContainer

from db.connection import Database
from db.metrics import collectors
from db.models import Container
from db.settings import Settings
from tasks.context import Context
from tasks.metrics import history
from tasks.metrics.cgroups import CgroupFiles
from tasks.metrics.collector import Sampler
from tasks.metrics.engine_stats import one_shot_stats
from tasks.metrics.readings import from_api
from tests.docker.sampled_containers import (
    ALLOCATE,
    ALLOCATED,
    BURN,
    BURN_FOR_EVER,
    BURN_ONCE,
    CACHE,
    HELD,
    HOLD,
    MIB,
    SLEEP,
    CpuWatch,
    Crew,
    Index,
    RemovedMeanwhile,
    docker_id,
    hired,
    local_files,
    pause,
    quota,
    reading,
    start,
    stop,
    throttled,
    throttling,
)
from tests.ledger_steps import add_workload
from tests.real_parts import docker_address, wait_until

QUOTA = 10.0  # percent of a core, of the one container; the other one has twice as much
ATTEMPTS = 2  # to find the machine quiet enough for both to get all of their quota
FIRST = 262_144  # the most shares that there are: whoever else wants CPU in a container comes after


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Starts containers; all of them are removed in the end."""
    with hired() as crew:
        yield crew


@pytest.fixture(scope="module")
def burner(crew: Crew) -> DockerContainer:
    """Takes all the CPU that its quota lets it."""
    return crew.start(BURN, cpu_quota=quota(QUOTA), cpu_shares=FIRST)


@pytest.fixture(scope="module")
def double_burner(crew: Crew) -> DockerContainer:
    """The same with twice the quota."""
    return crew.start(BURN, cpu_quota=quota(2 * QUOTA), cpu_shares=FIRST)


@pytest.fixture(scope="module")
def holder(crew: Crew) -> DockerContainer:
    """Idle, holds memory of a known size, under a limit."""
    return crew.start(HOLD, ready=True, mem_limit=64 * MIB)


@pytest.fixture
def context(settings: Settings, database: Database) -> Iterator[Context]:
    """The context of an engine process over an empty ledger."""
    context = Context.open(settings.model_copy(update={"docker_host": docker_address()}), quiet=True)
    yield context
    context.close()


@pytest.fixture
def deaf_context(settings: Settings, database: Database, tmp_path: Path) -> Iterator[Context]:
    """The same on a machine whose Engine does not answer."""
    context = Context.open(settings.model_copy(update={"docker_host": f"unix://{tmp_path}/no.sock"}), quiet=True)
    yield context
    context.close()


@pytest.fixture(params=["cgroup", "api"])
def files(request: pytest.FixtureRequest, tmp_path: Path, burner: DockerContainer) -> CgroupFiles:
    """The files of this machine, and those of a machine without any, where the API has to do."""
    return local_files(burner) if request.param == "cgroup" else CgroupFiles(tmp_path / "no-cgroups")


@pytest.fixture
def index(database: Database, now: datetime) -> Index:
    """One workload without containers."""
    with database.writing() as session:
        owner_id = add_workload(session, now)
    return Index(database, owner_id, now)


def test_a_tick_is_one_row_a_container_at_one_moment(
    context: Context, index: Index, files: CgroupFiles, burner: DockerContainer, holder: DockerContainer
) -> None:
    ids = index.add(burner, holder)
    index.add("e" * 64, host="elsewhere")  # no row and no gap of ours
    tick = Sampler(context, files).tick(1200)
    assert (tick.ts, tick.rows, tick.gaps, tick.repeated) == (1200, 2, 0, False)
    assert tick.path == ("cgroup" if files.readable(docker_id(burner)) else "api")
    assert tick.milliseconds > 0
    rows = index.samples()
    assert [(row.ts, row.owner_type, row.owner_id, row.container_id) for row in rows] == [
        (1200, "workload", index.owner_id, container_id) for container_id in ids
    ]
    assert [row.cpu_percent for row in rows] == [None, None]  # there is no earlier reading to count from
    assert [row.memory_limit for row in rows] == [None, 64 * MIB]
    with index.database.reading() as session:
        (report,) = collectors.every(session)
    assert (report.host, report.ts, report.path, report.containers, report.gaps) == ("local", 1200, tick.path, 2, 0)
    assert 0 < report.sweep_ms <= tick.milliseconds
    assert 0 < report.cpu_s_total < 0.5


def test_containers_held_to_a_quota_show_their_quota_and_two_of_them_the_sum(
    context: Context,
    index: Index,
    burner: DockerContainer,
    double_burner: DockerContainer,
    holder: DockerContainer,
    tmp_path: Path,
) -> None:
    single, double, idle = index.add(burner, double_burner, holder)
    by_file, by_api = Sampler(context, local_files(burner)), Sampler(context, CgroupFiles(tmp_path / "no-cgroups"))
    for ts in range(1200, 1200 + ATTEMPTS * 60, 60):
        watches = [CpuWatch(one) for one in (burner, double_burner)]
        before = [throttling(one) for one in (burner, double_burner)]
        start(watches), by_file.tick(ts), by_api.tick(ts + 1), start(watches)
        # What is measured is an interval. It is long against the 100 ms in which the kernel deals out the quota.
        time.sleep(8)
        stop(watches), by_file.tick(ts + 15), by_api.tick(ts + 16), stop(watches)
        after = [throttling(one) for one in (burner, double_burner)]
        if min(map(throttled, before, after)) >= 0.97:
            break
    got_all = min(map(throttled, before, after)) >= 0.97  # on a busy machine they got less, and less is to be seen
    with index.database.reading() as session:
        points = {
            point["ts"]: point for point in history.history(session, context.settings, index.owner_id, 1800, ts + 16)
        }
    for tick in (ts + 15, ts + 16):
        seen = [index.cpu_of(one)[tick] for one in (single, double)]
        for cpu, watch, percent in zip(seen, watches, (QUOTA, 2 * QUOTA), strict=True):
            assert cpu is not None
            assert watch.least() * 0.97 <= cpu <= min(watch.most(), percent) * 1.03
            assert not got_all or cpu == pytest.approx(percent, rel=0.03)
        assert index.cpu_of(idle)[tick] == pytest.approx(0, abs=0.5)
        every = [index.cpu_of(one)[tick] or 0 for one in (single, double, idle)]
        assert points[tick]["cpu_percent"] == pytest.approx(sum(every), abs=0.01)  # a point has two decimals
        assert not got_all or points[tick]["cpu_percent"] == pytest.approx(3 * QUOTA, rel=0.03)


def test_memory_of_a_known_size_is_seen_and_what_is_read_from_files_is_not(
    context: Context, index: Index, files: CgroupFiles, holder: DockerContainer, crew: Crew
) -> None:
    allocating, caching = crew.start(ALLOCATE, ready=True), crew.start(CACHE, ready=True)
    allocated, holding, cached = index.add(allocating, holder, caching)
    Sampler(context, files).tick(1200)
    memory = {row.container_id: row.memory_usage for row in index.samples()}
    assert memory[allocated] == pytest.approx(ALLOCATED, rel=0.03)
    assert HELD < memory[holding] < HELD + 4 * MIB  # in /dev/shm, which no one can take from it
    assert memory[cached] < 6 * MIB  # though it has as much in the cache, and reads it again and again
    with index.database.reading() as session:
        (point,) = history.history(session, context.settings, index.owner_id, 1800, 1200)
    assert point["memory_usage"] == sum(memory.values())


def test_a_paused_container_keeps_its_memory_and_uses_no_cpu(
    context: Context, index: Index, files: CgroupFiles, crew: Crew
) -> None:
    paused = crew.start(f"{BURN_FOR_EVER} {HOLD}", ready=True)
    (container_id,) = index.add(paused)
    pause(paused)
    sampler = Sampler(context, files)
    assert [sampler.tick(ts).gaps for ts in (1200, 1215)] == [0, 0]
    assert index.cpu_of(container_id)[1215] == pytest.approx(0, abs=0.1)
    assert HELD < index.samples()[-1].memory_usage < HELD + 4 * MIB
    paused.unpause()
    ticks = itertools.count(1230, 15)

    def burns() -> bool:
        ts = next(ticks)
        sampler.tick(ts)
        return (index.cpu_of(container_id)[ts] or 0) > 1

    wait_until(burns, 30, "it uses no CPU though it runs again")


def test_the_api_and_the_files_say_the_same(context: Context, burner: DockerContainer, holder: DockerContainer) -> None:
    files, ids = local_files(burner), [docker_id(burner), docker_id(holder)]
    before = {docker_id: reading(files, docker_id) for docker_id in ids}
    answers = one_shot_stats(context.docker.address, ids)
    after = {docker_id: reading(files, docker_id) for docker_id in ids}
    for docker_id_ in ids:
        first, last = before[docker_id_], after[docker_id_]
        api = from_api(answers[docker_id_], context.docker.memory_total())
        assert api is not None
        # Counters only go up, so the API's, read in between, must lie in between.
        assert first.cpu_total_ns <= api.cpu_total_ns <= last.cpu_total_ns
        assert api.network_rx is not None
        assert (first.network_rx or 0) <= api.network_rx <= (last.network_rx or 0)
        assert abs(api.memory_usage - last.memory_usage) < MIB
        assert api.memory_limit == last.memory_limit
        assert (api.network_tx is None, api.block_read is None) == (last.network_tx is None, last.block_read is None)


@pytest.mark.parametrize("network", ["host", "none"])
def test_a_container_without_a_network_of_its_own_has_no_network_numbers(
    network: str, context: Context, index: Index, files: CgroupFiles, holder: DockerContainer, crew: Crew
) -> None:
    bridged, other = index.add(holder, crew.start(SLEEP, network_mode=network))
    Sampler(context, files).tick(1200)
    received = {row.container_id: row.network_rx for row in index.samples()}
    assert received[bridged] is not None
    assert received[other] is None


def test_a_container_that_went_away_is_a_gap_and_the_others_are_stored(
    context: Context, index: Index, files: CgroupFiles, holder: DockerContainer, crew: Crew
) -> None:
    leaving = crew.start(SLEEP)
    staying, gone = index.add(holder, leaving)
    sampler = Sampler(context, files)
    assert sampler.tick(1200).gaps == 0
    leaving.remove(force=True)
    tick = sampler.tick(1215)
    assert (tick.rows, tick.gaps) == (1, 1)
    assert list(index.cpu_of(gone)) == [1200]
    assert list(index.cpu_of(staying)) == [1200, 1215]


def test_a_stopped_container_is_a_gap_and_not_a_zero(
    context: Context, index: Index, files: CgroupFiles, holder: DockerContainer, crew: Crew
) -> None:
    stopped = crew.start(SLEEP)
    stopped.stop(timeout=2)
    index.add(holder, stopped)
    tick = Sampler(context, files).tick(1200)
    assert (tick.rows, tick.gaps) == (1, 1)
    assert tick.path == ("cgroup" if files.readable(docker_id(holder)) else "api")


def test_a_restarted_container_has_no_cpu_until_it_has_been_read_twice(
    context: Context, index: Index, files: CgroupFiles, crew: Crew
) -> None:
    restarting = crew.start(BURN_ONCE, ready=True)
    (container_id,) = index.add(restarting)
    sampler = Sampler(context, files)
    sampler.tick(1200)
    restarting.restart(timeout=2)
    sampler.tick(1215)
    time.sleep(1)  # the interval that is measured: what the start itself costs is little of a second
    sampler.tick(1230)
    assert index.cpu_of(container_id) == {1200: None, 1215: None, 1230: pytest.approx(0, abs=20)}


def test_the_reading_of_a_container_that_left_the_index_is_forgotten(
    context: Context, index: Index, holder: DockerContainer
) -> None:
    (container_id,) = index.add(holder)
    sampler = Sampler(context)
    sampler.tick(1200)
    index.lose(holder)
    assert sampler.tick(1215).rows == 0
    with index.database.writing() as session:
        session.get_one(Container, container_id).removed_at = None
    sampler.tick(1230)
    assert index.cpu_of(container_id) == {1200: None, 1230: None}


def test_a_tick_that_is_stored_already_is_left_alone(context: Context, index: Index, holder: DockerContainer) -> None:
    index.add(holder)
    sampler = Sampler(context)
    sampler.tick(1200)
    for again in (sampler, Sampler(context)):  # a run that is run again; a second engine
        tick = again.tick(1200)
        assert (tick.rows, tick.gaps, tick.repeated) == (0, 0, True)
    assert index.samples()[0].cpu_percent is None
    assert sampler.tick(1215).rows == 1


def test_without_an_engine_every_container_is_a_gap(deaf_context: Context, index: Index) -> None:
    index.add("a" * 64, "b" * 64)
    tick = Sampler(deaf_context).tick(1200)
    assert (tick.rows, tick.gaps, tick.path) == (0, 2, "api")
    assert index.samples() == []


def test_the_files_go_on_when_the_engine_does_not(deaf_context: Context, index: Index, holder: DockerContainer) -> None:
    index.add(holder, "b" * 64)
    tick = Sampler(deaf_context, local_files(holder)).tick(1200)
    assert (tick.rows, tick.gaps, tick.path) == (1, 1, "cgroup")


def test_a_container_that_is_removed_while_it_is_read_leaves_no_sample(
    context: Context, index: Index, holder: DockerContainer
) -> None:
    local_files(holder)
    index.add(holder)
    tick = Sampler(context, RemovedMeanwhile(index, holder)).tick(1200)
    assert (tick.rows, tick.gaps, tick.repeated) == (0, 1, False)
    assert index.samples() == []
