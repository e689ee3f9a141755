"""What an adopted container has of the host: ports, volumes, directories, networks. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tasks.adoption.inspected import Inspected
from tasks.adoption.notes import Notes

HOST = frozenset({"NetworkMode", "Tmpfs"})
_PATH = re.compile(r"/[^:\x00]{0,499}")
_HOST_PATH = re.compile(r"/(?!(?:.*/)?\.\.(?:/|$))[^:\x00\r\n]{0,499}")
_TMPFS_SIZE = re.compile(r"size=([0-9]+)([kmg]?)", re.IGNORECASE)
_MIB = {"": 1 / 1024 / 1024, "k": 1 / 1024, "m": 1, "g": 1024}
_USUAL_TMPFS = {"rw", "noexec", "nosuid", "nodev", "relatime", ""}


def take(found: Inspected, spec: dict[str, Any], notes: Notes, may_mount: Callable[[str], bool]) -> None:
    """Add the keys of the spec."""
    _ports(found, spec, notes)
    _mounts(found, spec, notes, may_mount)
    _files_in_memory(found, spec, notes)
    _networks(found, notes)


def published(found: Inspected) -> list[dict[str, Any]]:
    """Return the published ports as a spec has them, in the order of the container's ports: those that Docker has
    bound, so that a port that it chose is known."""
    ports = []
    bound = (found.raw.get("NetworkSettings") or {}).get("Ports") or {}
    for key, bindings in sorted(bound.items(), key=lambda one: (int(one[0].partition("/")[0]), one[0])):
        inside, _, protocol = key.partition("/")
        for one in bindings or []:
            port = {"container": int(inside), "host": int(one["HostPort"]), "address": one["HostIp"] or "0.0.0.0"}
            ports.append(port | ({"protocol": "udp"} if protocol == "udp" else {}))
    return ports


def _ports(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    ports = published(found)
    for port in ports:
        notes.mapped(f"Ports {port['container']}/{port.get('protocol', 'tcp')}", "ports")
    of_image = set(found.of_image.get("ExposedPorts") or {})
    inside = {(port["container"], port.get("protocol", "tcp")) for port in ports}
    for key in sorted(set(found.config.get("ExposedPorts") or {}) - of_image):
        number, _, protocol = key.partition("/")
        if protocol not in {"tcp", "udp"}:
            notes.lost(f"Ports {key}", "only TCP and UDP")
        elif (int(number), protocol) not in inside:
            ports.append({"container": int(number)} | ({"protocol": "udp"} if protocol == "udp" else {}))
            notes.mapped(f"Ports {key}", "ports")
    if ports:
        spec["ports"] = ports


def _mounts(found: Inspected, spec: dict[str, Any], notes: Notes, may_mount: Callable[[str], bool]) -> None:
    volumes: list[dict[str, Any]] = []
    allow: list[str] = []
    for one in found.raw.get("Mounts") or []:
        path, kind = str(one.get("Destination") or ""), str(one.get("Type") or "")
        key = f"Mounts {path}"
        read_only = {} if one.get("RW", True) else {"read_only": True}
        if kind == "volume" and _PATH.fullmatch(path):
            volumes.append({"name": one["Name"], "path": path, "existing": True} | read_only)
            notes.mapped(key, "volumes")
        elif kind == "bind" and _PATH.fullmatch(path) and _is_plain(one) and may_mount(str(one["Source"])):
            volumes.append({"host_path": one["Source"], "path": path} | read_only)
            allow.append(str(one["Source"]))
            notes.mapped(key, "volumes")
        elif kind != "tmpfs":
            notes.lost(key, "not mounted: Docker's socket, Backstay's own directories and special mounts are refused")
    if volumes:
        spec["volumes"] = volumes
    if allow:
        spec["allow"] = list(dict.fromkeys(allow))


def _is_plain(mount: dict[str, Any]) -> bool:
    return bool(_HOST_PATH.fullmatch(str(mount.get("Source") or ""))) and mount.get("Propagation") in {
        None,
        "",
        "rprivate",
    }


def _files_in_memory(found: Inspected, spec: dict[str, Any], notes: Notes) -> None:
    tmpfs: list[dict[str, Any]] = []
    for path, options in sorted((found.host.get("Tmpfs") or {}).items()):
        size = _TMPFS_SIZE.search(options)
        other = {one for one in options.split(",") if not _TMPFS_SIZE.fullmatch(one)} - _USUAL_TMPFS
        _one_in_memory(path, int(size[1]) * _MIB[size[2].lower()] if size else None, tmpfs, notes)
        if other:
            notes.lost(f"Tmpfs {path} options", "Docker's defaults are used")
    for one in found.host.get("Mounts") or []:
        if one.get("Type") == "tmpfs":
            size_bytes = (one.get("TmpfsOptions") or {}).get("SizeBytes")
            _one_in_memory(str(one.get("Target")), size_bytes / 2**20 if size_bytes else None, tmpfs, notes)
    if tmpfs:
        spec["tmpfs"] = tmpfs


def _one_in_memory(path: str, size: float | None, tmpfs: list[dict[str, Any]], notes: Notes) -> None:
    whole = size is None or (size >= 1 and float(size).is_integer())
    tmpfs.append({"path": path} | ({"size_mb": int(size)} if size is not None and whole else {}))
    if whole:
        notes.mapped(f"Tmpfs {path}", "tmpfs")
    else:
        notes.lost(f"Tmpfs {path} size", "a whole number of MiB is needed: no limit")


def _networks(found: Inspected, notes: Notes) -> None:
    mode = str(found.host.get("NetworkMode") or "default")
    if mode in {"host", "none"} or mode.startswith("container:"):
        notes.lost("HostConfig.NetworkMode", f"{mode.partition(':')[0]}: the first deploy runs in a network of its own")
    for name in sorted(found.networks):
        notes.lost(
            f"Networks {name}",
            "the first deploy leaves it: what is in it no longer reaches the app by name, nor does a proxy there",
        )
