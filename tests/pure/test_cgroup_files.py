"""Which files are read: trees as hosts with cgroup v1 and v2, and with either driver, really have them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tasks.metrics.cgroups import CgroupFiles
from tasks.metrics.readings import Counters

ID = "910a69d412274139848bc697965ebb728b007a5d70c6400eec930b2353d13807"
PLACES = {"cgroupfs": f"docker/{ID}", "systemd": f"system.slice/docker-{ID}.scope"}
PID = "7834"
OWN_NAMESPACE, HOST_NAMESPACE = "net:[4026532184]", "net:[4026531833]"

V1_FILES = {
    "cpuacct/{}/cpuacct.usage": "2046621966\n",
    "memory/{}/cgroup.procs": f"{PID}\n7864\n",
    "memory/{}/memory.usage_in_bytes": "10985472\n",
    "memory/{}/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/{}/memory.stat": (
        "cache 10178560\nrss 114688\ninactive_anon 106496\ninactive_file 9777152\nactive_file 401408\n"
        "hierarchical_memory_limit 9223372036854771712\ntotal_cache 10178560\ntotal_inactive_file 9777152\n"
        "total_active_file 401408\n"
    ),
    "blkio/{}/blkio.throttle.io_service_bytes_recursive": "254:0 Read 4096\n254:0 Write 0\n254:0 Total 4096\n",
    # A hybrid host has this one as well: it has no controllers, and must not be taken for v2.
    "unified/cgroup.controllers": "hugetlb\n",
    "unified/{}/cpu.stat": "usage_usec 1\n",
}
V2_FILES = {
    "cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
    "{}/cgroup.procs": f"{PID}\n7864\n",
    "{}/cpu.stat": "usage_usec 2046621\nuser_usec 2040000\nsystem_usec 6621\nnr_periods 42\nthrottled_usec 1991774\n",
    "{}/memory.current": "10985472\n",
    "{}/memory.stat": "anon 114688\nfile 10178560\ninactive_anon 106496\ninactive_file 9777152\nactive_file 401408\n",
    "{}/memory.max": "max\n",
    "{}/io.stat": "254:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
}
NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:    1042      11    0    0    0     0          0         0       70       1    0    0    0     0       0          0
"""  # noqa: E501
V1_READING = Counters(
    at=0,
    clock="monotonic",
    cpu_total_ns=2046621966,
    memory_usage=10985472 - 9777152 - 401408,
    memory_limit=None,
    network_rx=1042,
    network_tx=70,
    block_read=4096,
    block_write=0,
)
READINGS = {"v1": V1_READING, "v2": replace(V1_READING, cpu_total_ns=2046621000)}


@dataclass
class Tree:
    """A root directory as of one host with one running container."""

    root: Path
    version: str
    place: str

    def file(self, name: str) -> Path:
        """A cgroup file, the container's place put in for {}."""
        return self.root / "sys/fs/cgroup" / name.format(self.place)

    def names(self, ending: str) -> list[Path]:
        """The cgroup files of the container with that name."""
        return [p for p in (self.root / "sys/fs/cgroup").rglob(ending) if ID in str(p) and "unified" not in str(p)]

    def read(self, docker_id: str = ID) -> Counters | None:
        """A reading without its moment, which is checked in a test of its own."""
        files = CgroupFiles(self.root)
        reading = files.read(docker_id)
        assert files.readable(docker_id) is (reading is not None)
        return reading and replace(reading, at=0)


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    """The cgroup version of the host."""
    return str(request.param)


@pytest.fixture(params=list(PLACES))
def tree(tmp_path: Path, version: str, request: pytest.FixtureRequest) -> Tree:
    """A host of each version with each driver."""
    tree = Tree(tmp_path, version, PLACES[request.param])
    for name, text in (V1_FILES if version == "v1" else V2_FILES).items():
        write(tree.file(name), text)
    write(tmp_path / "proc/meminfo", "MemTotal:       24684092 kB\nMemFree:         1000000 kB\n")
    write(tmp_path / f"proc/{PID}/net/dev", NET_DEV)
    namespace(tmp_path, PID, OWN_NAMESPACE)
    namespace(tmp_path, "self", HOST_NAMESPACE)
    return tree


