"""What a compose file may not do unless the spec's `source.allow` names it: a table. Pure.

A release of Backstay is what its pin says, keeps to its own project, and has no more power over the host than any
container: what reaches further is refused before anything is touched. A key of a service that stands in neither table
is refused as well: a feature of a newer Docker Compose is let through when somebody has thought about it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")

# Keys of a service that concern the container alone, whatever their value.
HARMLESS = frozenset(
    [
        *("annotations", "attach", "blkio_config", "cap_drop", "command", "configs", "cpu_count"),
        *("cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus"),
        *("cpuset", "depends_on", "develop", "dns", "dns_opt", "dns_search", "domainname", "entrypoint"),
        *("environment", "expose", "extra_hosts", "group_add", "healthcheck", "hostname", "image", "init"),
        *("isolation", "labels", "links", "logging", "mac_address", "mem_limit", "mem_reservation"),
        *("mem_swappiness", "memswap_limit", "networks", "pids_limit", "platform", "ports", "profiles"),
        *("pull_policy", "read_only", "restart", "scale", "secrets", "shm_size", "stdin_open"),
        *("stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user"),
        "working_dir",
    ]
)

Fine = Callable[[Any], bool]


def _no(value: Any) -> bool:
    return not value


def _own_namespace(value: Any) -> bool:
    # `service:db` shares with a container of the same release; `container:x` and `host` with others.
    return str(value) in {"", "none", "private", "shareable", "bridge"} or str(value).startswith("service:")


def _no_devices(value: Any) -> bool:
    resources = (value or {}).get("resources") or {}
    return not (resources.get("reservations") or {}).get("devices")


def _no_privileges(hooks: Any) -> bool:
    return not any(hook.get("privileged") for hook in hooks or [])


def _of_the_file(value: Any) -> bool:
    return not any(str(one).startswith("container:") for one in value or [])


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
    "cap_add": _no,
    # The one option of these that only takes something away.
    "security_opt": lambda value: set(value or []) <= {"no-new-privileges:true", "no-new-privileges"},
    "runtime": _no,
    "credential_spec": _no,
    "use_api_socket": _no,
    "oom_kill_disable": _no,
    "oom_score_adj": lambda value: (value or 0) >= 0,
    "external_links": _no,
    "volumes_from": _of_the_file,
    "deploy": _no_devices,
    "post_start": _no_privileges,
    "pre_stop": _no_privileges,
    "build": lambda value: True,  # whether there is something to build from is the kind's business
    "container_name": lambda value: True,  # a name that somebody else has is found out by looking
    "volumes": lambda value: True,  # one by one: see _mounts
}
OF_THE_FILE = frozenset({"name", "services", "networks", "volumes", "configs", "secrets"})


def refused(model: Mapping[str, Any], project: str, allow: Collection[str], folder: str | None = None) -> list[str]:
    """The keys (`web.privileged`, `volumes.data.external`) of a rendered file that it may not have, in its order.

    `folder` is the checkout that files of its own come from; None when it has none.
    """
    paths = [PurePosixPath(one) for one in allow if one.startswith("/")]
    found = [
        *(key for key in model if key not in OF_THE_FILE and not key.startswith("x-")),
        *_services(model.get("services") or {}, paths, folder),
        *_shared("volumes", model.get("volumes") or {}, project),
        *_shared("networks", model.get("networks") or {}, project),
        *_files("configs", model.get("configs") or {}, folder),
        *_files("secrets", model.get("secrets") or {}, None),
    ]
    return [key for key in dict.fromkeys(found) if key not in allow]


def taken_names(model: Mapping[str, Any], others: Collection[str], allow: Collection[str]) -> list[str]:
    """The keys of container names that containers of somebody else have. `others`: the names of those."""
    named = [(name, service.get("container_name")) for name, service in (model.get("services") or {}).items()]
    found = [f"{name}.container_name" for name, given in named if given and given in others]
    return [key for key in found if key not in allow]


def _services(services: Mapping[str, Any], paths: list[PurePosixPath], folder: str | None) -> Iterator[str]:
    for name, service in services.items():
        for key, value in service.items():
            if key in HARMLESS or key.startswith("x-"):
                continue
            if key not in DECIDED or not DECIDED[key](value):
                yield f"{name}.{key}"
        if not all(_mount_is_fine(one, paths, folder) for one in service.get("volumes") or []):
            yield f"{name}.volumes"


def _mount_is_fine(mount: Mapping[str, Any], paths: list[PurePosixPath], folder: str | None) -> bool:
    if mount.get("type") in {"volume", "tmpfs"}:
        return True
    source = mount.get("source")
    if mount.get("type") != "bind" or not source or ".." in PurePosixPath(source).parts:
        return False
    if source in DOCKER_SOCKETS:
        return any(str(path) == source for path in paths)  # a directory above it does not bring it along
    if folder is not None and PurePosixPath(source).is_relative_to(folder):
        return True
    return any(PurePosixPath(source).is_relative_to(path) for path in paths)


def _shared(what: str, things: Mapping[str, Any], project: str) -> Iterator[str]:
    for name, thing in things.items():
        given = thing or {}
        if given.get("external"):
            yield f"{what}.{name}.external"
        elif given.get("name", f"{project}_{name}") != f"{project}_{name}":
            yield f"{what}.{name}.name"
        if what == "volumes" and given.get("driver") not in {None, "", "local"}:
            yield f"{what}.{name}.driver"
        if what == "volumes" and given.get("driver_opts"):
            yield f"{what}.{name}.driver_opts"  # `type: none, device: /etc` is a bind mount by another name
        if what == "networks" and given.get("driver") not in {None, "", "bridge", "default"}:
            yield f"{what}.{name}.driver"


def _files(what: str, things: Mapping[str, Any], folder: str | None) -> Iterator[str]:
    for name, thing in things.items():
        given = thing or {}
        if given.get("external"):
            yield f"{what}.{name}.external"
        if given.get("driver") or given.get("template_driver"):
            yield f"{what}.{name}.driver"
        path = given.get("file")
        if path is not None and (folder is None or not PurePosixPath(path).is_relative_to(folder)):
            yield f"{what}.{name}.file"
