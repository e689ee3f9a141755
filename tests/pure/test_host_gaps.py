"""What a Docker host lacks, as the Engine and a look at the machine have it: a table."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.docker.host_gaps import Host, engine_is_here, find_program, gaps
from tasks.docker.records import EngineFacts, engine_facts

WELL = EngineFacts("20.10.24", cpus=2, memory_bytes=1, root="/var/lib/docker", running=0)
ALL = frozenset({"dockerd", "iptables", "apparmor_parser"})


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (Host(WELL, ALL), []),
        (Host(replace(WELL, apparmor=True), ALL), []),
        (Host(WELL, frozenset()), []),
        (Host(replace(WELL, apparmor=True), frozenset({"dockerd", "iptables"})), ["package apparmor"]),
        (Host(replace(WELL, apparmor=True, version="28.5.2"), frozenset({"dockerd"})), ["without its protection"]),
        (Host(replace(WELL, apparmor=True), None), []),  # an Engine on another machine: what is there cannot be seen
        (Host(replace(WELL, memory_limits=False), ALL), ["cgroup_enable=memory"]),
        (Host(replace(WELL, memory_limits=False), None), ["cgroup_enable=memory"]),
        (Host(replace(WELL, cpu_limits=False), ALL), ["resources.cpus"]),
        (Host(replace(WELL, driver="vfs"), ALL), ["overlay"]),
        (Host(replace(WELL, driver="overlay2"), ALL), []),
        (Host(replace(WELL, apparmor=True, memory_limits=False), frozenset()), ["apparmor", "memory"]),
        (Host(None, ALL), []),
        (Host(None, frozenset({"dockerd"})), ["iptables"]),
        (Host(None, frozenset()), []),  # no Docker at all is for another check
        (Host(None, None), []),
    ],
)
def test_each_gap_is_a_sentence_that_says_what_to_do(host: Host, words: list[str]) -> None:
    found = gaps(host)
    assert len(found) == len(words)
    for sentence, word in zip(found, words, strict=True):
        assert word in sentence
        assert sentence.endswith(".")


def test_the_engine_says_what_its_kernel_has() -> None:
    raw = {"ServerVersion": "20.10.24", "SecurityOptions": ["name=apparmor", "name=seccomp,profile=default"]}
    facts = engine_facts(raw | {"MemoryLimit": False, "CpuCfsQuota": False, "Driver": "vfs"})
    assert (facts.apparmor, facts.memory_limits, facts.cpu_limits, facts.driver) == (True, False, False, "vfs")
    silent = engine_facts({"ServerVersion": "20.10.24", "SecurityOptions": None})
    assert (silent.apparmor, silent.memory_limits, silent.cpu_limits) == (False, True, True)


def test_an_engine_is_here_when_the_process_behind_its_socket_can_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert engine_is_here(f"unix://{path}")
    assert not engine_is_here(f"unix://{path}")
    assert not engine_is_here("tcp://127.0.0.1:2375")


def test_a_program_is_found_where_root_has_its_own(tmp_path: Path) -> None:
    assert find_program("sh", path="/usr/bin:/bin")
    assert find_program("ldconfig", path="/nowhere")  # of /sbin, which is on few people's PATH
    assert not find_program("backstay-no-such-program", path=str(tmp_path))