def write(path: Path, text: str) -> None:
    """Write a file and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def namespace(root: Path, pid: str, name: str) -> None:
    """The link that names the network namespace of a process."""
    link = root / f"proc/{pid}/ns/net"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(name)


def test_a_running_container_is_read(tree: Tree) -> None:
    assert tree.read() == READINGS[tree.version]


def test_readings_one_after_the_other_are_later(tree: Tree) -> None:
    files = CgroupFiles(tree.root)
    first, second = files.read(ID), files.read(ID)
    assert first is not None
    assert second is not None
    assert 0 < first.at < second.at


@pytest.mark.parametrize("docker_id", ["f" * 64, "", ".", "..", f"../docker/{ID}"])
def test_another_id_is_not_here(tree: Tree, docker_id: str) -> None:
    assert tree.read(docker_id) is None


def test_the_sum_of_all_containers_is_nobodys(tree: Tree) -> None:
    # The parent has the same files as its children, and an empty id would name it.
    for name, text in (V1_FILES if tree.version == "v1" else V2_FILES).items():
        write(tree.root / "sys/fs/cgroup" / name.replace("{}", "docker"), text)
    assert tree.read("") is None


def test_a_limit_is_read(tree: Tree) -> None:
    for path in (*tree.names("memory.limit_in_bytes"), *tree.names("memory.max")):
        path.write_text("67108864\n")
    assert tree.read() == replace(READINGS[tree.version], memory_limit=67108864)


def test_a_limit_above_the_memory_of_the_machine_is_none(tree: Tree) -> None:
    for path in (*tree.names("memory.limit_in_bytes"), *tree.names("memory.max")):
        path.write_text(f"{24684092 * 1024}\n")
    assert tree.read() == READINGS[tree.version]


def test_host_networking_has_no_numbers_of_its_own(tree: Tree) -> None:
    namespace(tree.root, PID, HOST_NAMESPACE)
    assert tree.read() == replace(READINGS[tree.version], network_rx=None, network_tx=None)


@pytest.mark.parametrize("hidden", [f"proc/{PID}/ns/net", "proc/self/ns/net", f"proc/{PID}/net/dev"])
def test_a_network_that_may_not_be_seen_is_unknown(tree: Tree, hidden: str) -> None:
    (tree.root / hidden).unlink()
    assert tree.read() == replace(READINGS[tree.version], network_rx=None, network_tx=None)


def test_a_host_without_block_counters_gives_the_rest(tree: Tree) -> None:
    for path in (*tree.names("blkio.*"), *tree.names("io.stat")):
        path.unlink()
    assert tree.read() == replace(READINGS[tree.version], block_read=None, block_write=None)


@pytest.mark.parametrize("processes", ["", "0\n0\n"], ids=["ended", "of another PID namespace"])
def test_a_container_without_processes_that_we_see_is_not_readable(tree: Tree, processes: str) -> None:
    for path in tree.names("cgroup.procs"):
        path.write_text(processes)
    assert tree.read() is None


@pytest.mark.parametrize(
    "names",
    [
        ["cpuacct.usage", "cpu.stat"],
        ["memory.usage_in_bytes", "memory.current"],
        ["memory.stat"],
        ["memory.limit_in_bytes", "memory.max"],
    ],
    ids=["cpu", "usage", "stat", "limit"],
)
@pytest.mark.parametrize("content", [None, "surprise\n"], ids=["gone", "of another form"])
def test_a_file_that_is_needed_makes_the_container_not_readable(
    tree: Tree, names: list[str], content: str | None
) -> None:
    paths = [path for name in names for path in tree.names(name)]
    assert len(paths) == 1
    if content is None:
        paths[0].unlink()
    else:
        paths[0].write_text(content)
    assert tree.read() is None


def test_a_machine_without_cgroups_reads_nothing(tmp_path: Path) -> None:
    assert not CgroupFiles(tmp_path).readable(ID)
