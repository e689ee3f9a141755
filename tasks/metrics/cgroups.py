"""The cgroup files of a container on this machine, about 70 times cheaper to read than the Engine's API.

cgroup v1 and v2, cgroupfs and systemd driver, Docker's default locations only: a container under another parent, of a
rootless Engine or on another machine is not found here and is left to the API. tasks.metrics.readings parses the texts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tasks.metrics.readings import Counters, Texts, from_v1, from_v2

MOST_PLACES = 10_000
# Docker's name for the cgroup of a container: with the cgroupfs driver, with the systemd driver.
PLACES = ("docker/{}", "system.slice/docker-{}.scope")


@dataclass(frozen=True)
class _Layout:
    """The locations of the files below /sys/fs/cgroup; {} is the container's path, the same under each controller."""

    procs: str
    cpu: str
    memory_usage: str
    memory_stat: str
    memory_limit: str
    block: str
    parse: Callable[[Texts, int, int], Counters]


V1 = _Layout(
    procs="memory/{}/cgroup.procs",
    cpu="cpuacct/{}/cpuacct.usage",
    memory_usage="memory/{}/memory.usage_in_bytes",
    memory_stat="memory/{}/memory.stat",
    memory_limit="memory/{}/memory.limit_in_bytes",
    block="blkio/{}/blkio.throttle.io_service_bytes_recursive",
    parse=from_v1,
)
V2 = _Layout(
    procs="{}/cgroup.procs",
    cpu="{}/cpu.stat",
    memory_usage="{}/memory.current",
    memory_stat="{}/memory.stat",
    memory_limit="{}/memory.max",
    block="{}/io.stat",
    parse=from_v2,
)


# A single read returns the whole of a file shorter than this: the kernel returns longer ones a page at a time.
SURELY_WHOLE = 3000


class CgroupFiles:
    """The files below `root`, which is / except for tests. Keeps nothing open.

    Uses system calls, not pathlib, which would take as long again as the kernel does.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._cgroups = f"{root / 'sys/fs/cgroup'}/"
        self._proc = f"{root / 'proc'}/"
        # On v1 a "unified" hierarchy without controllers may lie beside the others; on v2 it is the mount itself.
        self._layout = V2 if Path(self._cgroups, "cgroup.controllers").exists() else V1
        self._host_memory = self._memory_total()
        self._host_network = _link(f"{self._proc}self/ns/net")
        self._places: dict[str, str] = {}

    def readable(self, docker_id: str) -> bool:
        """Return whether a container's files can be used here: false also when it does not run."""
        return self.read(docker_id) is not None

    def read(self, docker_id: str) -> Counters | None:
        """Return one reading; None when the container does not run, or its files are missing or not readable by us."""
        # An empty id would name the parent of all containers, and return their sum.
        if not docker_id.isalnum():
            return None
        try:
            return self._read(docker_id)
        except (OSError, ValueError):
            return None  # it exited during the read, a controller is off, or the kernel's format is unknown

    def _read(self, docker_id: str) -> Counters | None:
        layout, place = self._layout, self._place(docker_id)
        if place is None:
            return None

        def path(name: str) -> str:
            return self._cgroups + name.format(place)

        pid = _first_pid(_text(path(layout.procs)))
        if pid is None:
            return None
        cpu = _text(path(layout.cpu))
        at = time.monotonic_ns()  # belongs to the CPU counter: nothing else may be read between the two
        texts = Texts(
            cpu=cpu,
            memory_usage=_text(path(layout.memory_usage)),
            memory_stat=_text(path(layout.memory_stat)),
            memory_limit=_text(path(layout.memory_limit)),
            block=_optional(path(layout.block)),
            network=self._network(pid),
        )
        return layout.parse(texts, at, self._host_memory)

    def _place(self, docker_id: str) -> str | None:
        known = self._places.get(docker_id)
        if known is not None:
            return known
        places = (place.format(docker_id) for place in PLACES)
        found = next((one for one in places if Path(self._cgroups, self._layout.procs.format(one)).exists()), None)
        if found is not None:
            if len(self._places) > MOST_PLACES:
                self._places.clear()
            self._places[docker_id] = found
        return found

    def _network(self, pid: str) -> str | None:
        # With host networking the interfaces are the machine's, not the container's. A process that may not see whose
        # namespace it is (only root may) gets no numbers rather than those of the machine.
        own = _link(f"{self._proc}{pid}/ns/net")
        if own is None or self._host_network is None or own == self._host_network:
            return None
        return _optional(f"{self._proc}{pid}/net/dev")

    def _memory_total(self) -> int:
        # "MemTotal:       24684092 kB": the same number as MemTotal of the Engine on this machine.
        try:
            words = _text(f"{self._proc}meminfo").split()
            return int(words[words.index("MemTotal:") + 1]) * 1024
        except (OSError, ValueError):
            return 2**62  # no container's limit is that high, and "no limit" on v1 is higher


def _first_pid(procs: str) -> str | None:
    # Empty: nothing runs. 0: the process is in a PID namespace that is invisible to us, and so is its /proc.
    pid = procs.partition("\n")[0]
    return pid if pid not in ("", "0") else None


def _text(path: str) -> str:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = [os.read(file, 65536)]
        while parts[-1] and sum(map(len, parts)) >= SURELY_WHOLE:
            parts.append(os.read(file, 65536))
    finally:
        os.close(file)
    return b"".join(parts).decode()


def _optional(path: str) -> str | None:
    try:
        return _text(path)
    except OSError:
        return None


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 - see CgroupFiles
    except OSError:
        return None
