"""What a compose file may not do unless the spec's `source.allow` names it: a table. Pure.

A release of Backstay is what its pin says, keeps to its own project, and has no more power over the host than any
container: what reaches further is refused before anything is changed. A service key in neither table is refused as
well: a feature of a newer Docker Compose is allowed only after a review.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tasks.compose import harmless

DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")

# Keys of a service that affect the container alone, whatever their value.
HARMLESS = frozenset(
    [
        *("attach", "blkio_config", "cap_drop", "command", "configs", "cpu_count"),
        *("cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus"),
        *("cpuset", "depends_on", "develop", "dns", "dns_opt", "dns_search", "domainname", "entrypoint"),
        *("environment", "expose", "extra_hosts", "group_add", "healthcheck", "hostname", "image", "init"),
        *("isolation", "labels", "links", "mac_address", "mem_limit", "mem_reservation"),
        *("mem_swappiness", "memswap_limit", "networks", "pids_limit", "platform", "ports", "profiles"),
        *("pull_policy", "read_only", "restart", "scale", "secrets", "shm_size", "stdin_open"),
        *("stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user"),
        "working_dir",
    ]
)

Fine = Callable[[Any], bool]
Model = Mapping[str, Any]
PRIVATE = [ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


def _no(value: Any) -> bool:
    return not value


def _own_namespace(value: Any) -> bool:
    # `service:db` shares with a container of the same release; `container:x` and `host` share with others.
    return str(value) in {"", "none", "private", "shareable", "bridge"} or str(value).startswith("service:")


def _no_devices(value: Any) -> bool:
    resources = (value or {}).get("resources") or {}
    return not (resources.get("reservations") or {}).get("devices")


def _no_privileges(hooks: Any) -> bool:
    return not any(hook.get("privileged") for hook in hooks or [])


def _of_the_file(value: Any) -> bool:
    return not any(str(one).startswith("container:") for one in value or [])


def _kept_here(value: Any) -> bool:
    # Any other driver is a plugin, or makes the Docker daemon send the output to an address or a socket of the host.
    return str((value or {}).get("driver") or "") in {"", "json-file", "local", "journald", "none"}


def _is_bridge(value: Any) -> bool:
    return value in {None, "", "bridge", "default"}


def _private(value: Any) -> bool:
    """Return whether a network uses only private addresses: the host would route public ones to it."""
    if (value or {}).get("driver") not in {None, "", "default"}:
        return False
    return all(_is_private(str(one["subnet"])) for one in (value or {}).get("config") or [] if one.get("subnet"))


def _is_private(subnet: str) -> bool:
    try:
        network = ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return False
    return any(network.version == one.version and network.subnet_of(one) for one in PRIVATE)  # type: ignore[arg-type]


# Keys of a service whose value decides.
DECIDED: Mapping[str, Fine] = {
    "privileged": _no,
    "network_mode": _own_namespace,
    "pid": _own_namespace,
    "ipc": _own_namespace,
    "uts": _no,
    "userns_mode": _no,
    "cgroup": lambda value: value in {None, "", "private"},
    "cgroup_parent": _no,
    "devices": _no,
    "device_cgroup_rules": _no,
    "gpus": _no,
    "cap_add": harmless.capabilities,
    "security_opt": harmless.security_options,
    "runtime": _no,
    "credential_spec": _no,
    "use_api_socket": _no,
    "oom_kill_disable": _no,
    "oom_score_adj": lambda value: (value or 0) >= 0,
    "external_links": _no,
    "annotations": _no,  # their meaning is up to the runtime
    "logging": _kept_here,
    "volumes_from": _of_the_file,
    "deploy": _no_devices,
    "post_start": _no_privileges,
    "pre_stop": _no_privileges,
    "build": lambda value: True,  # whether it can be built is for the kind to decide
    "container_name": lambda value: True,  # conflicts with existing names are checked against Docker
    "volumes": lambda value: True,  # one by one: see _mounts
}
OF_THE_FILE = frozenset({"name", "services", "networks", "volumes", "configs", "secrets"})
# The same for what services share.
SHARED: Mapping[str, Mapping[str, Fine]] = {
    "volumes": {
        "driver": lambda value: value in {None, "", "local"},
        "driver_opts": _no,  # `type: none, device: /etc` is a bind mount by another name
    },
    "networks": {
        "driver": _is_bridge,
        "driver_opts": harmless.bridge_options,
        "ipam": _private,
        **dict.fromkeys(("attachable", "internal", "enable_ipv4", "enable_ipv6"), lambda value: True),
    },
    "configs": {"content": lambda value: True, "environment": lambda value: True},
    "secrets": {"environment": lambda value: True},
}


@dataclass(frozen=True)
class Host:
    """What a file may mount of the host. `real` follows the links of a path.

    `folder` is the directory that its own files come from, and relative paths begin at; None when there is none.
    `sockets`: of the Docker Engine. `own`: Backstay's directories, HOME first.
    """

    folder: str | None = None
    sockets: Collection[str] = DOCKER_SOCKETS
    real: Callable[[str], str] = str
    own: Sequence[str] = ()


def refused(model: Mapping[str, Any], project: str, allow: Collection[str], host: Host) -> list[str]:
    """Return the forbidden keys (`web.privileged`, `volumes.data.external`) of a rendered file, in its order."""
    found = [
        *(key for key in model if key not in OF_THE_FILE and not key.startswith("x-")),
        *_services(model.get("services") or {}, [one for one in allow if one.startswith("/")], host),
        *(key for what in SHARED for key in _shared(what, model.get(what) or {}, project, host)),
    ]
    return [key for key in dict.fromkeys(found) if key not in allow]


def out_of_reach(model: Model, as_written: Callable[[], Model], host: Host) -> list[str]:
    """Return the keys of paths that nobody can allow: a relative one that leads out of `host.folder`, one that lies
    below HOME, links followed, and one with a secret in it, which is not known yet.

    `as_written` returns the file with relative paths; it is called only where a path leads out of the folder.
    """
    outside = [one for one in _paths(model) if not _is_of_the_folder(one, host) or _may_be_of_a_home(one.path)]
    if not outside:
        return []
    written = {(one.key, one.at): one.path for one in _paths(as_written())}
    found = [one.key for one in outside if _is_out_of_reach(one, written.get((one.key, one.at), one.path), host)]
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Path:
    """A path of the host in a file. `at`: what distinguishes it from others of its key."""

    key: str
    path: str
    at: str = ""
    may_be_of_the_folder: bool = True


def _paths(model: Model) -> Iterator[_Path]:
    for name, service in (model.get("services") or {}).items():
        for mount in service.get("volumes") or []:
            if mount.get("type") == "bind":
                yield _Path(f"{name}.volumes", str(mount.get("source") or ""), str(mount.get("target")))
    for what in ("configs", "secrets"):
        for name, thing in (model.get(what) or {}).items():
            if (file := (thing or {}).get("file")) is not None:
                # Files of the repository are taken into the release, secrets encrypted.
                yield _Path(f"{what}.{name}.file", str(file))
    for name, thing in (model.get("volumes") or {}).items():
        if device := ((thing or {}).get("driver_opts") or {}).get("device"):
            yield _Path(f"volumes.{name}.driver_opts", str(device), may_be_of_the_folder=False)


def _is_out_of_reach(one: _Path, as_written: str, host: Host) -> bool:
    # Docker Compose leaves the path of a device as it is, and runs without a home directory.
    if "${" in one.path or one.path.startswith((".", "~")) or as_written.startswith("~"):
        return True
    if _is_of_the_folder(one, host):
        return False
    if one.path.startswith("/") and not as_written.startswith("/"):
        return True
    place = PurePosixPath(host.real(one.path.replace("$$", "$")))
    return any(place.is_relative_to(host.real(one)) for one in host.own)


def _is_of_the_folder(one: _Path, host: Host) -> bool:
    return one.may_be_of_the_folder and _is_below(one.path, host.folder)


def _may_be_of_a_home(path: str) -> bool:
    """Return whether a resolved path may have been `~/store`, which became a directory called `~`."""
    return any(part.startswith("~") for part in PurePosixPath(path).parts)


def _is_below(path: str, folder: str | None) -> bool:
    place = PurePosixPath(path)
    return folder is not None and "${" not in path and place.is_relative_to(folder) and ".." not in place.parts


def named(model: Mapping[str, Any]) -> list[str]:
    """Return the keys of the names that a file gives to containers."""
    services = (model.get("services") or {}).items()
    return [f"{name}.container_name" for name, service in services if service.get("container_name")]


def taken_names(model: Mapping[str, Any], others: Collection[str], allow: Collection[str]) -> list[str]:
    """Return the keys of container names already taken by others. `others`: the names of their containers."""
    named = [(name, service.get("container_name")) for name, service in (model.get("services") or {}).items()]
    found = [f"{name}.container_name" for name, given in named if given and given in others]
    return [key for key in found if key not in allow]


def _services(services: Mapping[str, Any], allowed: list[str], host: Host) -> Iterator[str]:
    for name, service in services.items():
        for key, value in service.items():
            if key in HARMLESS or key.startswith("x-"):
                continue
            if key not in DECIDED or not DECIDED[key](value):
                yield f"{name}.{key}"
        if not all(_mount_is_fine(one, allowed, host) for one in service.get("volumes") or []):
            yield f"{name}.volumes"


def _mount_is_fine(mount: Mapping[str, Any], allowed: list[str], host: Host) -> bool:
    source = str(mount.get("source") or "")
    is_harmless = mount.get("type") == "bind" and source in harmless.PATHS and mount.get("read_only") is True
    if mount.get("type") in {"volume", "tmpfs"} or is_harmless:
        return True
    # A secret is substituted after this check, and might contain `..`.
    if mount.get("type") != "bind" or not source or "${" in source or ".." in PurePosixPath(source).parts:
        return False
    if host.folder is not None and PurePosixPath(source).is_relative_to(host.folder):
        return True
    place, there = PurePosixPath(host.real(source)), [PurePosixPath(host.real(one)) for one in allowed]
    # Allowing a directory allows neither the socket in it nor a directory above both, nor one that has HOME in it.
    inside = {PurePosixPath(host.real(one)) for one in host.sockets}
    sockets = {one for one in inside if one.is_relative_to(place)}
    if place in inside:
        return place in there
    if any(PurePosixPath(host.real(one)).is_relative_to(place) for one in host.own):
        return False
    return sockets <= set(there) and any(place.is_relative_to(one) for one in there)


def host_path_is_fine(path: str, allowed: list[str], host: Host) -> bool:
    """Return whether a directory of the host may be mounted: it is below one of the allowed, links followed."""
    return _mount_is_fine({"type": "bind", "source": path}, allowed, host)


def _shared(what: str, things: Mapping[str, Any], project: str, host: Host) -> Iterator[str]:
    for name, thing in things.items():
        given = thing or {}
        if given.get("external"):
            yield f"{what}.{name}.external"
        elif what in {"volumes", "networks"} and given.get("name", f"{project}_{name}") != f"{project}_{name}":
            yield f"{what}.{name}.name"
        for key, value in given.items():
            if key in {"name", "external", "labels", "file"} or key.startswith("x-"):
                continue
            if not SHARED[what].get(key, _no)(value):
                yield f"{what}.{name}.{key}"
        if given.get("file") is not None and not _is_below(str(given["file"]), host.folder):
            yield f"{what}.{name}.file"
