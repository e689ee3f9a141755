"""Containers to be sampled: what they are made of, and the index that says whose they are."""

from __future__ import annotations

import io
import os
import secrets
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError
from docker.models.containers import Container as DockerContainer
from sqlalchemy import select

from db.connection import Database
from db.metrics import containers
from db.models import OWNER, Container, Sample
from tasks.metrics.cgroups import CgroupFiles
from tasks.metrics.readings import Counters
from tests.real_parts import docker_address, real_part, wait_until

MIB = 1024 * 1024
HELD = 32 * MIB
LABELS = {"backstay.test": "1", "backstay.test.sampling": secrets.token_hex(6)}

BURN = "while :; do :; done"
BURN_FOR_EVER = f"({BURN}) &"
SLEEP = "exec busybox sleep 3600"
# Memory in /dev/shm counts as used; the same in a file of the image would be cache.
HOLD = f"busybox dd if=/dev/zero of=/dev/shm/held bs=1M count={HELD // MIB} && busybox touch /ready && {SLEEP}"
# Read again and again, so that the kernel keeps it for the time being (it makes it "active").
READ = "for i in 1 2 3; do busybox cat /cached > /dev/null; done"
WRITE = f"busybox dd if=/dev/zero of=/cached bs=1M count={HELD // MIB} conv=fsync"
CACHE = f"{WRITE} && {READ} && busybox touch /ready && {SLEEP}"
# A block of `dd` is anonymous memory: the second one reads it to its end, and then waits for another with it in hand.
ALLOCATED = 128 * MIB
ALLOCATE = (
    f"{{ busybox dd if=/dev/zero bs=1M count={ALLOCATED // MIB}; busybox touch /ready; {SLEEP}; }}"
    f" | busybox dd of=/dev/null bs={ALLOCATED} iflag=fullblock"
)
BURN_ONCE = f"[ -e /ready ] || {{ i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; busybox touch /ready; }}; {SLEEP}"


