"""What a Docker host lacks for running containers properly, each with a remedy. Changes nothing.

Judges by the Engine's report on its kernel, and by the machine's programs when the Engine runs on this one. What cannot
be inspected is taken to be there: a host is never blamed on a guess.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tasks.docker.records import EngineFacts

PROGRAMS = ("apparmor_parser", "dockerd", "iptables")
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
RUNS_WITHOUT_A_PARSER = 23  # the first Engine that then runs without AppArmor: moby/moby#44942


@dataclass(frozen=True)
class Host:
    """The known facts of a host. `engine`: None when it does not answer; `programs`: None when they cannot be seen."""

    engine: EngineFacts | None
    programs: frozenset[str] | None


def gaps(host: Host) -> list[str]:
    """Return one sentence per missing thing. Pure."""
    found = _gaps_of_programs(host)
    if host.engine is None:
        return found
    if not host.engine.memory_limits:
        found.append(
            "The kernel's cgroup controller for memory is off, so resources.memory_mb is not kept and memory is not "
            "measured; boot the kernel with cgroup_enable=memory."
        )
    if not host.engine.cpu_limits:
        found.append(
            "The kernel cannot limit the CPU of a cgroup, so resources.cpus is not kept; take a kernel with CFS quotas "
            "and the cgroup controller cpu."
        )
    if host.engine.driver == "vfs":
        found.append(
            "Docker keeps a full copy of an image for each of its layers (storage driver vfs), because the kernel has "
            "no overlay; load the module overlay, then restart Docker."
        )
    return found


def _gaps_of_programs(host: Host) -> list[str]:
    if host.programs is None:
        return []
    if host.engine is None:
        if "dockerd" in host.programs and "iptables" not in host.programs:
            return ["Docker does not start without iptables, which is missing; install the package iptables."]
        return []
    if not host.engine.apparmor or "apparmor_parser" in host.programs:
        return []
    if _major(host.engine.version) < RUNS_WITHOUT_A_PARSER:
        effect, remedy = "so Docker cannot start containers", "install the package apparmor"
    else:
        effect, remedy = "so containers run without its protection", "install the package apparmor, then restart Docker"
    return [f"AppArmor is on in the kernel and its program apparmor_parser is missing, {effect}; {remedy}."]


def look(engine: EngineFacts | None, address: str) -> Host:
    """Gather what can be seen of the host of the Engine at `address`."""
    here = engine_is_here(address) if engine is not None else address.startswith("unix://")
    return Host(engine, frozenset(filter(find_program, PROGRAMS)) if here else None)


def engine_is_here(address: str) -> bool:
    """Return whether the Engine runs beside us: false when we are in a container with its socket mounted."""
    url = urlsplit(address)
    if url.scheme != "unix":
        return False
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(url.path)
        size = struct.calcsize("3i")
        pid, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return bool(pid)  # 0: a process that this PID namespace does not have
    return False


def find_program(name: str, path: str | None = None) -> bool:
    """Return whether a program is on the PATH, or in one of the directories usual for root only."""
    places = [os.environ.get("PATH", "") if path is None else path, *_SBIN]
    return shutil.which(name, path=os.pathsep.join(places)) is not None


def _major(version: str) -> int:
    number = version.partition(".")[0]
    return int(number) if number.isdigit() else RUNS_WITHOUT_A_PARSER
