"""What a container of a project has of the host, as keys of a service: ports, volumes, networks, namespaces. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tasks.adoption.inspected import Inspected, is_default
from tasks.adoption.notes import Notes
from tasks.adoption.platforms import COMPOSE

PLACES = frozenset({"NetworkMode", "Tmpfs", "PidMode", "IpcMode"})


def take_places(
    found: Inspected,
    keys: dict[str, Any],
    notes: Notes,
    is_mountable: Callable[[str], bool],
    siblings: Mapping[str, str],
) -> tuple[list[str], list[str], list[str]]:
    """Add the keys of the service; return the names of the volumes and networks that it uses, and the directories."""
    _ports(found, keys, notes)
    volumes, directories = _mounts(found, keys, notes, is_mountable)
    networks = _networks(found, keys, notes, siblings)
    for key, into in (("PidMode", "pid"), ("IpcMode", "ipc")):
        if not is_default(key, mode := found.host.get(key)):
            _shared(str(mode), key, into, keys, notes, siblings)
    return volumes, networks, directories


def _ports(found: Inspected, keys: dict[str, Any], notes: Notes) -> None:
    bound = (found.raw.get("NetworkSettings") or {}).get("Ports") or {}
    wanted = found.host.get("PortBindings") or {}
    if found.host.get("PublishAllPorts"):
        wanted = bound | wanted
    ports = []
    for key, bindings in sorted(wanted.items()):
        inside, _, protocol = key.partition("/")
        given = [one.get("HostPort") for one in bindings or []]
        now = [one["HostPort"] for one in bound.get(key) or []]
        for at, one in enumerate(bindings or []):
            # A port that Docker has chosen stays the one that it is now.
            outside = given[at] if given[at] not in {None, "", "0"} else (now[0] if now else "")
            port = {"target": int(inside), "protocol": protocol, "mode": "ingress"}
            port |= ({"published": outside} if outside else {}) | (
                {"host_ip": one["HostIp"]} if one.get("HostIp") else {}
            )
            if port not in ports:
                ports.append(port)
                notes.mapped(f"Ports {key}", "ports")
    if ports:
        keys["ports"] = ports
    of_image = set(found.of_image.get("ExposedPorts") or {})
    if own := sorted(set(found.config.get("ExposedPorts") or {}) - of_image - set(wanted)):
        keys["expose"] = own
        notes.mapped("Config.ExposedPorts", "expose")


def _mounts(
    found: Inspected, keys: dict[str, Any], notes: Notes, is_mountable: Callable[[str], bool]
) -> tuple[list[str], list[str]]:
    volumes, directories, mounts = list[str](), list[str](), list[dict[str, Any]]()
    for one in found.raw.get("Mounts") or []:
        kind, path, key = one.get("Type"), str(one.get("Destination")), f"Mounts {one.get('Destination')}"
        mount = {"type": kind, "target": path} | ({} if one.get("RW", True) else {"read_only": True})
        if kind == "volume":
            volumes.append(str(one["Name"]))
            mounts.append(mount | {"source": str(one["Name"])})
            notes.mapped(key, "volumes")
        elif kind == "bind" and is_mountable(str(one.get("Source"))):
            directories.append(str(one["Source"]))
            propagation = one.get("Propagation")
            options = {"propagation": propagation} if propagation not in {None, "", "rprivate"} else {}
            mounts.append(mount | {"source": str(one["Source"])} | ({"bind": options} if options else {}))
            notes.mapped(key, "volumes")
        elif kind != "tmpfs":
            notes.lost(key, "not mounted: Backstay's own directories and special mounts are refused")
    for one in found.host.get("Mounts") or []:
        if one.get("Type") == "tmpfs":
            size = (one.get("TmpfsOptions") or {}).get("SizeBytes")
            mounts.append({"type": "tmpfs", "target": one["Target"]} | ({"tmpfs": {"size": size}} if size else {}))
            notes.mapped(f"Tmpfs {one['Target']}", "volumes")
    if mounts:
        keys["volumes"] = mounts
    if tmpfs := found.host.get("Tmpfs"):
        keys["tmpfs"] = [f"{path}:{options}" if options else path for path, options in sorted(tmpfs.items())]
        notes.mapped("HostConfig.Tmpfs", "tmpfs")
    return volumes, directories


def _networks(found: Inspected, keys: dict[str, Any], notes: Notes, siblings: Mapping[str, str]) -> list[str]:
    mode = str(found.host.get("NetworkMode") or "default")
    if not found.networks:
        if mode in {"host", "none"}:
            keys["network_mode"] = mode
            notes.mapped("HostConfig.NetworkMode", "network_mode")
        elif mode.startswith("container:"):
            _shared(mode, "NetworkMode", "network_mode", keys, notes, siblings)
        else:
            keys["network_mode"] = "bridge"
            notes.mapped("HostConfig.NetworkMode", "network_mode")
        return []
    by_itself = {found.labels.get(f"{COMPOSE}service"), found.name, str(found.raw["Id"])[:12]}
    joined: dict[str, Any] = {}
    for name, one in sorted(found.networks.items()):
        aliases = [alias for alias in one.get("Aliases") or [] if alias not in by_itself]
        address = (one.get("IPAMConfig") or {}).get("IPv4Address")
        joined[name] = ({"aliases": aliases} if aliases else {}) | ({"ipv4_address": address} if address else {})
        notes.mapped(f"Networks {name}", "networks")
    keys["networks"] = joined
    return list(joined)


def _shared(mode: str, key: str, into: str, keys: dict[str, Any], notes: Notes, siblings: Mapping[str, str]) -> None:
    """Take a namespace of the host or of another container, which has to be one of the project."""
    kind, _, other = mode.partition(":")
    if kind != "container":
        keys[into] = mode
        notes.mapped(f"HostConfig.{key}", into)
    elif other in siblings:
        keys[into] = f"service:{siblings[other]}"
        notes.mapped(f"HostConfig.{key}", into)
    else:
        notes.lost(f"HostConfig.{key}", "it is that of a container outside of the project")
