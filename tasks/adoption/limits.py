"""Limits and powers of an adopted container: memory, CPU, capabilities, devices and the like. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from tasks.adoption.inspected import MIB, Inspected, is_default
from tasks.adoption.notes import Notes

HOST = frozenset(
    [
        *("Memory", "MemorySwap", "NanoCpus", "CpuQuota", "CpuPeriod", "ReadonlyRootfs", "ShmSize", "Ulimits"),
        *("ExtraHosts", "CapAdd", "Devices", "Privileged", "SecurityOpt"),
    ]
)
_LEAST_MEMORY = 6
_ULIMITS = frozenset(
    [
        *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"),
        *("rttime", "sigpending", "stack"),
    ]
)
_CAPABILITY = re.compile(r"(?:CAP_)?[A-Z_]{3,40}")
_DEVICE = re.compile(r"/dev/[!-9;-~]+")
_HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")


def take(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    """Add the keys of the spec."""
    _resources(found, spec, notes)
    if found.host.get("ReadonlyRootfs"):
        spec["read_only"] = True
        notes.mapped("HostConfig.ReadonlyRootfs", "read_only")
    _shared_memory(found, spec, notes)
    _ulimits(found, spec, notes)
    _extra_hosts(found, spec, notes)
    _powers(found, spec, notes)


def cpus_of(host: Any) -> float | None:
    """Return the CPUs that a container may use; None without a limit."""
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    if host.get("CpuQuota", 0) > 0:
        return float(host["CpuQuota"]) / float(host.get("CpuPeriod") or 100_000)
    return None


def _resources(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    resources: dict[str, Any] = {}
    memory, swap = int(found.host.get("Memory") or 0), int(found.host.get("MemorySwap") or 0)
    if memory:
        whole, rest = divmod(memory, MIB)
        resources["memory_mb"] = max(_LEAST_MEMORY, whole)
        if rest or whole < _LEAST_MEMORY:
            notes.lost("HostConfig.Memory", "rounded to whole MiB")
        else:
            notes.mapped("HostConfig.Memory", "resources.memory_mb")
        if swap != memory:
            notes.lost("HostConfig.MemorySwap", "no swap beyond the memory: the limit holds")
    if (cpus := cpus_of(found.host)) is not None:
        resources["cpus"] = max(0.01, round(cpus, 4))
        notes.mapped("HostConfig.NanoCpus" if found.host.get("NanoCpus") else "HostConfig.CpuQuota", "resources.cpus")
    if resources:
        spec["resources"] = resources


def _shared_memory(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    size = found.host.get("ShmSize")
    if is_default("ShmSize", size):
        return
    whole, rest = divmod(int(size or 0), MIB)
    spec["shm_mb"] = max(1, whole)
    if rest or whole < 1:
        notes.lost("HostConfig.ShmSize", "rounded to whole MiB")
    else:
        notes.mapped("HostConfig.ShmSize", "shm_mb")


def _ulimits(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    taken = {}
    for one in found.host.get("Ulimits") or []:
        soft, hard, name = int(one["Soft"]), int(one["Hard"]), str(one["Name"])
        if name in _ULIMITS and (hard == -1 or -1 < soft <= hard):
            taken[name] = {"soft": soft, "hard": hard}
            notes.mapped(f"HostConfig.Ulimits {name}", f"ulimits.{name}")
        else:
            notes.lost(f"HostConfig.Ulimits {name}", "Docker's default is used")
    if taken:
        spec["ulimits"] = taken


def _extra_hosts(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    taken = {}
    for entry in found.host.get("ExtraHosts") or []:
        name, _, address = entry.replace("=", ":", 1).partition(":") if "=" in entry else entry.partition(":")
        address = address.strip("[]")
        if _HOST_NAME.fullmatch(name) and _is_address(address) and name not in taken:
            taken[name] = address
            notes.mapped(f"HostConfig.ExtraHosts {name}", f"extra_hosts.{name}")
        else:
            notes.lost(f"HostConfig.ExtraHosts {name}", "left out")
    if taken:
        spec["extra_hosts"] = taken


def _is_address(text: str) -> bool:
    try:
        return text == "host-gateway" or bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _powers(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    host, powers = found.host, list[str]()
    if host.get("Privileged"):
        spec["privileged"] = True
        powers.append("privileged")
        notes.mapped("HostConfig.Privileged", "privileged")
    if added := [one for one in host.get("CapAdd") or [] if _CAPABILITY.fullmatch(one)]:
        spec["cap_add"] = added
        powers.append("cap_add")
        notes.mapped("HostConfig.CapAdd", "cap_add")
    devices = []
    for one in host.get("Devices") or []:
        outside, inside = str(one.get("PathOnHost")), str(one.get("PathInContainer"))
        if _DEVICE.fullmatch(outside):
            devices.append(f"{outside}:{inside}:{one.get('CgroupPermissions') or 'rwm'}")
            notes.mapped(f"HostConfig.Devices {outside}", "devices")
        else:
            notes.lost(f"HostConfig.Devices {outside}", "left out")
    if devices:
        spec["devices"] = devices
        powers.append("devices")
    if powers:
        spec["allow"] = [*spec.get("allow", []), *powers]
    # Docker adds this one to a privileged container by itself.
    if set(host.get("SecurityOpt") or []) - ({"label=disable"} if host.get("Privileged") else set()):
        notes.lost("HostConfig.SecurityOpt", "Docker's default profile is used")
