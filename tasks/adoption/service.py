"""A running container of a project as a service of a compose file. Pure.

A compose file can say nearly all that `docker run` can, so each key is carried over; one that is not in the tables is
named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.adoption import process
from tasks.adoption.confidential import is_secret, without_secrets
from tasks.adoption.inspected import Inspected, is_default, remaining
from tasks.adoption.notes import Notes
from tasks.adoption.platforms import COMPOSE, is_bookkeeping, platform_of
from tasks.adoption.service_places import PLACES, take_places

_AS_IT_IS: Mapping[str, str] = {
    "CapAdd": "cap_add",
    "CapDrop": "cap_drop",
    "Privileged": "privileged",
    "ReadonlyRootfs": "read_only",
    "Dns": "dns",
    "DnsOptions": "dns_opt",
    "DnsSearch": "dns_search",
    "GroupAdd": "group_add",
    "Sysctls": "sysctls",
    "PidsLimit": "pids_limit",
    "Memory": "mem_limit",
    "MemoryReservation": "mem_reservation",
    "MemorySwappiness": "mem_swappiness",
    "CpuShares": "cpu_shares",
    "CpuQuota": "cpu_quota",
    "CpuPeriod": "cpu_period",
    "CpusetCpus": "cpuset",
    "OomScoreAdj": "oom_score_adj",
    "OomKillDisable": "oom_kill_disable",
    "UTSMode": "uts",
    "UsernsMode": "userns_mode",
    "Runtime": "runtime",
    "CgroupParent": "cgroup_parent",
    "DeviceCgroupRules": "device_cgroup_rules",
    "StorageOpt": "storage_opt",
    "ShmSize": "shm_size",
    "Init": "init",
}
_HOST = frozenset(
    [
        *(*_AS_IT_IS, *PLACES),
        *("NanoCpus", "MemorySwap", "Ulimits", "ExtraHosts", "Devices", "LogConfig", "RestartPolicy", "SecurityOpt"),
    ]
)
_WORDS: Mapping[str, str] = {
    "Hostname": "hostname",
    "Domainname": "domainname",
    "MacAddress": "mac_address",
    "Tty": "tty",
    "OpenStdin": "stdin_open",
    "StopSignal": "stop_signal",
    "User": "user",
    "WorkingDir": "working_dir",
}
_CONFIG = process.CONFIG


@dataclass(frozen=True)
class ServiceKeys:
    """A service without its secrets, which it takes from variables. `volumes`, `networks`: Docker's own names of what
    it uses; `directories`: of the host, which have to be allowed."""

    keys: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)  # name of the variable -> value
    volumes: list[str]
    networks: list[str]
    directories: list[str]


def map_service(
    found: Inspected, image: str, notes: Notes, is_mountable: Callable[[str], bool], siblings: Mapping[str, str]
) -> ServiceKeys:
    """Return a container as a service. `siblings`: container id -> service, of the same project."""
    keys: dict[str, Any] = {"image": image}
    notes.mapped("Config.Image", "image")
    if not found.image.get("RepoDigests"):
        keys["pull_policy"] = "missing"
    _process(found, keys, notes)
    _limits(found, keys, notes)
    volumes, networks, directories = take_places(found, keys, notes, is_mountable, siblings)
    _waits(found, keys, notes, set(siblings.values()))
    secrets: dict[str, str] = {}
    keys = escaped(keys)
    for key in {"command", "entrypoint"} & keys.keys():
        keys[key] = without_secrets(keys[key], lambda name, value: _kept(name, value, secrets))
    _environment(found, keys, secrets, notes)
    for key in remaining(found, _HOST, _CONFIG):
        notes.lost(key, "the containers of the first deploy do not have it")
    return ServiceKeys(keys, secrets, volumes, networks, directories)


def escaped(value: Any) -> Any:
    """Return a value in which Docker Compose finds no variables."""
    if isinstance(value, dict):
        return {key: escaped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [escaped(one) for one in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def placeholder(name: str) -> str:
    """Return what stands for a secret until the project knows the variable that holds it; no argument contains it."""
    return f"\0{name}\0"


def _kept(name: str, value: str, secrets: dict[str, str]) -> str:
    free = next(one for one in (name, *(f"{name}_{at}" for at in range(2, 1000))) if secrets.get(one, value) == value)
    secrets[free] = value.replace("$$", "$")
    return placeholder(free)


def variable_for(service: str, name: str, value: str, taken: Mapping[str, str]) -> str:
    """Return the variable of the project that holds a secret of a service: its own name, unless another service has
    another value under it. As a compose file may write it."""
    plain = "".join(one if one.isascii() and one.isalnum() else "_" for one in name)
    plain = plain if not plain[:1].isdigit() else f"_{plain}"
    candidates = [
        plain,
        f"{''.join(one if one.isascii() and one.isalnum() else '_' for one in service).upper()}_{plain}",
    ]
    return next((one for one in candidates if taken.get(one, value) == value), f"{candidates[1]}_{len(taken)}")


def _environment(found: Inspected, keys: dict[str, Any], secrets: dict[str, str], notes: Notes) -> None:
    environment: dict[str, str] = {}
    for name, value in process.own_environment(found).items():
        if is_secret(name, value):
            secrets[name] = value
            environment[name] = placeholder(name)
            notes.mapped(f"Config.Env {name}", "secrets")
        else:
            environment[name] = escaped(value)
            notes.mapped(f"Config.Env {name}", f"environment.{name}")
    if environment:
        keys["environment"] = environment


def _process(found: Inspected, keys: dict[str, Any], notes: Notes) -> None:
    spec: dict[str, Any] = {}
    process.take_command(found, spec, notes)
    keys |= spec
    for key, into in _WORDS.items():
        if process.is_set(found, key):
            keys[into] = found.config[key]
            notes.mapped(f"Config.{key}", into)
    if found.config.get("StopTimeout") is not None:
        keys["stop_grace_period"] = f"{found.config['StopTimeout']}s"
        notes.mapped("Config.StopTimeout", "stop_grace_period")
    labels, platform = {}, platform_of(found.labels)
    for name, value in process.own_labels(found).items():
        if is_bookkeeping(name, platform):
            notes.dropped(f"Config.Labels {name}", "bookkeeping of another tool")
        elif name.startswith("backstay."):
            notes.lost(f"Config.Labels {name}", "labels of this name are Backstay's")
        else:
            labels[name] = value
            notes.mapped(f"Config.Labels {name}", "labels")
    if labels:
        keys["labels"] = labels
    check = found.config.get("Healthcheck")
    if check and check != found.of_image.get("Healthcheck"):
        keys["healthcheck"] = _health(check)
        notes.mapped("Config.Healthcheck", "healthcheck")
    _restart(found, keys, notes)


def _health(check: Mapping[str, Any]) -> dict[str, Any]:
    test = list(check.get("Test") or [])
    if test[:1] == ["NONE"]:
        return {"disable": True}
    times = {"Interval": "interval", "Timeout": "timeout", "StartPeriod": "start_period"}
    said = {into: f"{check[key]}ns" for key, into in times.items() if check.get(key)}
    return ({"test": test} if test else {}) | said | ({"retries": check["Retries"]} if check.get("Retries") else {})


def _restart(found: Inspected, keys: dict[str, Any], notes: Notes) -> None:
    policy = found.host.get("RestartPolicy") or {}
    name, most = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
    if name == "no":
        # Said of one that runs, it would make it a job, which is expected to end.
        if not found.raw["State"].get("Running"):
            keys["restart"] = "no"
            notes.mapped("HostConfig.RestartPolicy", "restart")
        return
    keys["restart"] = f"{name}:{most}" if most else name
    notes.mapped("HostConfig.RestartPolicy", "restart")


def _limits(found: Inspected, keys: dict[str, Any], notes: Notes) -> None:
    host = found.host
    for key, into in _AS_IT_IS.items():
        if not is_default(key, host.get(key)):
            keys[into] = host[key]
            notes.mapped(f"HostConfig.{key}", into)
    if host.get("NanoCpus"):
        keys["cpus"] = host["NanoCpus"] / 1e9
        notes.mapped("HostConfig.NanoCpus", "cpus")
    swap = host.get("MemorySwap") or 0
    if swap and swap != 2 * (host.get("Memory") or 0):  # which is what it is by itself
        keys["memswap_limit"] = swap
        notes.mapped("HostConfig.MemorySwap", "memswap_limit")
    if limits := host.get("Ulimits"):
        keys["ulimits"] = {one["Name"]: {"soft": one["Soft"], "hard": one["Hard"]} for one in limits}
        notes.mapped("HostConfig.Ulimits", "ulimits")
    if hosts := host.get("ExtraHosts"):
        keys["extra_hosts"] = [one if "=" in one else one.replace(":", "=", 1) for one in hosts]
        notes.mapped("HostConfig.ExtraHosts", "extra_hosts")
    if devices := host.get("Devices"):
        keys["devices"] = [
            f"{one['PathOnHost']}:{one['PathInContainer']}:{one['CgroupPermissions']}" for one in devices
        ]
        notes.mapped("HostConfig.Devices", "devices")
    log = host.get("LogConfig") or {}
    if log.get("Type") not in {None, "", "json-file"} or log.get("Config"):
        keys["logging"] = {"driver": log["Type"], "options": dict(log.get("Config") or {})}
        notes.mapped("HostConfig.LogConfig", "logging")
    options = [one for one in host.get("SecurityOpt") or [] if not (host.get("Privileged") and one == "label=disable")]
    if options:
        keys["security_opt"] = options
        notes.mapped("HostConfig.SecurityOpt", "security_opt")


def _waits(found: Inspected, keys: dict[str, Any], notes: Notes, services: set[str]) -> None:
    """Take the order of start from the label that Docker Compose keeps it in: `db:service_healthy:false`."""
    waits = {}
    for entry in filter(None, found.labels.get(f"{COMPOSE}depends_on", "").split(",")):
        name, _, rest = entry.partition(":")
        condition = rest.partition(":")[0] or "service_started"
        if name in services:
            waits[name] = {"condition": condition}
            notes.mapped(f"depends_on {name}", "depends_on")
    if waits:
        keys["depends_on"] = waits
