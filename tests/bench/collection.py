"""A sweep over 60 containers: by the cgroup files and by the Engine's API, beside `docker stats --no-stream`.

What is compared is CPU: of whoever asks, and of dockerd, containerd and its shims, which answer.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from db.metrics import containers
from db.models import Container
from tasks.metrics.cgroups import CgroupFiles
from tasks.metrics.collector import Sampler
from tests.bench import ledger
from tests.bench.series import Fleet
from tests.bench.table import Line
from tests.docker.sampled_containers import SLEEP, Crew, docker_id, hired
from tests.ledger_steps import add_workload
from tests.real_parts import docker_address

ROUNDS = 10
ROUNDS_OF_FILES = 200  # short ones, beside which the clock of the daemons' CPU is coarse
DAEMONS = ("dockerd", "containerd", "containerd-shim")
QUIET_S = 10
MOST_BY_FILES, MOST_BY_API = 0.03, 0.6


def main(directory: Path) -> list[Line]:
    """Start the containers, measure."""
    fleet = Fleet()
    with hired() as crew, ledger.opened(directory / "home") as context:
        ids = start(crew, fleet.workloads * fleet.per_workload)
        with context.database.writing() as session:
            for workload in range(fleet.workloads):
                owner = add_workload(session, datetime.now(UTC), name=f"w{workload + 1}")
                for number in fleet.containers(workload + 1):
                    containers.add(session, indexed(ids[number - 1], owner))
        by_file, by_api = Sampler(context), Sampler(context, CgroupFiles(directory / "none"))
        ticks = iter(range(15, 10**6, 15))
        environment = os.environ | {"DOCKER_HOST": docker_address()}

        def sweep(sampler: Sampler, path: str) -> None:
            tick = sampler.tick(next(ticks))
            if (tick.rows, tick.path) != (len(ids), path):
                raise SystemExit(f"a sweep gave {tick.rows} rows by {tick.path}")

        def stats() -> None:
            subprocess.run(["docker", "stats", "--no-stream", *ids], check=True, capture_output=True, env=environment)

        daemons = Daemons()
        used = [
            measured(stats, daemons),
            measured(lambda: sweep(by_file, "cgroup"), daemons, ROUNDS_OF_FILES),
            measured(lambda: sweep(by_api, "api"), daemons),
        ]
    (theirs, their_s), (files, files_s), (api, api_s) = used
    return [
        Line("60 containers, CPU: cgroup files, stored / docker stats", files, "ms", theirs, MOST_BY_FILES),
        Line("60 containers, CPU: Engine API, stored / docker stats", api, "ms", theirs, MOST_BY_API),
        Line("60 containers, time: cgroup files, stored / docker stats", files_s, "ms", their_s),
        Line("60 containers, time: Engine API, stored / docker stats", api_s, "ms", their_s),
    ]


def start(crew: Crew, count: int) -> list[str]:
    """Ids of so many containers that sleep."""
    with ThreadPoolExecutor(4) as pool:
        return [docker_id(container) for container in pool.map(lambda _: crew.start(SLEEP), range(count))]


def indexed(container_id: str, owner_id: int) -> Container:
    """The entry of a container in the index."""
    return Container(
        docker_id=container_id,
        owner_type="workload",
        owner_id=owner_id,
        deploy_version=1,
        service="main",
        name=container_id[:12],
        image_id="sha256:bench",
        host="local",
        created_at=datetime.now(UTC),
    )


class Daemons:
    """CPU of Docker's own processes, all that there are at this moment."""

    def __init__(self) -> None:
        every = psutil.process_iter(["name"])
        self._used = {one: 0.0 for one in every if str(one.info["name"]).startswith(DAEMONS)}
        before = self.seconds()
        time.sleep(QUIET_S)
        self.idle = (self.seconds() - before) / QUIET_S  # a second, while nobody asks them anything

    def seconds(self) -> float:
        """Since they were started."""
        for one in self._used:
            with suppress(psutil.NoSuchProcess):  # the shim of somebody else's container; what it had used stays
                self._used[one] = sum(one.cpu_times()[:2])
        return sum(self._used.values())


def measured(call: Callable[[], None], daemons: Daemons, rounds: int = ROUNDS) -> tuple[float, float]:
    """Milliseconds of CPU and of time, the mean of so many rounds."""
    for _ in range(2):
        call()
    time.sleep(2)  # the daemon stops looking at containers a moment after it was last asked
    theirs, ours, began = daemons.seconds(), own(), time.monotonic()
    for _ in range(rounds):
        call()
    elapsed = time.monotonic() - began
    spent = own() - ours + daemons.seconds() - theirs - daemons.idle * elapsed
    return spent / rounds * 1000, elapsed / rounds * 1000


def own() -> float:
    """CPU seconds of this process and of the programs that it ran."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
