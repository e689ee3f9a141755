"""Whom the kernel killed for memory, from its own log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tasks.docker.oom_kills import completed, ran_out, says_so
from tasks.docker.records import ContainerRecord, container_record

ID, OTHER = "15e4818f" * 8, "d0afda65" * 8


def kill(of: str, at_us: int, cgroup: str = "/docker/{}") -> bytes:
    """As Linux 6 writes it; the cpuset's name is in it too, of whoever has asked for memory."""
    path = cgroup.format(of)
    return (
        f"6,2741,{at_us},-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={ID},mems_allowed=0,"
        f"oom_memcg={path},task_memcg={path},task=dd,pid=26517,uid=0\n"
    ).encode()


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], False),
        ([kill(ID, 500)], True),
        ([kill(ID, 500, "/system.slice/docker-{}.scope")], True),
        ([b"6,1,400,-;docker0: port 1 entered disabled state\n", kill(OTHER, 450), kill(ID, 500)], True),
        ([kill(OTHER, 500)], False),
        ([kill(ID, 99)], False),
        ([kill(ID, 99), kill(ID, 100)], True),
        ([f"6,1,500,-;systemd: oom-kill: task_memcg=/docker/{ID}\n".encode()], False),  # anybody may write there
        ([kill(ID, 500).replace(b"500", b"soon"), b"", b"garbage"], False),
    ],
)
def test_a_kill_is_known_by_the_container_and_by_its_time(records: list[bytes], expected: bool) -> None:
    assert says_so(records, ID, 100) is expected


def ended(exit_code: int, oom_killed: bool = False) -> ContainerRecord:
    state = {"Status": "exited", "Running": False, "ExitCode": exit_code, "OOMKilled": oom_killed}
    raw = {"Id": ID, "Name": "/shop-v1", "Config": {}, "Image": "sha256:1", "Created": "2026-11-26T12:00:00Z"}
    return container_record(raw | {"State": state | {"StartedAt": "2026-11-26T12:00:00.123456789Z"}})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one kill, which is a long time ahead: a real kernel gives one record a read."""
    path = tmp_path / "kmsg"
    path.write_bytes(kill(ID, 10**18))
    return path


def test_what_docker_has_missed_is_completed(log: Path) -> None:
    assert completed(ended(137), log) == replace(ended(137), oom_killed=True)


@pytest.mark.parametrize("record", [ended(0), ended(3), ended(137, oom_killed=True)])
def test_nothing_else_is_touched(record: ContainerRecord, log: Path) -> None:
    assert completed(record, log) is record


def test_without_the_log_docker_is_believed(tmp_path: Path) -> None:
    assert completed(ended(137), tmp_path / "none") == ended(137)
    assert not ran_out(ID, 0, tmp_path / "none")