def build(client: docker.DockerClient) -> str:
    """Id of an image of nothing but a static busybox: needs no registry."""
    files = {
        "Dockerfile": b'FROM scratch\nCOPY busybox /bin/\nENTRYPOINT ["/bin/busybox", "sh", "-c"]\n',
        "busybox": Path("/bin/busybox").read_bytes(),
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    context.seek(0)
    image, _ = client.images.build(fileobj=context, custom_context=True, rm=True, labels=LABELS)
    return str(image.id)


@dataclass(frozen=True)
class Crew:
    """Starts containers of one image."""

    client: docker.DockerClient
    image: str

    def start(self, script: str, *, ready: bool = False, **options: Any) -> DockerContainer:
        """A container that runs a shell script; with `ready`, answers when the script has made the file /ready."""
        container = self.client.containers.run(
            self.image, [script], detach=True, init=True, labels=LABELS, environment={"PATH": "/bin"}, **options
        )
        if ready:
            wait_until(
                lambda: container.exec_run(["/bin/busybox", "test", "-e", "/ready"]).exit_code == 0,
                20,
                lambda: f"not ready: {container.logs().decode()}",
            )
        return container


@contextmanager
def hired() -> Iterator[Crew]:
    """A crew on the real Engine; afterwards no container and no image of it is left, whatever happened."""
    real_part("engine")
    real_part("busybox")
    client = docker.DockerClient(base_url=docker_address())
    ours: dict[str, str | list[str] | bool] = {"label": [f"{key}={value}" for key, value in LABELS.items()]}
    try:
        yield Crew(client, build(client))
    finally:
        for container in client.containers.list(all=True, filters=ours, ignore_removed=True):
            container.remove(force=True, v=True)
        for image in client.api.images(filters=ours):
            client.images.remove(image["Id"], force=True)
        client.close()


def docker_id(container: DockerContainer) -> str:
    """Its full id."""
    return str(container.id)


def local_files(container: DockerContainer) -> CgroupFiles:
    """This machine's files, unless its Engine keeps the containers where they cannot be read."""
    files = CgroupFiles()
    if not files.readable(docker_id(container)):
        missing("the cgroup files of the containers cannot be read here")
    return files


def missing(reason: str) -> None:
    """Something that a test needs is not to be had: a failure under CI, where it must be."""
    pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def pause(container: DockerContainer) -> None:
    """Freeze a container. In nested machines the kernel refuses now and then, for a moment."""
    refused: APIError | None = None
    for _ in range(20):
        try:
            return container.pause()
        except APIError as error:
            refused = error
        time.sleep(0.5)
    return missing(f"this machine does not let its containers be frozen: {refused}")


def quota(percent: float) -> int:
    """A CPU quota in microseconds of each of the kernel's periods of 100 ms; 100 percent is one core."""
    return round(percent * 1000)


def throttling(container: DockerContainer) -> dict[str, int]:
    """How many periods of its quota a container has had, and in how many the kernel had to hold it back."""
    raw: Any = container.stats(stream=False, one_shot=True)
    return dict(raw["cpu_stats"]["throttling_data"])


def throttled(before: dict[str, int], after: dict[str, int]) -> float:
    """The part of the periods in which it was held back: near 1, it got all of its quota, whoever else wanted CPU."""
    return (after["throttled_periods"] - before["throttled_periods"]) / (after["periods"] - before["periods"])


class CpuWatch:
    """What the processes of a container used by the kernel's own count, between the readings that surround an interval.

    Each interval that begins and ends between those readings used at least `least()` and at most `most()` percent.
    """

    def __init__(self, container: DockerContainer) -> None:
        top: Any = container.top(ps_args="-eo pid")
        self.pids = [int(pid) for (pid,) in top["Processes"]]
        self.starts: list[tuple[float, float]] = []
        self.stops: list[tuple[float, float]] = []

    def look(self) -> tuple[float, float]:
        """Return the moment and the CPU seconds used until then."""
        used = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += int(fields[11]) + int(fields[12])
        return time.monotonic(), used / os.sysconf("SC_CLK_TCK")

    def least(self) -> float:
        """Return the lower bound in percent of a core."""
        return 100 * (self.stops[0][1] - self.starts[-1][1]) / (self.stops[-1][0] - self.starts[0][0])

    def most(self) -> float:
        """Return the upper bound in percent of a core."""
        return 100 * (self.stops[-1][1] - self.starts[0][1]) / (self.stops[0][0] - self.starts[-1][0])


def start(watches: Sequence[CpuWatch]) -> None:
    """Read before and after the sampler's first tick."""
    for watch in watches:
        watch.starts.append(watch.look())


def stop(watches: Sequence[CpuWatch]) -> None:
    """Read before and after the sampler's second tick."""
    for watch in watches:
        watch.stops.append(watch.look())


def reading(files: CgroupFiles, docker_id: str) -> Counters:
    """A reading that must be there."""
    found = files.read(docker_id)
    assert found is not None
    return found


@dataclass
class Index:
    """The containers index of a ledger with one workload."""

    database: Database
    owner_id: int
    now: datetime

    def add(self, *found: DockerContainer | str, host: str = "local") -> list[int]:
        """Put containers into it; answers their ids in the index."""
        ids = [found if isinstance(found, str) else docker_id(found) for found in found]
        rows = [
            Container(
                docker_id=docker_id,
                owner_type=OWNER,
                owner_id=self.owner_id,
                deploy_version=1,
                service="main",
                name=f"shop-{docker_id[:6]}",
                image_id="sha256:1",
                host=host,
                created_at=self.now,
            )
            for docker_id in ids
        ]
        with self.database.writing() as session:
            for row in rows:
                containers.add(session, row)
        return [row.id for row in rows]

    def lose(self, container: DockerContainer) -> None:
        """Record that a container is gone."""
        with self.database.writing() as session:
            containers.mark_removed(session, [docker_id(container)], self.now)

    def samples(self) -> Sequence[Sample]:
        """Every row that was stored."""
        with self.database.reading() as session:
            return session.scalars(select(Sample).order_by(Sample.ts, Sample.container_id)).all()

    def cpu_of(self, container_id: int) -> dict[int, float | None]:
        """CPU by timestamp."""
        return {row.ts: row.cpu_percent for row in self.samples() if row.container_id == container_id}


class RemovedMeanwhile(CgroupFiles):
    """Files of a container that leaves the index as soon as it has been read."""

    def __init__(self, index: Index, container: DockerContainer) -> None:
        super().__init__()
        self.index, self.container = index, container

    def read(self, docker_id: str) -> Counters | None:
        """Read, then remove."""
        found = super().read(docker_id)
        self.index.lose(self.container)
        return found
